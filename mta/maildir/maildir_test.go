package maildir

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

const text = "Subject: hello\n\nbare LF, CR\r and \xff stay\r\n"

func store(m *disktest.Mem) *Store {
	m.Put("/mail/.made", "")
	return &Store{Dir: "/mail", FS: m, Host: "mx.example.org", Now: func() time.Time { return time.Unix(1_800_000_000, 42_000) }}
}

func delivery() Delivery {
	return Delivery{Box: "bob", ReturnPath: "ann@example.org", DeliveredTo: "bob@example.net", Message: strings.NewReader(text)}
}

func TestDeliver(t *testing.T) {
	m := new(disktest.Mem)
	s := store(m)
	s.Host = "a/b:c"
	name, err := s.Deliver(delivery())
	if err != nil {
		t.Fatal(err)
	}
	if want := regexp.MustCompile(`^1800000000\.M000042P\d+Q1R[0-9a-f]{8}\.a\\057b\\072c,S=\d+$`); !want.MatchString(name) {
		t.Errorf("name %s", name)
	}
	want := "Return-Path: <ann@example.org>\r\nDelivered-To: bob@example.net\r\n" + text
	if got := m.Files()["/mail/bob/new/"+name]; got != want {
		t.Errorf("delivered %q", got)
	}
	entries, err := s.List("bob")
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	if e := entries[0]; e != (Entry{Name: name, At: time.Unix(1_800_000_000, 0).UTC(), Size: int64(len(want))}) {
		t.Errorf("entry %+v", e)
	}
	r, err := s.Open("bob", entries[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); string(got) != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNullReturnPath(t *testing.T) {
	m := new(disktest.Mem)
	name, err := store(m).Deliver(Delivery{Box: "bob", Message: strings.NewReader(text)})
	if got := m.Files()["/mail/bob/new/"+name]; err != nil || got != "Return-Path: <>\r\n"+text {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFolder(t *testing.T) {
	m := new(disktest.Mem)
	s := store(m)
	d := delivery()
	d.Folder = "Junk"
	name, err := s.Deliver(d)
	if err != nil {
		t.Fatal(err)
	}
	files := m.Files()
	if _, ok := files["/mail/bob/.Junk/maildirfolder"]; !ok || files["/mail/bob/.Junk/new/"+name] == "" {
		t.Errorf("files %v", m.Names())
	}
	entries, err := s.List("bob")
	if err != nil || len(entries) != 1 || entries[0].Folder != "Junk" {
		t.Errorf("%+v, %v", entries, err)
	}
	if err := s.Remove("bob", entries[0]); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("bob", entries[0]); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := s.Open("bob", entries[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opened what is gone: %v", err)
	}
}

func TestNames(t *testing.T) {
	m := new(disktest.Mem)
	s := store(m)
	before := m.Files()
	for _, name := range []string{"", ".", "..", "../x", "a/b", `a\b`, "/etc", ".hidden", "a\x00", "a\nb", "\xff", strings.Repeat("a", 201)} {
		d := delivery()
		d.Box = name
		if _, err := s.Deliver(d); !errors.Is(err, ErrName) {
			t.Errorf("box %q: %v", name, err)
		}
		if _, err := s.List(name); !errors.Is(err, ErrName) {
			t.Errorf("list of %q: %v", name, err)
		}
		if _, err := s.Open(name, Entry{Name: "1.M1.mx"}); !errors.Is(err, ErrName) {
			t.Errorf("open in %q: %v", name, err)
		}
		if d.Folder = name; name != "" {
			d.Box = "bob"
			if _, err := s.Deliver(d); !errors.Is(err, ErrName) {
				t.Errorf("folder %q: %v", name, err)
			}
		}
	}
	for _, name := range []string{"", ".", "..", "../cur/1.M1.mx", "a/b", ".hidden"} {
		if _, err := s.Open("bob", Entry{Name: name}); !errors.Is(err, ErrName) {
			t.Errorf("open %q: %v", name, err)
		}
	}
	if !maps.Equal(before, m.Files()) {
		t.Errorf("files %v", m.Names())
	}
	for _, name := range []string{"bob", "bob.smith+tag", "test-0a1b", "müller", "a b", "o'neil"} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestForgedFields(t *testing.T) {
	d := delivery()
	d.ReturnPath = "a@b>\r\nX-Forged: yes"
	if _, err := store(new(disktest.Mem)).Deliver(d); err == nil {
		t.Error("delivered a reverse-path with a line end")
	}
}

func TestQuota(t *testing.T) {
	m := new(disktest.Mem)
	s := store(m)
	s.Quota = 150
	if _, err := s.Deliver(delivery()); err != nil {
		t.Fatal(err)
	}
	before := m.Files()
	if _, err := s.Deliver(delivery()); !errors.Is(err, ErrFull) {
		t.Errorf("over quota: %v", err)
	}
	if !maps.Equal(before, m.Files()) {
		t.Errorf("left %v", m.Names())
	}
	s.Quota = 20
	if _, err := s.Deliver(delivery()); !errors.Is(err, ErrFull) {
		t.Errorf("far over quota: %v", err)
	}
}

// TestFaults has every call of a delivery fail: there is an error, and no message.
func TestFaults(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, io.ErrShortWrite} {
		for k := 0; ; k++ {
			m := new(disktest.Mem)
			s := store(m)
			first := m.Calls()
			failed := false
			m.Before = func(c disktest.Call) error {
				if c.N == first+k && (fault != io.ErrShortWrite || c.Op == "write") {
					failed = true
					return fault
				}
				return nil
			}
			_, err := s.Deliver(delivery())
			m.Before = nil
			if k >= m.Calls()-first {
				break
			}
			if failed != (err != nil) || failed && errors.Is(err, ErrFull) != (fault == syscall.ENOSPC) {
				t.Errorf("call %d, %v: %v", k, fault, err)
			}
			if err == nil {
				continue
			}
			for _, name := range m.Names() {
				if path.Base(name) != ".made" {
					t.Errorf("call %d, %v: left %s", k, fault, name)
				}
			}
			if _, err := s.Deliver(delivery()); err != nil {
				t.Errorf("call %d: again: %v", k, err)
			}
		}
	}
}

// TestPowerCut loses power at every point of a delivery: what is in new/ is whole,
// and once Deliver has returned it is there.
func TestPowerCut(t *testing.T) {
	worlds := 0
	for k, done := 0, false; !done; k++ {
		m := new(disktest.Mem)
		s := store(m)
		first := m.Calls()
		judge := func() {
			for w := range m.PowerCuts() {
				worlds++
				n := 0
				for name, octets := range w.Files() {
					if path.Base(path.Dir(name)) != "new" {
						continue
					}
					if n++; !strings.HasSuffix(octets, text) || !strings.HasPrefix(octets, "Return-Path: <ann") {
						t.Errorf("call %d: %s holds %q", k, name, octets)
					}
				}
				if done && n != 1 {
					t.Errorf("%d messages after the delivery", n)
				}
			}
		}
		m.Before = func(c disktest.Call) error {
			if c.N == first+k {
				judge()
			}
			return nil
		}
		if _, err := s.Deliver(delivery()); err != nil {
			t.Fatal(err)
		}
		m.Before = nil
		if k >= m.Calls()-first {
			done = true
			judge()
		}
	}
	t.Attr("crash|power_cuts", fmt.Sprint(worlds))
	if worlds < 25 {
		t.Errorf("only %d worlds", worlds)
	}
}

func TestExpire(t *testing.T) {
	m := new(disktest.Mem)
	s := store(m)
	for _, name := range []string{
		"new/1799900000.M1.mx", "new/1799999999.M1.mx", "cur/1799900000.M2.mx:2,S", "cur/odd", "tmp/1799000000.M3.mx", "tmp/1799999000.M4.mx", ".Junk/new/1799900000.M5.mx",
	} {
		m.Put("/mail/bob/"+name, "x")
	}
	n, err := s.Expire("bob", time.Unix(1_800_000_000-86400, 0))
	if n != 3 || err != nil {
		t.Errorf("%d went, %v", n, err)
	}
	if got := strings.Join(m.Names(), " "); got != "/mail/.made /mail/bob/cur/odd /mail/bob/new/1799999999.M1.mx /mail/bob/tmp/1799999000.M4.mx" {
		t.Errorf("left %s", got)
	}
	if n, err := s.Expire("nobody", time.Unix(1_800_000_000, 0)); n != 0 || err != nil {
		t.Errorf("nobody: %d, %v", n, err)
	}
}

// TestOnDisk delivers on the file system of the machine.
func TestOnDisk(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "mail")}
	names := map[string]bool{}
	for range 20 {
		name, err := s.Deliver(delivery())
		if err != nil {
			t.Fatal(err)
		}
		names[name] = true
	}
	entries, err := s.List("bob")
	if err != nil || len(names) != 20 || len(entries) != 20 {
		t.Errorf("%d names, %d entries, %v", len(names), len(entries), err)
	}
	info, err := os.Stat(filepath.Join(s.Dir, "bob", "new", entries[0].Name))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestRemovedMeanwhile: a mailbox that somebody removes while the server runs is
// made again.
func TestRemovedMeanwhile(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "mail")}
	for range 3 {
		if _, err := s.Deliver(delivery()); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(s.Dir, "bob")); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"new", "cur"} { // in part
		if _, err := s.Deliver(delivery()); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(s.Dir, "bob", sub)); err != nil {
			t.Fatal(err)
		}
		_, err := s.Deliver(delivery())
		if err != nil { // for this time
			_, err = s.Deliver(delivery())
		}
		if err != nil {
			t.Errorf("%s was removed: %v", sub, err)
		}
	}
}

