package plan

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

func snapshot(t testing.TB) Snapshot {
	before, p := half(t)
	before = append(before, txt(300, "odd \x1b[2J\x00\xff <&> é\u2028"))
	return NewSnapshot("Example.org", "rfc2136:ns1.example.net", time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("", 3600)), before, p)
}

func TestSnapshotRoundTrip(t *testing.T) {
	s := snapshot(t)
	if s.Zone != zone || s.Taken.Location() != time.UTC || s.Taken.Hour() != 11 {
		t.Errorf("zone %q, taken %s", s.Zone, s.Taken)
	}
	read := throughFile(t, s)
	if !reflect.DeepEqual(read, s) {
		t.Errorf("read\n%+v\nwritten\n%+v", read, s)
	}
	empty := NewSnapshot(zone, "", time.Unix(0, 0), nil, Plan{Zone: zone})
	if read := throughFile(t, empty); !reflect.DeepEqual(read, empty) {
		t.Errorf("read\n%+v\nwritten\n%+v", read, empty)
	}
}

// throughFile is a snapshot written and read again. The file is text that can be shown.
func throughFile(t testing.TB, s Snapshot) Snapshot {
	t.Helper()
	var file bytes.Buffer
	if err := s.Write(&file); err != nil {
		t.Fatal(err)
	}
	if i := bytes.IndexFunc(file.Bytes(), func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }); i >= 0 {
		t.Errorf("the file holds %q", file.Bytes()[i])
	}
	if lines := bytes.Count(file.Bytes(), []byte("\n")); lines < 8 || file.Bytes()[file.Len()-1] != '\n' {
		t.Errorf("the file has %d lines, and ends in %q", lines, file.Bytes()[file.Len()-1])
	}
	read, err := ReadSnapshot(&file)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestSnapshotUndo(t *testing.T) {
	s := throughFile(t, snapshot(t))
	after := s.Plan.Apply(s.Records)
	if s.Rollback() {
		t.Error("the plan takes nothing back")
	}
	undo, conflicts := Make(after, s.Undo(), Given{Zone: zone, TTLs: true})
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	if got := record.Sorted(undo.Apply(after)); !slices.Equal(got, s.Records) {
		t.Errorf("taken back it is\n%v\nand was\n%v", got, s.Records)
	}
	if !strings.Contains(undo.Changes[0].Reasons[0], "2026-11-22T11:00:00Z") {
		t.Errorf("reasons %q", undo.Changes[0].Reasons)
	}
	if s := NewSnapshot(zone, "", s.Taken, after, undo); !s.Rollback() {
		t.Error("the plan takes another back")
	}
	// What was done in part is taken back as well, and what was not done needs nothing.
	part := pick(s.Plan, 1, 2).Apply(s.Records)
	undo, _ = Make(part, s.Undo(), Given{Zone: zone, TTLs: true})
	if got := record.Sorted(undo.Apply(part)); len(undo.Changes) != 2 || !slices.Equal(got, s.Records) {
		t.Errorf("%d changes, taken back it is\n%v\nand was\n%v", len(undo.Changes), got, s.Records)
	}
	if undo, _ = Make(s.Records, s.Undo(), Given{Zone: zone, TTLs: true}); !undo.Empty() {
		t.Errorf("nothing was done, and yet %v", undo.Changes)
	}
}

func TestSnapshotConcerns(t *testing.T) {
	s := snapshot(t)
	concerns := func(current []record.Record) (needs []string) {
		p, _ := Make(current, s.Undo(), Given{Zone: zone, TTLs: true})
		for _, c := range s.Concerns(p, current) {
			if c.Needs != "" {
				needs = append(needs, c.ID+" "+Title(c.Slot))
			}
		}
		return needs
	}
	after := s.Plan.Apply(s.Records)
	for name, tt := range map[string]struct {
		current []record.Record
		want    []string
	}{
		"as the plan left it":    {after, nil},
		"as it was before":       {s.Records, nil},
		"half of it":             {pick(s.Plan, 0, 3).Apply(s.Records), nil},
		"a neighbour came since": {append(slices.Clone(after), txt(300, "new=1")), nil},
		"the MX set changed":     {append(slices.Clone(after), rr(zone, "MX", 300, "20 new.example.")), []string{"changed-since MX example.org"}},
		"SPF went":               {slices.DeleteFunc(slices.Clone(after), record.SPF(zone).Holds), []string{"changed-since TXT example.org (v=spf1)"}},
	} {
		if got := concerns(tt.current); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestReadSnapshotRefuses(t *testing.T) {
	var file bytes.Buffer
	if err := snapshot(t).Write(&file); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	for name, tt := range map[string]struct{ old, new, err string }{
		"another version": {SnapshotSchema, "maildoctor.snapshot/v2", "no snapshot of the version"},
		"a plan":          {SnapshotSchema, SchemaName, "no snapshot of the version"},
		"another zone":    {`"zone": "example.org."`, `"zone": "example.net."`, "its plan is for example.org"},
		"no time":         {"2026-11-22", "yesterday", "taken"},
		"a bent plan":     {"v=spf1 mx -all", "something else", "does not stand in this slot"},
		"not JSON":        {`"records"`, `records`, "no snapshot"},
		"bad base64":      {`"data_base64": "`, `"data_base64": "!`, "base64"},
	} {
		changed := strings.Replace(text, tt.old, tt.new, 1)
		if changed == text {
			t.Fatalf("%s: %q is not in the snapshot:\n%s", name, tt.old, text)
		}
		if _, err := ReadSnapshot(strings.NewReader(changed)); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.err)
		}
	}
}

func FuzzReadSnapshot(f *testing.F) {
	var file bytes.Buffer
	if err := snapshot(f).Write(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.String())
	f.Add(`{"schema":"maildoctor.snapshot/v1","zone":"example.org.","taken":"2026-11-22T12:00:00Z","plan":{"schema":"maildoctor.plan/v1","zone":"example.org"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadSnapshot(strings.NewReader(text))
		if err != nil {
			return
		}
		if _, conflicts := Make(s.Plan.Apply(s.Records), s.Undo(), Given{Zone: s.Zone}); len(conflicts) > len(s.Plan.Changes) {
			t.Errorf("%d conflicts of %d changes", len(conflicts), len(s.Plan.Changes))
		}
		var first, second bytes.Buffer
		if err := s.Write(&first); err != nil {
			t.Fatal(err)
		}
		again, err := ReadSnapshot(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%s", err, first.String())
		}
		if err := again.Write(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("written again it is another: %v\n%s\n%s", err, first.String(), second.String())
		}
	})
}
