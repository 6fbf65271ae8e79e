package spool

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

// cut runs do in the world m once for each of its calls, and has the power go in
// front of that call and once behind the last one. after judges every world that
// may be found then.
func cut(t *testing.T, journal bool, prepare func(*Spool) Envelope, do func(*Spool, Envelope) error, after func(t *testing.T, s *Spool, found Found, old Envelope, done bool)) {
	t.Helper()
	worlds := 0
	for k := 0; ; k++ {
		m := new(disktest.Mem)
		s, _ := openWith(t, m, journal)
		old := prepare(s)
		if journal { // the system may bring files to the disk whenever it likes
			settle(t, m)
		}
		first := m.Calls()
		judge := func(done bool) {
			for w := range m.PowerCuts() {
				worlds++
				s, found := openWith(t, w, journal)
				after(t, s, found, old, done)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		m.Before = func(c disktest.Call) error {
			if c.N == first+k {
				judge(false)
			}
			return nil
		}
		err := do(s, old)
		m.Before = nil
		if err != nil {
			t.Fatal(err)
		}
		last := k >= m.Calls()-first
		if last {
			judge(true)
		}
		if journal {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if last {
			break
		}
	}
	if worlds < 6 {
		t.Errorf("only %d worlds", worlds)
	}
	t.Attr("crash|power_cuts", fmt.Sprint(worlds))
	t.Logf("%d worlds", worlds)
}

// settle brings all that was written to the disk.
func settle(t *testing.T, m *disktest.Mem) {
	t.Helper()
	v, err := m.Volume("/")
	if err == nil {
		err = v.Sync()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// whole checks that an entry is there with all its octets.
func whole(t *testing.T, s *Spool, found Found, want Envelope) {
	t.Helper()
	for _, e := range found.Entries {
		if e.ID == want.ID {
			if octets := read(t, s, e.ID); octets != text || !reflect.DeepEqual(e, want) {
				t.Errorf("message %q, envelope %+v", octets, e)
			}
			return
		}
	}
	t.Errorf("message %s was accepted, and is lost: %+v", want.ID, found)
}

// TestPowerCutAccept loses power at every point of an Accept: before it returns the
// message may be there, and then is whole; afterwards it is there.
func TestPowerCutAccept(t *testing.T) {
	for name, others := range map[string]int32{"alone": 0, "among others": 1} {
		t.Run(name, func(t *testing.T) { powerCutAccept(t, false, others) })
	}
	t.Run("with a journal", func(t *testing.T) { powerCutAccept(t, true, 0) })
}

func powerCutAccept(t *testing.T, journal bool, others int32) {
	var accepted Envelope
	cut(t, journal, func(s *Spool) Envelope {
		s.committing.Add(others)
		return accept(t, s, sample())
	}, func(s *Spool, _ Envelope) (err error) {
		accepted, err = s.Accept(sample(), strings.NewReader(text[:20]), strings.NewReader(text[20:]))
		return err
	}, func(t *testing.T, s *Spool, found Found, old Envelope, done bool) {
		whole(t, s, found, old)
		for _, e := range found.Entries {
			if octets := read(t, s, e.ID); octets != text {
				t.Errorf("a message in part: %q", octets)
			}
		}
		if done {
			whole(t, s, found, accepted)
			if len(found.Entries) != 2 || len(found.Broken) != 0 || found.Unfinished != 0 {
				t.Errorf("found %+v", found)
			}
		}
	})
}

// TestPowerCutUpdate loses power at every point of an Update: the envelope is the
// old or the new one, afterwards the new one.
func TestPowerCutUpdate(t *testing.T) {
	changed := func(e Envelope) Envelope {
		e = e.Clone()
		e.Rcpts[0].Attempts = 7
		return e
	}
	both(t, func(t *testing.T, journal bool) {
		cut(t, journal, func(s *Spool) Envelope {
			return accept(t, s, sample())
		}, func(s *Spool, old Envelope) error {
			return s.Update(changed(old))
		}, func(t *testing.T, s *Spool, found Found, old Envelope, done bool) {
			if len(found.Entries) == 1 && (done || found.Entries[0].Rcpts[0].Attempts == 7) {
				old = changed(old)
			}
			whole(t, s, found, old)
		})
	})
}

// TestPowerCutRemove loses power at every point of a Remove: the entry is whole or
// gone, never broken; afterwards it is gone.
func TestPowerCutRemove(t *testing.T) {
	both(t, func(t *testing.T, journal bool) {
		cut(t, journal, func(s *Spool) Envelope {
			accept(t, s, sample())
			return accept(t, s, sample())
		}, func(s *Spool, old Envelope) error {
			return s.Remove(old.ID)
		}, func(t *testing.T, s *Spool, found Found, old Envelope, done bool) {
			if len(found.Broken) != 0 || len(found.Entries) == 0 || done && len(found.Entries) != 1 {
				t.Errorf("found %+v", found)
			}
			for _, e := range found.Entries {
				if octets := read(t, s, e.ID); octets != text {
					t.Errorf("a message in part: %q", octets)
				}
			}
		})
	})
}

// both runs a test without and with a journal.
func both(t *testing.T, test func(t *testing.T, journal bool)) {
	t.Run("synced", func(t *testing.T) { test(t, false) })
	t.Run("with a journal", func(t *testing.T) { test(t, true) })
}

// TestPowerCutLife loses power at every call in the life of an entry, from its
// acceptance to its end, while the journal is synced and written over again and
// again: until it is removed it is there, as it was last.
func TestPowerCutLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		s, _ := openWith(t, m, true)
		var mu sync.Mutex // some calls are made by the journal
		var now, coming Envelope
		worlds := 0
		judge := func() {
			mu.Lock()
			defer mu.Unlock()
			for w := range m.PowerCuts() {
				worlds++
				s, found := openWith(t, w, true)
				switch {
				case len(found.Broken) > 0 || len(found.Entries) > 1:
					t.Errorf("found %+v", found)
				case len(found.Entries) == 1:
					e := found.Entries[0]
					if octets := read(t, s, e.ID); octets != text || !reflect.DeepEqual(e, now) && !reflect.DeepEqual(e, coming) && coming.ID != "any" {
						t.Errorf("message %q, envelope %+v", octets, e)
					}
				case now.ID != "" && coming.ID != "":
					t.Errorf("lost: %+v", found)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		are := func(before, after Envelope) {
			mu.Lock()
			defer mu.Unlock()
			now, coming = before, after
		}
		m.Before = func(disktest.Call) error { judge(); return nil }
		are(Envelope{}, Envelope{ID: "any"})
		e, err := s.Accept(sample(), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		are(e, e)
		for n := range 9 {
			if n%2 == 1 { // all is synced, and what the journal holds is void
				time.Sleep(time.Minute)
				synctest.Wait()
			}
			next := e.Clone()
			next.Rcpts[0].Attempts = n + 1
			are(e, next)
			if err := s.Update(next); err != nil {
				t.Fatal(err)
			}
			e = next
			are(e, e)
		}
		are(e, Envelope{})
		if err := s.Remove(e.ID); err != nil {
			t.Fatal(err)
		}
		are(Envelope{}, Envelope{})
		time.Sleep(time.Minute)
		synctest.Wait()
		judge()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if names := m.Names(); len(names) != 0 {
			t.Errorf("left %v", names)
		}
		t.Attr("crash|power_cuts", fmt.Sprint(worlds))
	})
}

// TestPowerCutWithout is the test of the test: without the syncs mail is lost.
func TestPowerCutWithout(t *testing.T) {
	m := new(disktest.Mem)
	s, _ := open(t, m)
	f, err := m.Create("/spool/" + id + messageExt)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(f, text)
	m.Put("/spool/"+id+envelopeExt, entry(t, id))
	lost := 0
	for w := range m.PowerCuts() {
		if _, found := open(t, w); len(found.Entries) == 0 {
			lost++
		}
	}
	if lost == 0 {
		t.Error("a message that was never synced outlived every power cut")
	}
	s.Close()
}
