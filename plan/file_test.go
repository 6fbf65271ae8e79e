package plan

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// sample is a plan in JSON.
func sample(t testing.TB) string {
	current := []record.Record{txt(300, "v=spf1 a -all"), txt(300, "neighbour \x1b[2J\xff")}
	p, _ := Make(current, []Wish{wish("a", record.SPF(zone), txt(0, "v=spf1 mx -all"))}, Given{Zone: zone, TTLs: true})
	p.Source, p.Made = "the DNS", time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadRefuses(t *testing.T) {
	text := sample(t)
	p, err := Read(strings.NewReader(text))
	if err != nil || p.Source != "the DNS" || p.Made.Hour() != 12 || p.Basis[1].Records[0].Data != "neighbour \x1b[2J\xff" {
		t.Fatalf("%+v, %v", p, err)
	}
	tests := map[string]struct{ old, new, err string }{
		"another version":    {SchemaName, "maildoctor.plan/v2", "no plan of the version"},
		"another record":     {"v=spf1 a -all", "v=spf1 a ~all", "not what the plan rests on"},
		"another neighbour":  {"bmVpZ2hib3Vy", "bmVpZ2hib3VY", "hash"},
		"outside of a slot":  {"v=spf1 mx -all", "something else", "does not stand in this slot"},
		"outside of a zone":  {`"zone": "example.org."`, `"zone": "example.net."`, "not in the zone"},
		"no time":            {"2026-11-22", "yesterday", "made"},
		"a field twice":      {`"concerns": [],`, `"concerns": [], "concerns": [],`, "twice"},
		"more behind it":     {"\n}\n", "\n}\n{}", "behind"},
		"cut off":            {"\n}\n", "", "unexpected EOF"},
		"not JSON":           {`"changes"`, `changes`, "no plan"},
		"a change too many":  {`"concerns": []`, `"concerns": 1`, "no plan"},
		"data in bad base64": {`"data_base64": "`, `"data_base64": "!`, "base64"},
	}
	for name, tt := range map[string]struct {
		bend func(*Plan)
		err  string
	}{
		"a set is missing":   {func(p *Plan) { p.Basis = p.Basis[:1] }, "does not rest on the set"},
		"a set stands twice": {func(p *Plan) { p.Basis = append(p.Basis, p.Basis[1]) }, "twice"},
		"a slot twice":       {func(p *Plan) { p.Changes = append(p.Changes, p.Changes[0]) }, "twice"},
	} {
		bent, _ := Read(strings.NewReader(text))
		tt.bend(&bent)
		var b bytes.Buffer
		if err := bent.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&b); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.err)
		}
	}
	for name, tt := range tests {
		changed := strings.Replace(text, tt.old, tt.new, 1)
		if changed == text {
			t.Fatalf("%s: %q is not in the plan:\n%s", name, tt.old, text)
		}
		if _, err := Read(strings.NewReader(changed)); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(f))
	f.Add(`{"schema":"maildoctor.plan/v1","changes":[{}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		roundTrip(t, p)
		p.Invert()
	})
}
