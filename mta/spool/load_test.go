package spool

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

const id = "0123456789abcdef"

// entry is the envelope of a message with that text, as JSON.
func entry(t *testing.T, id string) string {
	t.Helper()
	e := sample()
	e.ID, e.Size = id, int64(len(text))
	octets, err := encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(octets)
}

// TestBroken loads a broken entry beside a good one: it goes to bad/ with all that
// is there of it, and the other one stays.
func TestBroken(t *testing.T) {
	whole := entry(t, id)
	for name, c := range map[string]struct {
		env, eml string // "-": no such file
		why      string
	}{
		"empty envelope":     {"", text, "no JSON of an envelope"},
		"truncated envelope": {whole[:len(whole)/2], text, "no JSON of an envelope"},
		"zeroes":             {strings.Repeat("\x00", len(whole)), text, "no JSON of an envelope"},
		"no message":         {whole, "-", "the message is missing"},
		"truncated message":  {whole, text[:9], "the message has 9 octets, and had"},
		"of another message": {entry(t, "0000000000000000"), text, `it is of message "0000000000000000"`},
		"version":            {strings.Replace(whole, `"v":1`, `"v":0`, 1), text, "version 0"},
		"no recipients":      {`{"v":1,"id":"` + id + `","received":"2026-11-22T09:00:00Z","size":3}`, text, "no recipient"},
	} {
		t.Run(name, func(t *testing.T) {
			m := new(disktest.Mem)
			s, _ := open(t, m)
			good := accept(t, s, sample())
			s.Close()
			var lost []string
			for ext, content := range map[string]string{envelopeExt: c.env, messageExt: c.eml} {
				if content != "-" {
					m.Put("/spool/"+id+ext, content)
					lost = append(lost, "/spool/bad/"+id+ext)
				}
			}
			_, found := open(t, m)
			if len(found.Entries) != 1 || !reflect.DeepEqual(found.Entries[0], good) {
				t.Errorf("the good one: %+v", found.Entries)
			}
			if len(found.Broken) != 1 || !found.Broken[0].Aside || !strings.Contains(found.Broken[0].Why, c.why) {
				t.Errorf("broken: %+v, want %q", found.Broken, c.why)
			}
			files := m.Files()
			for _, name := range lost {
				if want := map[string]string{envelopeExt: c.env, messageExt: c.eml}[strings.TrimPrefix(path.Base(name), id)]; files[name] != want {
					t.Errorf("%s holds %q", name, files[name])
				}
			}
			if note := files["/spool/bad/"+id+noteExt]; !strings.Contains(note, c.why) {
				t.Errorf("the note says %q", note)
			}
		})
	}
}

// TestNewer leaves alone what a newer version wrote.
func TestNewer(t *testing.T) {
	m := new(disktest.Mem)
	m.Put("/spool/"+id+envelopeExt, strings.Replace(entry(t, id), `"v":1`, `"v":2`, 1))
	m.Put("/spool/"+id+messageExt, text)
	before := m.Files()
	s, found := open(t, m)
	if len(found.Entries) != 0 || len(found.Broken) != 1 || found.Broken[0].Aside || !strings.Contains(found.Broken[0].Why, "written by a newer maildoctor") {
		t.Errorf("found %+v", found)
	}
	if !maps.Equal(before, m.Files()) {
		t.Errorf("left %v", m.Names())
	}
	if n, octets := s.Usage(); n != 1 || octets != int64(len(text)) {
		t.Errorf("usage is %d messages of %d octets: it takes room, too", n, octets)
	}
}

// TestUnreadable does not move what could not be read now.
func TestUnreadable(t *testing.T) {
	m := new(disktest.Mem)
	m.Put("/spool/"+id+envelopeExt, entry(t, id))
	m.Put("/spool/"+id+messageExt, text)
	before := m.Files()
	m.Before = func(c disktest.Call) error {
		if c.Op == "read" {
			return syscall.EIO
		}
		return nil
	}
	_, found := open(t, m)
	if len(found.Broken) != 1 || found.Broken[0].Aside || !maps.Equal(before, m.Files()) {
		t.Errorf("found %+v, left %v", found, m.Names())
	}
}

