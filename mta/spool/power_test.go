package spool

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

// cut runs do in the world m once for each of its calls, and has the power go in
// front of that call and once behind the last one. after judges every world that
// may be found then.
func cut(t *testing.T, prepare func(*Spool) Envelope, do func(*Spool, Envelope) error, after func(t *testing.T, s *Spool, found Found, old Envelope, done bool)) {
	t.Helper()
	worlds := 0
	for k := 0; ; k++ {
		m := new(disktest.Mem)
		s, _ := open(t, m)
		old := prepare(s)
		first := m.Calls()
		judge := func(done bool) {
			for w := range m.PowerCuts() {
				worlds++
				s, found := open(t, w)
				after(t, s, found, old, done)
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
		if k >= m.Calls()-first {
			judge(true)
			break
		}
	}
	if worlds < 20 {
		t.Errorf("only %d worlds", worlds)
	}
	t.Attr("crash|power_cuts", fmt.Sprint(worlds))
	t.Logf("%d worlds", worlds)
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
		t.Run(name, func(t *testing.T) { powerCutAccept(t, others) })
	}
}

func powerCutAccept(t *testing.T, others int32) {
	var accepted Envelope
	cut(t, func(s *Spool) Envelope {
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
	cut(t, func(s *Spool) Envelope {
		return accept(t, s, sample())
	}, func(s *Spool, old Envelope) error {
		return s.Update(changed(old))
	}, func(t *testing.T, s *Spool, found Found, old Envelope, done bool) {
		if len(found.Entries) == 1 && (done || found.Entries[0].Rcpts[0].Attempts == 7) {
			old = changed(old)
		}
		whole(t, s, found, old)
	})
}

// TestPowerCutRemove loses power at every point of a Remove: the entry is whole or
// gone, never broken; afterwards it is gone.
func TestPowerCutRemove(t *testing.T) {
	cut(t, func(s *Spool) Envelope {
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
