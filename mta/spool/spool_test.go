package spool

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

var received = time.Date(2026, 11, 22, 9, 0, 0, 123, time.UTC)

// sample is an envelope with something in every field.
func sample() Envelope {
	return Envelope{
		From: "ann@example.org", Received: received, Auth: "ann", Client: netip.MustParseAddr("2001:db8::1"), HELO: "laptop", TLS: "TLS1.3 TLS_AES_128_GCM_SHA256",
		Body: "8BITMIME", SMTPUTF8: true, RequireTLS: true, Ret: "HDRS", EnvID: "QQ314159", Held: true, Delayed: true,
		Rcpts: []Rcpt{
			{
				Addr: "bob@example.net", Notify: []string{"FAILURE", "DELAY"}, ORcpt: "rfc822;Bob@example.net", Status: Waiting, Attempts: 2, Tried: received, Next: received.Add(time.Hour),
				Reply: Reply{Code: 450, Enhanced: "4.2.0", Text: "greylisted", Host: "mx.example.net", At: received}, Maybe: true,
			},
			{Addr: "cleo@example.com", Status: Failed, Told: true},
		},
	}
}

const text = "Subject: hello\r\n\r\nbody with \x00 and 8 bit \xff\r\n"

// open opens the spool in the world m.
func open(t *testing.T, m *disktest.Mem) (*Spool, Found) {
	t.Helper()
	return openWith(t, m, false)
}

func openWith(t *testing.T, m *disktest.Mem, journal bool) (*Spool, Found) {
	t.Helper()
	s, found, err := Open("/spool", Options{FS: m, Journal: journal})
	if err != nil {
		panic(err) // not Fatal: it is called in the middle of calls of the disk, too
	}
	if !journal {
		t.Cleanup(func() { s.Close() })
	}
	return s, found
}

