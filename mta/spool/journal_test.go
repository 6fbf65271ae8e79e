package spool

import (
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

// TestJournalFaults has every call fail while entries are accepted, updated and
// removed with a journal, and while it is synced: what was said is so at the next
// start.
func TestJournalFaults(t *testing.T) {
	failed := 0
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, io.ErrShortWrite} {
		for k, more := 0, true; more; k++ {
			synctest.Test(t, func(t *testing.T) { more = journalFault(t, fault, k) })
			failed++
		}
	}
	if failed < 60 {
		t.Errorf("only %d calls failed", failed)
	}
}

func journalFault(t *testing.T, fault error, k int) (more bool) {
	m := new(disktest.Mem)
	s, _ := openWith(t, m, true)
	old := accept(t, s, sample())
	first := m.Calls()
	var failed atomic.Bool
	m.Before = func(c disktest.Call) error {
		if c.N == first+k && (fault != io.ErrShortWrite || c.Op == "write") {
			failed.Store(true)
			return fault
		}
		return nil
	}
	check := func(what string, err error) {
		if err != nil && (!failed.Load() || disk.IsFull(fault) != errors.Is(err, ErrFull)) {
			t.Errorf("call %d, %v: %s: %v", k, fault, what, err)
		}
	}
	fresh, accepted := s.Accept(sample(), strings.NewReader(text))
	check("accept", accepted)
	changed := old.Clone()
	changed.Rcpts[0].Attempts = 7
	updated := s.Update(changed)
	check("update", updated)
	third, another := s.Accept(sample(), strings.NewReader(text))
	check("accept", another)
	var removed error
	if another == nil {
		if removed = s.Remove(third.ID); removed != nil && !failed.Load() {
			t.Errorf("call %d: remove: %v", k, removed)
		}
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	more = k < m.Calls()-first
	m.Before = nil
	_ = s.Close() // an error if the disk did not sync: the next start sees to it

	s, found := openWith(t, m, true)
	there := map[string]Envelope{}
	for _, e := range found.Entries {
		there[e.ID] = e
		if octets := read(t, s, e.ID); octets != text {
			t.Errorf("call %d, %v: message %q", k, fault, octets)
		}
	}
	want := []string{old.ID}
	if accepted == nil {
		want = append(want, fresh.ID)
	}
	if another == nil && removed != nil { // it is there, or not
		delete(there, third.ID)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(there)); !slices.Equal(got, want) || len(found.Broken) > 0 {
		t.Errorf("call %d, %v: found %v, want %v; broken %v", k, fault, got, want, found.Broken)
	}
	if e := there[old.ID]; !reflect.DeepEqual(e, changed) && (updated == nil || !reflect.DeepEqual(e, old)) {
		t.Errorf("call %d, %v: after an update that ended with %v: %+v", k, fault, updated, e)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return more
}

// TestJournalLeft: whoever opens a spool that was used with a journal finds all of
// it, with a journal or without; a large message is synced by itself.
func TestJournalLeft(t *testing.T) {
	for _, next := range []bool{false, true} {
		m := new(disktest.Mem)
		s, _ := openWith(t, m, true)
		want := []Envelope{accept(t, s, sample())}
		large := strings.Repeat("0123456789abcde\n", mostJournaled/16+1)
		e, err := s.Accept(sample(), strings.NewReader(large[:40]), strings.NewReader(large[40:]))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e)
		slices.SortFunc(want, func(a, b Envelope) int { return strings.Compare(a.ID, b.ID) })
		for w := range m.PowerCuts() {
			s, found := openWith(t, w, next)
			if !reflect.DeepEqual(found.Entries, want) || len(found.Broken) != 0 {
				t.Errorf("found %+v", found)
			}
			if octets := read(t, s, e.ID); octets != large {
				t.Errorf("%d octets of the large message", len(octets))
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			for _, name := range w.Names() {
				if strings.Contains(name, "journal") || strings.HasSuffix(name, newExt) {
					t.Errorf("left %s", name)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestJournalDraft: what the journal may take makes no file before it is accepted, and
// what is dropped leaves nothing.
func TestJournalDraft(t *testing.T) {
	m := new(disktest.Mem)
	s, _ := openWith(t, m, true)
	before := len(m.Names())
	for size, files := range map[int]int{10: 0, mostJournaled: 0, mostJournaled + 1: 1} {
		d, err := s.Create(0)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(strings.Repeat("x", size-1)+"|y", "|") { // in two writes
			if _, err := io.WriteString(d, part); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(m.Names()) - before; n != files {
			t.Errorf("%d octets make %d files", size, n)
		}
		if err := d.Abort(); err != nil {
			t.Error(err)
		}
		if err := d.Abort(); err != nil {
			t.Error(err)
		}
		if _, err := d.Write([]byte("z")); err == nil {
			t.Error("written behind the end")
		}
		if _, err := d.Commit(sample()); err == nil {
			t.Error("accepted behind the end")
		}
		if n, octets := s.Usage(); n != 0 || octets != 0 || len(m.Names()) != before {
			t.Errorf("%d octets leave %v, and %d messages of %d octets", size, m.Names(), n, octets)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
