package maildir

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

// settled is the time after which all that was delivered is synced.
const settled = 10 * time.Second

// begun is a store with a journal.
func begun(t *testing.T, m *disktest.Mem) *Store {
	t.Helper()
	s := store(m)
	if n, err := s.Begin(); n != 0 || err != nil {
		t.Fatalf("%d recovered, %v", n, err)
	}
	return s
}

// letter is a delivery that tells one from another.
func letter(n int) Delivery {
	d := delivery()
	d.Message = strings.NewReader(fmt.Sprintf("Subject: %d\r\n\r\n%s", n, text))
	return d
}

// letters is how often each letter lies in a mailbox. Letters in part fail the test.
func letters(t *testing.T, m *disktest.Mem) map[int]int {
	t.Helper()
	all := map[int]int{}
	for name, octets := range m.Files() {
		if sub := path.Base(path.Dir(name)); sub != "new" && sub != "cur" {
			continue
		}
		n := -1
		_, rest, _ := strings.Cut(octets, "Subject: ")
		fmt.Sscanf(rest, "%d", &n)
		want, _ := io.ReadAll(letter(n).Message)
		if !strings.HasSuffix(octets, string(want)) || !strings.HasPrefix(octets, "Return-Path: <ann") {
			t.Errorf("%s holds %q", name, octets)
		}
		all[n]++
	}
	return all
}

// TestJournalPowerCut loses power at every call of the file system while letters are
// delivered, synced together, some of them removed, and more delivered, again and
// again: what was removed a while ago does not come back, and after the next Begin each letter
// that was taken is there once and whole.
func TestJournalPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		s := begun(t, m)
		taken, gone, worlds := map[int]bool{}, map[int]bool{}, 0
		var mu sync.Mutex // some calls are made by the journal
		judge := func() {
			mu.Lock()
			defer mu.Unlock()
			for w := range m.PowerCuts() {
				worlds++
				next := store(w)
				if _, err := next.Begin(); err != nil {
					t.Fatal(err)
				}
				there := letters(t, w)
				for n := range taken {
					if there[n] != 1 {
						t.Errorf("letter %d is there %d times", n, there[n])
					}
				}
				for n := range gone {
					if there[n] > 0 {
						t.Errorf("letter %d has come back", n)
					}
				}
				if err := next.End(); err != nil {
					t.Error(err)
				}
				if again := letters(t, w); len(again) != len(there) {
					t.Errorf("%d letters, then %d", len(there), len(again))
				}
			}
		}
		m.Before = func(disktest.Call) error { judge(); return nil }
		for n := range 9 {
			name, err := s.Deliver(letter(n))
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			taken[n] = true
			mu.Unlock()
			if n%2 == 0 {
				continue
			}
			time.Sleep(settled)
			synctest.Wait()
			mu.Lock()
			delete(taken, n)
			mu.Unlock()
			if err := s.Remove("bob", Entry{Name: name}); err != nil {
				t.Fatal(err)
			}
			if err := m.SyncDir("/mail/bob/new"); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			gone[n] = true
			mu.Unlock()
		}
		judge()
		if err := s.End(); err != nil {
			t.Error(err)
		}
		judge()
		m.Before = nil
		if worlds < 300 {
			t.Errorf("only %d worlds", worlds)
		}
		for _, name := range m.Names() {
			if strings.Contains(name, "/.journal-") || strings.Contains(name, "/tmp/") {
				t.Errorf("left %s", name)
			}
		}
		t.Attr("crash|power_cuts", fmt.Sprint(worlds))
		t.Logf("%d worlds", worlds)
	})
}

// TestJournalFaults has every call fail, of a first delivery into a mailbox and of
// one to follow, and of the syncing of both: what was taken is there in the end, and
// what was not is not.
func TestJournalFaults(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, io.ErrShortWrite} {
		for k, more := 0, true; more; k++ {
			synctest.Test(t, func(t *testing.T) { more = journalFault(t, fault, k) })
		}
	}
}

func journalFault(t *testing.T, fault error, k int) (more bool) {
	m := new(disktest.Mem)
	s := begun(t, m)
	first := m.Calls()
	var failed atomic.Bool
	m.Before = func(c disktest.Call) error {
		if c.N == first+k && (fault != io.ErrShortWrite || c.Op == "write") {
			failed.Store(true)
			return fault
		}
		return nil
	}
	want := map[int]int{}
	for n := range 2 {
		_, err := s.Deliver(letter(n))
		if err == nil {
			want[n] = 1
		} else if !failed.Load() || errors.Is(err, ErrFull) != (fault == syscall.ENOSPC) {
			t.Errorf("call %d, %v: %v", k, fault, err)
		}
	}
	time.Sleep(settled)
	synctest.Wait()
	more = k < m.Calls()-first
	m.Before = nil
	if _, err := s.Deliver(letter(2)); err != nil {
		t.Errorf("call %d, %v: again: %v", k, fault, err)
	}
	want[2] = 1
	_ = s.End() // an error if the disk did not sync: the next Begin sees to it
	if _, err := s.Begin(); err != nil {
		t.Fatalf("call %d, %v: %v", k, fault, err)
	}
	if there := letters(t, m); fmt.Sprint(there) != fmt.Sprint(want) {
		t.Errorf("call %d, %v: there is %v, want %v", k, fault, there, want)
	}
	if err := s.End(); err != nil {
		t.Error(err)
	}
	for _, name := range m.Names() {
		if strings.Contains(name, "/.journal-") {
			t.Errorf("call %d, %v: left %s", k, fault, name)
		}
	}
	return more
}

