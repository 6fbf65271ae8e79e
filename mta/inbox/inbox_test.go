package inbox_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/disk/disktest"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// A clock stands still until it is put on.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

var begin = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// open opens an empty directory in memory.
func open(t *testing.T) (*inbox.Boxes, *disktest.Mem, *clock) {
	t.Helper()
	m, c := new(disktest.Mem), &clock{begin}
	b, err := inbox.Open("/state/inbox", inbox.Options{FS: m, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return b, m, c
}

func issue(t *testing.T, b *inbox.Boxes) inbox.Address {
	t.Helper()
	a, err := b.Issue("Example.ORG", 0)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func addr(name string) smtpd.Address {
	local, domain, _ := strings.Cut(name, "@")
	return smtpd.Address{Local: local, Domain: domain}
}

// arrival is a message of one session, whose ID is id.
func arrival(a inbox.Address, id string) mta.Arrival {
	return mta.Arrival{From: "ann@example.net", Rcpt: a.Name, Test: true, Mail: &smtpd.Mail{
		ID:       id,
		Envelope: spool.Envelope{From: "ann@example.net", Rcpts: []spool.Rcpt{{Addr: a.Name}}, Received: begin.Add(2 * time.Second), Body: "8BITMIME", SMTPUTF8: true, RequireTLS: true},
		Message:  2, Given: smtpd.Given{Size: 9, Octets: 7, Chunked: true, Begun: begin.Add(time.Second)},
		Session: &smtpd.Session{
			Started: begin, Local: netip.MustParseAddrPort("192.0.2.1:25"), Remote: netip.MustParseAddrPort("[2001:db8::25]:40000"), HELO: "mx.example.net", Extended: true,
			TLS:   smtpd.TLS{Offered: true, Used: true, Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Name: "mx.example.org"},
			Noted: []smtpd.Note{{Kind: smtpd.BareLF, Count: 3, After: 1500 * time.Millisecond, Message: 2}, {Kind: smtpd.EarlyTalk, Count: 1, Detail: "EHLO \xff\x1b"}},
		},
	}}
}

const text = "Subject: x\n\nbare LF, CR\r and \xff stay\r\n"

func TestIssue(t *testing.T) {
	b, m, c := open(t)
	a := issue(t, b)
	if !regexp.MustCompile(`^test-[a-z2-7]{20}@example\.org$`).MatchString(a.Name) || !a.Made.Equal(begin) || !a.Until.Equal(begin.Add(24*time.Hour)) {
		t.Errorf("issued %+v", a)
	}
	if other := issue(t, b); other.Name == a.Name {
		t.Error("twice the same")
	}
	if want := `{"v":1,"address":"` + a.Name + `","made":"2026-11-22T12:00:00Z","until":"2026-11-23T12:00:00Z"}` + "\n"; m.Files()["/state/inbox/"+a.Name[:25]+".address.json"] != want {
		t.Errorf("files %q", m.Files())
	}
	if _, err := b.Issue("no domain", 0); err == nil {
		t.Error("issued for no domain")
	}
	if list, err := b.Addresses(); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	long, err := b.Issue("bücher.example", time.Hour)
	if err != nil || !strings.HasSuffix(long.Name, "@xn--bcher-kva.example") || !long.Until.Equal(begin.Add(time.Hour)) {
		t.Errorf("%+v, %v", long, err)
	}
	c.at = begin.Add(time.Hour)
	if b.Takes(addr(long.Name)) || !b.Takes(addr(a.Name)) {
		t.Error("an address does not end with its time")
	}
}

func TestTakes(t *testing.T) {
	b, m, _ := open(t)
	a := issue(t, b)
	local := a.Name[:25]
	m.Put("/state/inbox/test-aaaaaaaaaaaaaaaaaaaa.address.json", "{")
	m.Put("/state/inbox/test-bbbbbbbbbbbbbbbbbbbb.address.json", `{"v":2,"address":"test-bbbbbbbbbbbbbbbbbbbb@example.org","until":"2027-01-01T00:00:00Z"}`)
	m.Put("/state/inbox/test-cccccccccccccccccccc.address.json", strings.Repeat(" ", 1<<20))
	for name, want := range map[string]bool{
		a.Name:                                       true,
		strings.ToUpper(a.Name):                      true,
		local + "@example.com":                       false,
		local:                                        false,
		local + "x@example.org":                      false,
		"test-@example.org":                          false,
		"postmaster@example.org":                     false,
		"test-zzzzzzzzzzzzzzzzzzzz@example.org":      false,
		"test-../../../../etc/pass@example.org":      false,
		"test-aaaaaaaaaaaaaaaaaaaa@example.org":      false,
		"test-bbbbbbbbbbbbbbbbbbbb@example.org":      false,
		"test-cccccccccccccccccccc@example.org":      false,
		"test-\x00aaaaaaaaaaaaaaaaaaa@example.org":   false,
		"../inbox/" + local + "@example.org":         false,
		local + ".address.json/../" + "@example.org": false,
	} {
		if got := b.Takes(addr(name)); got != want {
			t.Errorf("takes %q: %t", name, got)
		}
	}
	if b.Takes(smtpd.Address{Local: local, Literal: netip.MustParseAddr("192.0.2.1")}) {
		t.Error("takes a literal")
	}
}

// What was kept is read back as it came, from an other process too.
func TestKeep(t *testing.T) {
	b, m, c := open(t)
	a := issue(t, b)
	in := arrival(a, "01kkrwj2m5x3a7qp")
	in.Rcpt = strings.ToUpper(a.Name)
	if err := b.Keep(in, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	c.at = begin.Add(time.Minute)
	if err := b.Keep(mta.Arrival{From: "", Rcpt: a.Name}, strings.NewReader("x")); err != nil { // out of the queue
		t.Fatal(err)
	}
	other, err := inbox.Open("/state/inbox", inbox.Options{FS: m, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	mails, err := other.Messages(a)
	if err != nil || len(mails) != 2 {
		t.Fatalf("%+v, %v", mails, err)
	}
	got := mails[0]
	want := in.Mail
	if got.ID != want.ID || got.Address != a.Name || got.Size != int64(len(text)) || got.From != in.From || !got.At.Equal(want.Envelope.Received) ||
		got.Message != 2 || got.Rcpts != 1 || got.Body != "8BITMIME" || !got.SMTPUTF8 || !got.RequireTLS || got.Given != want.Given {
		t.Errorf("kept %+v", got)
	}
	s, w := got.Session, want.Session
	if s.Started != w.Started || s.Local != w.Local || s.Remote != w.Remote || s.HELO != w.HELO || !s.Extended || s.TLS != w.TLS {
		t.Errorf("session %+v", s)
	}
	if len(s.Noted) != 2 || s.Noted[0] != w.Noted[0] || s.Noted[1].Kind != smtpd.EarlyTalk {
		t.Errorf("notes %+v", s.Noted)
	}
	if e := got.Envelope(); e.Client != netip.MustParseAddr("2001:db8::25") || e.HELO != "mx.example.net" || e.MailFrom != in.From || !e.Known {
		t.Errorf("envelope %+v", e)
	}
	if octets, err := other.Text(got); string(octets) != text || err != nil {
		t.Errorf("%q, %v", octets, err)
	}
	if last := mails[1]; last.Session != nil || last.From != "" || last.Envelope().Client.IsValid() || !last.At.Equal(c.at) {
		t.Errorf("kept %+v", last)
	}
}

func TestKeepBounds(t *testing.T) {
	b, m, c := open(t)
	a := issue(t, b)
	var said *smtpd.Reply
	if err := b.Keep(arrival(a, "big"), io.LimitReader(zeros{}, inbox.MaxSize+1)); !errors.As(err, &said) || said.Code != 552 {
		t.Errorf("too big: %v", err)
	}
	before := len(m.Names())
	if err := b.Keep(arrival(a, "../../x"), strings.NewReader("x")); err != nil {
		t.Error(err)
	}
	for i := range inbox.MaxMessages {
		c.at = c.at.Add(time.Second)
		err := b.Keep(mta.Arrival{Rcpt: a.Name}, strings.NewReader("x"))
		if (i == inbox.MaxMessages-1) != errors.Is(err, maildir.ErrFull) {
			t.Errorf("message %d: %v", i+2, err)
		}
	}
	if n := len(m.Names()) - before; n != 2*inbox.MaxMessages {
		t.Errorf("%d files more: %v", n, m.Names())
	}
	gone := inbox.Address{Name: "test-aaaaaaaaaaaaaaaaaaaa@example.org"}
	if err := b.Keep(arrival(gone, "x"), strings.NewReader("x")); !errors.Is(err, inbox.ErrGone) || !errors.As(err, &said) || said.Code != 550 {
		t.Errorf("gone: %v", err)
	}
}

// All messages together have a bound, too, and so have the addresses.
func TestTotal(t *testing.T) {
	m := new(disktest.Mem)
	b, err := inbox.Open("/d", inbox.Options{FS: m, Total: 100, Most: 2})
	if err != nil {
		t.Fatal(err)
	}
	first, second := issue(t, b), issue(t, b)
	if err := b.Keep(arrival(first, "x"), strings.NewReader(strings.Repeat("x", 100))); err != nil {
		t.Fatal(err)
	}
	if err := b.Keep(arrival(second, "y"), strings.NewReader("y")); !errors.Is(err, inbox.ErrFull) {
		t.Error(err)
	}
	if _, err := b.Issue("example.org", 0); !errors.Is(err, inbox.ErrFull) {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// Whatever call of the file system fails, there is the whole message or none, and
// the client hears which.
func TestKeepFails(t *testing.T) {
	for n := 0; ; n++ {
		b, m, _ := open(t)
		a := issue(t, b)
		calls, hit := 0, false
		m.Before = func(c disktest.Call) error {
			if c.Op == "remove" {
				return nil
			}
			calls++
			if calls-1 == n {
				hit = true
				return syscall.ENOSPC
			}
			return nil
		}
		err := b.Keep(arrival(a, "id"), strings.NewReader(text))
		m.Before = nil
		if !hit {
			if err != nil || n < 8 {
				t.Errorf("%d calls: %v", n, err)
			}
			return
		}
		if err == nil {
			t.Errorf("call %d failed, and nobody heard", n)
		}
		mails, err := b.Messages(a)
		if err != nil || len(mails) != 0 {
			t.Errorf("call %d: %v, %v", n, mails, err)
		}
		if len(m.Names()) != 1 {
			t.Errorf("call %d leaves %v", n, m.Names())
		}
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := inbox.Open("/inbox", inbox.Options{FS: new(disktest.Mem)})
		if err != nil {
			t.Fatal(err)
		}
		a, err := b.Issue("example.org", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for _, id := range []string{"b", "a"} {
				time.Sleep(10 * time.Second)
				in := arrival(a, id)
				in.Mail.Envelope.Received = time.Now()
				if err := b.Keep(in, strings.NewReader(text)); err != nil {
					t.Error(err)
				}
			}
		}()
		w, start := b.Watch(a), time.Now()
		for i, id := range []string{"b", "a"} {
			m, err := w.Next(t.Context())
			if took := time.Since(start) - time.Duration(i+1)*10*time.Second; m.ID != id || err != nil || took < 0 || took > 300*time.Millisecond {
				t.Errorf("%+v, %v after %v", m, err, took)
			}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Next(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := w.Next(t.Context()); !errors.Is(err, inbox.ErrGone) || time.Since(start) > 61*time.Second {
			t.Error(err)
		}
	})
}

func TestSweep(t *testing.T) {
	b, m, c := open(t)
	old, young := issue(t, b), inbox.Address{}
	if err := b.Keep(arrival(old, "m1"), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	c.at = begin.Add(23 * time.Hour)
	young = issue(t, b)
	if err := b.Keep(arrival(young, "m2"), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	local := young.Name[:25]
	m.Put("/state/inbox/"+local+".m3.json", "{")                                            // broken
	m.Put("/state/inbox/"+local+".m4.json", `{"v":2}`)                                      // of a later version
	m.Put("/state/inbox/"+local+".m5.eml.new", "x")                                         // under way
	m.Put("/state/inbox/test-aaaaaaaaaaaaaaaaaaaa.m6.eml", "x")                             // of nobody
	m.Put("/state/inbox/test-bbbbbbbbbbbbbbbbbbbb.address.json", `{"v":1,"address":"x@y"}`) // broken
	m.Put("/state/inbox/README", "not ours")                                                //
	m.Put("/state/inbox/test-cccccccccccccccccccc.txt", "not ours")
	c.at = begin.Add(24 * time.Hour)
	done, err := b.Sweep()
	if err != nil || done != (inbox.Swept{Addresses: 1, Messages: 1, Broken: 2}) {
		t.Errorf("%+v, %v", done, err)
	}
	want := []string{"README", "bad/" + local + ".m3.json", "bad/test-bbbbbbbbbbbbbbbbbbbb.address.json", local + ".address.json", local + ".m2.eml", local + ".m2.json",
		local + ".m4.json", local + ".m5.eml.new", "test-aaaaaaaaaaaaaaaaaaaa.m6.eml", "test-cccccccccccccccccccc.txt"}
	if got := names(m); !slices.Equal(got, sorted(want)) {
		t.Errorf("there are\n%v, want\n%v", got, sorted(want))
	}
	c.at = c.at.Add(2 * time.Hour) // so nobody is at work on the rest
	if done, err := b.Sweep(); err != nil || done != (inbox.Swept{}) {
		t.Errorf("%+v, %v", done, err)
	}
	if got := names(m); slices.Contains(got, local+".m5.eml.new") || slices.Contains(got, "test-aaaaaaaaaaaaaaaaaaaa.m6.eml") || len(got) != len(want)-2 {
		t.Errorf("there are %v", got)
	}
	if mails, err := b.Messages(young); err != nil || len(mails) != 1 {
		t.Errorf("%v, %v", mails, err)
	}
}

func names(m *disktest.Mem) []string {
	var list []string
	for _, name := range m.Names() {
		list = append(list, strings.TrimPrefix(name, "/state/inbox/"))
	}
	return sorted(list)
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// The directory is for its owner alone.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "inbox")
	b, err := inbox.Open(dir, inbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.Issue("example.org", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Keep(arrival(a, "id"), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

func FuzzRead(f *testing.F) {
	const local = "test-aaaaaaaaaaaaaaaaaaaa"
	f.Add([]byte(`{"v":1,"address":"test-aaaaaaaaaaaaaaaaaaaa@example.org","until":"2027-01-01T00:00:00Z"}`), []byte(`{"v":1,"id":"x","address":"test-aaaaaaaaaaaaaaaaaaaa@example.org","at":"2026-01-01T00:00:00Z","session":{"remote":"192.0.2.1:25","notes":[{"kind":"nul","count":1}]}}`))
	f.Add([]byte(`{}`), []byte(`{"v":1,"session":null}`))
	f.Fuzz(func(t *testing.T, address, mail []byte) {
		m := new(disktest.Mem)
		m.Put("/d/"+local+".address.json", string(address))
		m.Put("/d/"+local+".x.json", string(mail))
		b, err := inbox.Open("/d", inbox.Options{FS: m, Now: func() time.Time { return begin }})
		if err != nil {
			t.Fatal(err)
		}
		list, err := b.Addresses()
		if err != nil || len(list) > 1 {
			t.Fatalf("%v, %v", list, err)
		}
		mails, err := b.Messages(inbox.Address{Name: local + "@example.org", Until: time.Unix(math.MaxInt32, 0)})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mails {
			if m.ID != "x" || !strings.HasPrefix(m.Address, local+"@") {
				t.Errorf("%+v", m)
			}
			inbox.Saw(m, reverse, inbox.Names{})
		}
		if _, err := b.Sweep(); err != nil {
			t.Error(err)
		}
	})
}
