package migration_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
)

func sample(t testing.TB) migration.Move {
	g := given(t, workspace, mailcow)
	g.Old = migration.Side{Name: "Google Workspace", Services: []string{"google"}}
	g.New = migration.Side{Name: "mailcow", Profile: "mailcow"}
	g.Served = &mtasts.Policy{Mode: mtasts.Enforce, MX: []string{"smtp.google.com"}, MaxAge: 604800}
	m, _ := migration.Make(g)
	m.Policy, m.Negative, m.Revision = g.Served, 3600, 3
	m.Blockers = []migration.Blocker{{ID: migration.BlockPolicy, Step: migration.SwitchMX, Text: "a\x1b[2J", Until: now}}
	m.Items = []migration.Item{{Kind: "mx", Subject: "example.org.", Fate: migration.Change, Step: migration.SwitchMX, Records: m.Before[:1]}}
	return m
}

func TestFile(t *testing.T) {
	m := sample(t)
	m.Steps[0].Done = now
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsRune(b.String(), 0x1b) {
		t.Error("the file holds a control octet")
	}
	read, err := migration.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := read.Write(&again); err != nil {
		t.Fatal(err)
	}
	second, err := migration.Read(&again)
	if err != nil || !reflect.DeepEqual(read, second) {
		t.Errorf("read and written again it is another: %v", err)
	}
	if got, want := lines(read.After("")), lines(m.After("")); got != want {
		t.Errorf("in the end there is\n%s\nwant\n%s", got, want)
	}
	if read.Policy.MaxAge != 604800 || read.Steps[0].Done != now || !read.Switch.Equal(m.Switch) || read.Old.Services[0] != "google" {
		t.Errorf("read %+v", read)
	}
}

func TestReadRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := sample(t).Write(&b); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	for name, tt := range map[string]struct{ old, with, err string }{
		"another schema":      {`maildoctor.move/v1`, `maildoctor.move/v9`, "no move of the version"},
		"no domain":           {`"domain": "example.org"`, `"domain": ""`, "no domain"},
		"another zone":        {`"zone": "example.org"`, `"zone": "example.net"`, "not in the zone"},
		"no such step":        {`"id": "prepare"`, `"id": "sing"`, "no step"},
		"steps out of order":  {`"id": "prepare"`, `"id": "retire"`, "does not follow"},
		"done before another": {`"due": "2026-11-23T09:00:00Z",`, `"due": "2026-11-23T09:00:00Z", "done": "2026-11-23T09:00:00Z",`, "before it is not"},
		"a time that is none": {`"begun": "2026-11-22T09:00:00Z"`, `"begun": "yesterday"`, "is no time"},
		"a wait beyond all":   {`"wait": 604800`, `"wait": 99999999999999999`, "cannot be"},
		"a fate unheard of":   {`"fate": "change"`, `"fate": "burn"`, "nothing that becomes"},
		"a revision below 0":  {`"revision": 3`, `"revision": -3`, "no revision"},
	} {
		text := strings.Replace(whole, tt.old, tt.with, 1)
		if text == whole {
			t.Errorf("%s: the file has no %s", name, tt.old)
		}
		if _, err := migration.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want an error with %q", name, err, tt.err)
		}
	}
	if _, err := migration.Read(strings.NewReader(strings.Repeat(" ", 9<<20))); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a file beyond all bounds: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := sample(f).Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema":"maildoctor.move/v1","domain":"a.b"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := migration.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := m.Write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := migration.Read(&b)
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if again.Domain != m.Domain || len(again.Steps) != len(m.Steps) {
			t.Error("read again it is another move")
		}
	})
}