// TestUnfinished removes what was never accepted, and leaves what is not ours.
func TestUnfinished(t *testing.T) {
	m := new(disktest.Mem)
	const other = "0123456789abcdeg"
	for _, name := range []string{
		id + ".eml", other + ".eml.new", "0123456789abcdeh.eml", "0123456789abcdeh.env.json.new",
		"README", "0123456789abcdeu.eml", id + ".txt", "bad/" + id + ".eml",
	} {
		m.Put("/spool/"+name, "x")
	}
	_, found := open(t, m)
	if !reflect.DeepEqual(found, Found{Unfinished: 3}) {
		t.Errorf("found %+v", found)
	}
	if want := []string{"/spool/" + id + ".txt", "/spool/0123456789abcdeu.eml", "/spool/README", "/spool/bad/" + id + ".eml"}; !slices.Equal(m.Names(), want) {
		t.Errorf("left %v", m.Names())
	}
}

// TestUnknownFields keeps what a newer version of this format may have added.
func TestUnknownFields(t *testing.T) {
	m := new(disktest.Mem)
	env := strings.Replace(entry(t, id), `"v":1`, `"v":1,"colour":{"of":"hope"}`, 1)
	env = strings.Replace(env, `{"addr"`, `{"mood":7,"addr"`, 1)
	m.Put("/spool/"+id+envelopeExt, env)
	m.Put("/spool/"+id+messageExt, text)
	s, found := open(t, m)
	if len(found.Entries) != 1 {
		t.Fatalf("found %+v", found)
	}
	e := found.Entries[0]
	e.Rcpts[0].Attempts = 9
	if err := s.Update(e); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Colour struct{ Of string }
		Rcpts  []struct{ Mood, Attempts int }
	}
	if err := json.Unmarshal([]byte(m.Files()["/spool/"+id+envelopeExt]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Colour.Of != "hope" || got.Rcpts[0].Mood != 7 || got.Rcpts[0].Attempts != 9 {
		t.Errorf("%+v", got)
	}
}

// TestList looks into a spool that another one has open, and changes nothing.
func TestList(t *testing.T) {
	m := new(disktest.Mem)
	s, _ := open(t, m)
	e := accept(t, s, sample())
	d, err := s.Create(0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abort()
	m.Put("/spool/"+id+envelopeExt, "{")
	before := m.Files()
	found, err := List(m, "/spool")
	if err != nil || len(found.Entries) != 1 || !reflect.DeepEqual(found.Entries[0], e) || len(found.Broken) != 1 {
		t.Errorf("%v, %+v", err, found)
	}
	if !maps.Equal(before, m.Files()) {
		t.Errorf("changed: %v", m.Names())
	}
}

func FuzzDecode(f *testing.F) {
	e := sample()
	e.ID, e.Size = id, 3
	whole, err := encode(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"v":1,"id":"` + id + `","from":"","rcpts":[{"addr":"a@b","status":"waiting"}],"received":"2026-11-22T09:00:00Z","size":0,"new":[1]}`))
	f.Add([]byte(`{"v":9}`))
	f.Add([]byte(`{"V":1,"ID":"` + id + `","client":"fe80::1%eth0","rcpts":[{"ADDR":"a@b","Status":"failed","x":null}],"received":"0001-01-01T00:00:01Z"}`))
	f.Fuzz(func(t *testing.T, octets []byte) {
		e, err := decode(id, octets)
		if err != nil {
			return
		}
		again, err := encode(e)
		if err != nil {
			t.Fatalf("%q reads and does not write: %v", octets, err)
		}
		e2, err := decode(id, again)
		if err != nil {
			t.Fatalf("%q: %v", again, err)
		}
		third, err := encode(e2)
		if err != nil || string(third) != string(again) {
			t.Fatalf("%q became %q, %v", again, third, err)
		}
	})
}

// TestDecodeBounds keeps a large envelope from taking the memory.
func TestDecodeBounds(t *testing.T) {
	many := `{"v":1,"id":"` + id + `","rcpts":[` + strings.Repeat(`{},`, maxRcpts) + `{}]}`
	if _, err := decode(id, []byte(many)); err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxRcpts)) {
		t.Error(err)
	}
}