func accept(t *testing.T, s *Spool, e Envelope) Envelope {
	t.Helper()
	e, err := s.Accept(e, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// read is the octets of a message.
func read(t *testing.T, s *Spool, id string) string {
	t.Helper()
	r, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	octets, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(octets)
}

func TestAcceptUpdateRemove(t *testing.T) {
	m := new(disktest.Mem)
	s, found := open(t, m)
	if !reflect.DeepEqual(found, Found{}) {
		t.Errorf("a new spool holds %+v", found)
	}
	e, err := s.Accept(sample(), strings.NewReader(text[:5]), strings.NewReader(text[5:]))
	if err != nil {
		t.Fatal(err)
	}
	if e.Size != int64(len(text)) || read(t, s, e.ID) != text {
		t.Errorf("size %d, octets %q", e.Size, read(t, s, e.ID))
	}
	if n, octets := s.Usage(); n != 1 || octets != int64(len(text)) {
		t.Errorf("usage is %d messages of %d octets", n, octets)
	}
	e.Rcpts[0].Status = Delivered
	if err := s.Update(e); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s, found = open(t, m)
	if want := (Found{Entries: []Envelope{e}}); !reflect.DeepEqual(found, want) {
		t.Errorf("found\n%+v, want\n%+v", found, want)
	}
	if err := s.Remove(e.ID); err != nil {
		t.Fatal(err)
	}
	if n, octets := s.Usage(); n != 0 || octets != 0 {
		t.Errorf("usage is %d messages of %d octets", n, octets)
	}
	if names := m.Names(); len(names) != 0 {
		t.Errorf("left: %v", names)
	}
	for what, err := range map[string]error{"update": s.Update(e), "remove": s.Remove(e.ID)} {
		if !errors.Is(err, ErrNone) {
			t.Errorf("%s of what is gone: %v", what, err)
		}
	}
	if _, err := s.Open("../../etc/passwd"); !errors.Is(err, ErrNone) {
		t.Errorf("opened a path: %v", err)
	}
}

func TestOldestFirst(t *testing.T) {
	early, late := NewID(received), NewID(received.Add(time.Millisecond))
	if !isID(early) || !isID(late) || early >= late {
		t.Errorf("%s, %s", early, late)
	}
}

// TestNamed: a message keeps the ID that it came with, if nobody else has it and it
// is one.
func TestNamed(t *testing.T) {
	s, _ := open(t, new(disktest.Mem))
	e := sample()
	e.ID = NewID(received)
	if got := accept(t, s, e); got.ID != e.ID || read(t, s, e.ID) != text {
		t.Errorf("ID %s, want %s", got.ID, e.ID)
	}
	for _, id := range []string{e.ID, "", "../../../etc/abc", "ABCDEFGHABCDEFGH", strings.Repeat("a", 17)} {
		e.ID = id
		if got := accept(t, s, e); got.ID == id || !isID(got.ID) {
			t.Errorf("came as %q, is %q", id, got.ID)
		}
	}
}

func TestAbort(t *testing.T) {
	m := new(disktest.Mem)
	s, _ := open(t, m)
	d, err := s.Create(0)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(d, text)
	if err := errors.Join(d.Abort(), d.Abort()); err != nil {
		t.Error(err)
	}
	if n, octets := s.Usage(); n != 0 || octets != 0 || len(m.Names()) != 0 {
		t.Errorf("left: %d messages of %d octets, %v", n, octets, m.Names())
	}
	if _, err := d.Write([]byte("x")); err == nil {
		t.Error("wrote after the end")
	}
	if _, err := d.Commit(sample()); err == nil {
		t.Error("committed after the end")
	}
}

func TestRefusedEnvelopes(t *testing.T) {
	m := new(disktest.Mem)
	s, _ := open(t, m)
	for name, spoil := range map[string]func(*Envelope){
		"no recipient":     func(e *Envelope) { e.Rcpts = nil },
		"no time":          func(e *Envelope) { e.Received = time.Time{} },
		"line end in from": func(e *Envelope) { e.From = "a@b\r\nRCPT TO:<c@d>" },
		"line end in rcpt": func(e *Envelope) { e.Rcpts[1].Addr = "a@b\r\nDATA" },
		"not UTF-8":        func(e *Envelope) { e.From = "\xff@b" },
		"long":             func(e *Envelope) { e.From = strings.Repeat("a", maxPath+1) },
		"empty recipient":  func(e *Envelope) { e.Rcpts[0].Addr = "" },
		"status":           func(e *Envelope) { e.Rcpts[0].Status = "perhaps" },
	} {
		e := sample()
		spoil(&e)
		if _, err := s.Accept(e, strings.NewReader(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if names := m.Names(); len(names) != 0 {
			t.Fatalf("%s: left: %v", name, names)
		}
	}
}

func TestFull(t *testing.T) {
	for name, o := range map[string]Options{
		"messages": {MaxMessages: 1},
		"octets":   {MaxBytes: int64(len(text)) + 10},
		"disk":     {MinFree: 1000},
	} {
		m := &disktest.Mem{Room: 1010}
		o.FS = m
		if o.MinFree == 0 {
			o.MinFree = 1
		}
		s, _, err := Open("/spool", o)
		if err != nil {
			t.Fatal(err)
		}
		e := accept(t, s, sample())
		if name == "disk" {
			m.Room = 999
		}
		if _, err := s.Accept(sample(), strings.NewReader(text)); !errors.Is(err, ErrFull) {
			t.Errorf("%s: %v", name, err)
		}
		if name != "messages" {
			announced := sample()
			announced.Size = 11
			if _, err := s.Accept(announced, strings.NewReader("")); !errors.Is(err, ErrFull) {
				t.Errorf("%s, announced: %v", name, err)
			}
		}
		if n, octets := s.Usage(); n != 1 || octets != e.Size {
			t.Errorf("%s: usage is %d messages of %d octets", name, n, octets)
		}
		if err := s.Remove(e.ID); err != nil {
			t.Fatal(err)
		}
		m.Room = 2000
		accept(t, s, sample()) // there is room again
	}
}

// TestFaults has every single call of an Accept fail, in every way: there is an
// error and nothing else.
func TestFaults(t *testing.T) {
	for name, others := range map[string]int32{"alone": 0, "among others": 1} {
		t.Run(name, func(t *testing.T) { faults(t, others) })
	}
}

func faults(t *testing.T, others int32) {
	var calls int
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, io.ErrShortWrite} {
		for k := 0; ; k++ {
			m := new(disktest.Mem)
			s, _ := open(t, m)
			s.committing.Add(others)
			old := accept(t, s, sample())
			before, first := m.Files(), m.Calls()
			m.Before = func(c disktest.Call) error {
				if c.N == first+k && (fault != io.ErrShortWrite || c.Op == "write") {
					return fault
				}
				return nil
			}
			_, err := s.Accept(sample(), strings.NewReader(text))
			m.Before = nil
			if k >= m.Calls()-first { // no call failed
				if err != nil {
					t.Errorf("%v: %v", fault, err)
				}
				break
			}
			calls++
			if err == nil {
				if fault == io.ErrShortWrite {
					continue // this call was no write
				}
				t.Errorf("call %d failed with %v, and Accept did not", k, fault)
				continue
			}
			if disk.IsFull(fault) != errors.Is(err, ErrFull) {
				t.Errorf("call %d: %v", k, err)
			}
			if after := m.Files(); !maps.Equal(before, after) {
				t.Errorf("call %d, %v: left %v", k, fault, slices.Sorted(maps.Keys(after)))
			}
			if n, octets := s.Usage(); n != 1 || octets != old.Size {
				t.Errorf("call %d, %v: usage is %d messages of %d octets", k, fault, n, octets)
			}
			accept(t, s, sample()) // the disk is well again
		}
	}
	if calls < 40 {
		t.Errorf("only %d calls failed", calls)
	}
}

// TestFaultsOfUpdate has every call of an Update fail: the entry stays, as it was or
// as it was to be, and can be updated again.
func TestFaultsOfUpdate(t *testing.T) {
	for k := 0; ; k++ {
		m := new(disktest.Mem)
		s, _ := open(t, m)
		old := accept(t, s, sample())
		changed := old.Clone()
		changed.Rcpts[0].Attempts++
		first := m.Calls()
		m.Before = func(c disktest.Call) error {
			if c.N == first+k || c.N > first+k && c.Op == "remove" { // nor can it be undone
				return syscall.EIO
			}
			return nil
		}
		err := s.Update(changed)
		m.Before = nil
		if k >= m.Calls()-first {
			return
		}
		if err == nil {
			t.Errorf("call %d failed, and Update did not", k)
		}
		found, err := List(m, "/spool")
		if err != nil || len(found.Entries) != 1 || !reflect.DeepEqual(found.Entries[0], old) && !reflect.DeepEqual(found.Entries[0], changed) {
			t.Errorf("call %d: %v, %+v", k, err, found)
		}
		if err := s.Update(changed); err != nil {
			t.Errorf("call %d: again: %v", k, err)
		}
	}
}

// TestFaultsOfRemove has every call of a Remove fail: it can be done again.
func TestFaultsOfRemove(t *testing.T) {
	for k := range 3 {
		m := new(disktest.Mem)
		s, _ := open(t, m)
		e := accept(t, s, sample())
		first := m.Calls()
		m.Before = func(c disktest.Call) error {
			if c.N == first+k {
				return syscall.EIO
			}
			return nil
		}
		if err := s.Remove(e.ID); !errors.Is(err, syscall.EIO) {
			t.Errorf("call %d: %v", k, err)
		}
		if err := s.Remove(e.ID); err != nil {
			t.Errorf("call %d: again: %v", k, err)
		}
		if n, _ := s.Usage(); n != 0 || len(m.Names()) != 0 {
			t.Errorf("call %d: %d messages, %v", k, n, m.Names())
		}
	}
}

// TestLarge: nothing is written that could not be read again, however much the hosts
// have said.
func TestLarge(t *testing.T) {
	e := Envelope{ID: NewID(received), Received: received, Rcpts: make([]Rcpt, 1400)}
	for i := range e.Rcpts {
		e.Rcpts[i] = Rcpt{Addr: "r@example.org", Status: Waiting, Reply: Reply{Code: 450, Text: strings.Repeat("\x01", maxText)}} // six octets each in JSON
	}
	if octets, err := encode(e); err != nil || len(octets) > maxEnvelope {
		t.Errorf("%d octets, %v", len(octets), err)
	}
}

func TestLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, _, err := Open(dir, Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = Open(dir, Options{MinFree: 1})
	var locked *disk.LockedError
	if !errors.As(err, &locked) || locked.PID != fmt.Sprint(os.Getpid()) || !strings.Contains(err.Error(), "is held by process "+locked.PID) {
		t.Errorf("a second one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, _, err = Open(dir, Options{MinFree: 1}); err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, _, err := Open(dir, Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	accept(t, s, sample())
	n := 0
	err = filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		n++
		if want := map[bool]os.FileMode{true: os.ModeDir | 0o700, false: 0o600}[info.IsDir()]; info.Mode() != want {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	})
	if err != nil || n != 5 {
		t.Errorf("%d files, %v", n, err)
	}
}