// TestJournalShares: deliveries at once share a sync, and need no other one.
func TestJournalShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		s := begun(t, m)
		if _, err := s.Deliver(letter(0)); err != nil {
			t.Fatal(err)
		}
		var syncs atomic.Int32
		m.Before = func(c disktest.Call) error {
			if strings.HasPrefix(c.Op, "sync") {
				syncs.Add(1)
				time.Sleep(10 * time.Millisecond)
			}
			return nil
		}
		begun := time.Now()
		var wg sync.WaitGroup
		for n := range 50 {
			wg.Go(func() {
				if _, err := s.Deliver(letter(n + 1)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begun); syncs.Load() > 2 || took > 20*time.Millisecond {
			t.Errorf("%d syncs in %v", syncs.Load(), took)
		}
		m.Before = nil
		if err := s.End(); err != nil {
			t.Error(err)
		}
	})
}

// crashed is the store of the process after one that was killed.
func crashed(t *testing.T, m *disktest.Mem) *Store {
	t.Helper()
	w := new(disktest.Mem)
	for name, octets := range m.Files() {
		w.Put(name, octets)
	}
	s := store(w)
	if _, err := s.Begin(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.End(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestJournalRemoved: what we removed does not come back, and what a reader has
// marked as seen does not come twice.
func TestJournalRemoved(t *testing.T) {
	m := new(disktest.Mem)
	s := begun(t, m)
	var names []string
	for n := range 3 {
		name, err := s.Deliver(letter(n))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := s.Remove("bob", Entry{Name: names[0]}); err != nil {
		t.Fatal(err)
	}
	if err := m.Rename("/mail/bob/new/"+names[1], "/mail/bob/cur/"+names[1]+":2,S"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Deliver(letter(3)); err != nil { // brings the removal to the disk
		t.Fatal(err)
	}
	if err := m.Remove("/mail/bob/new/" + names[2]); err != nil { // by a reader: it comes again
		t.Fatal(err)
	}
	next := crashed(t, m).FS.(*disktest.Mem)
	if got, want := fmt.Sprint(letters(t, next)), "map[1:1 2:1 3:1]"; got != want {
		t.Errorf("there is %s, want %s", got, want)
	}
	if next.Files()["/mail/bob/cur/"+names[1]+":2,S"] == "" {
		t.Error("the mark is lost")
	}
	if err := s.End(); err != nil {
		t.Error(err)
	}
}

// TestJournalLarge: what is larger than a buffer is synced by itself.
func TestJournalLarge(t *testing.T) {
	m := new(disktest.Mem)
	s := begun(t, m)
	large := strings.Repeat("0123456789abcde\n", bufferSize/8)
	for size, journaled := range map[int]bool{bufferSize - 1000: true, bufferSize: false, 2 * bufferSize: false} {
		d := delivery()
		d.Message = strings.NewReader(large[:size])
		var files atomic.Int32
		m.Before = func(c disktest.Call) error {
			if c.Op == "sync" && strings.Contains(c.Name, "/tmp/") {
				files.Add(1)
			}
			return nil
		}
		name, err := s.Deliver(d)
		m.Before = nil
		if err != nil || !strings.HasSuffix(m.Files()["/mail/bob/new/"+name], large[:size]) || (files.Load() == 0) != journaled {
			t.Errorf("%d octets: %v, synced %d times by itself", size, err, files.Load())
		}
	}
	if err := s.End(); err != nil {
		t.Error(err)
	}
}

// TestJournalLock: two processes deliver into one directory, one of them with the
// journal.
func TestJournalLock(t *testing.T) {
	m := new(disktest.Mem)
	first, second := begun(t, m), store(m)
	if _, err := second.Begin(); err != nil {
		t.Fatal(err)
	}
	for n, s := range []*Store{first, second} {
		if _, err := s.Deliver(letter(n)); err != nil {
			t.Error(err)
		}
	}
	if there := letters(t, m); len(there) != 2 {
		t.Errorf("there is %v", there)
	}
	for _, s := range []*Store{second, first, first} {
		if err := s.End(); err != nil {
			t.Error(err)
		}
	}
}