// TestAtOnce: deliveries into a mailbox that is not there yet wait until its
// directories are on the disk, and share the syncs.
func TestAtOnce(t *testing.T) {
	m := new(disktest.Mem)
	s := store(m)
	var syncs atomic.Int32
	m.Before = func(c disktest.Call) error {
		switch {
		case c.Op == "syncdir" && c.Name == "/mail":
			syncs.Add(1)
		case c.Op == "create" && syncs.Load() == 0:
			t.Error("delivered before the mailbox is on the disk")
		}
		return nil
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := s.Deliver(delivery()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if entries, err := s.List("bob"); len(entries) != 20 || err != nil {
		t.Errorf("%d messages, %v", len(entries), err)
	}
	if n := syncs.Load(); n != 2 { // of the parent of bob, and of the mail itself: here the same
		t.Errorf("%d syncs of the directory above", n)
	}
}

// BenchmarkDeliver delivers messages of 5 KiB with full durability into one mailbox,
// from one session and from 20 at once.
func BenchmarkDeliver(b *testing.B) {
	message := strings.Repeat("0123456789abcdef0123456789abcd\r\n", 5<<10/32)
	for _, sessions := range []int{1, 20} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			s := &Store{Dir: filepath.Join(b.TempDir(), "mail")}
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ReportAllocs()
			for range sessions {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := s.Deliver(Delivery{Box: "bob", ReturnPath: "ann@example.org", Message: strings.NewReader(message)}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
