package resolve

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

func TestOverlay(t *testing.T) {
	base := NewZone(world(t,
		"example.org SOA ns.example.org. h.example.org. 1 7200 3600 1209600 60",
		"example.org TXT v=spf1 mx -all",
		"example.org TXT v=SPF1 -all",
		"example.org TXT v=spf10 no version",
		"example.org TXT google-site-verification=x",
		"example.org MX 10 old.example.net.",
		"_dmarc.example.org TXT v=DMARC1; p=none",
		"busy.example.org TXT going",
		"busy.example.org A 192.0.2.1",
		"www.example.org CNAME host.example.org.",
		"host.example.org A 192.0.2.2",
		"alias.example.net CNAME s1._domainkey.example.org.",
		"*.wild.example.org TXT everything",
		"gone.wild.example.org TXT mine",
	))
	edits := []record.Edit{
		record.Set(record.SPF("example.org"), record.TXT("example.org", "v=spf1 -all")),
		record.Set(record.MXSet("example.org"), record.MX("example.org", 10, "mx.example.org")),
		record.Set(record.DMARC("example.org")),
		record.Set(record.Slot{Name: "busy.example.org.", Type: "TXT"}),
		record.Set(record.DKIMKey("s1", "example.org"), record.TXT("s1._domainkey.example.org", "v=DKIM1; p=abc")),
		record.Set(record.Slot{Name: "new.example.org.", Type: "CNAME"}, record.Record{Name: "new.example.org.", Type: "CNAME", Data: "www.example.org."}),
		record.Set(record.Slot{Name: "www.example.org.", Type: "TXT"}, record.TXT("www.example.org", "hidden")),
		record.Set(record.DMARC("x.wild.example.org"), record.TXT("_dmarc.x.wild.example.org", "v=DMARC1; p=reject")),
		record.Set(record.Slot{Name: "gone.wild.example.org.", Type: "TXT"}),
		record.Set(record.Slot{Name: "*._domainkey.parked.example.org.", Type: "TXT"}, record.TXT("*._domainkey.parked.example.org", "v=DKIM1; p=")),
		record.Set(record.Slot{Name: "loop.example.org.", Type: "CNAME"}, record.Record{Name: "loop.example.org.", Type: "CNAME", Data: "loop2.example.org."}),
		record.Set(record.Slot{Name: "loop2.example.org.", Type: "CNAME"}, record.Record{Name: "loop2.example.org.", Type: "CNAME", Data: "loop.example.org."}),
	}
	o := NewOverlay(base, edits)
	tests := []struct{ q, want string }{
		{"TXT example.org", "v=spf10 no version | google-site-verification=x | v=spf1 -all"},
		{"MX example.org", "10 mx.example.org."},
		{"NS example.org", "no NS record"},
		{"TXT _dmarc.example.org", "NXDOMAIN"},
		{"MX _dmarc.example.org", "NXDOMAIN"},
		{"TXT busy.example.org", "no TXT record"},
		{"A busy.example.org", "192.0.2.1"},
		{"TXT s1._domainkey.example.org", "v=DKIM1; p=abc"},
		{"MX s1._domainkey.example.org", "no MX record"},
		{"TXT _domainkey.example.org", "no TXT record"},
		{"TXT s2._domainkey.example.org", "NXDOMAIN"},
		{"TXT alias.example.net", "CNAME s1._domainkey.example.org | v=DKIM1; p=abc"},
		{"A new.example.org", "CNAME www.example.org | CNAME host.example.org | 192.0.2.2"},
		{"CNAME new.example.org", "www.example.org."},
		{"TXT www.example.org", "CNAME host.example.org | no TXT record"},
		{"TXT _dmarc.x.wild.example.org", "v=DMARC1; p=reject"},
		{"TXT y.wild.example.org", "everything"},
		{"TXT gone.wild.example.org", "everything"},
		{"TXT any._domainkey.parked.example.org", "v=DKIM1; p="},
		{"A any._domainkey.parked.example.org", "no A record"},
		{"A host.example.org", "192.0.2.2"},
		{"A nosuch.example.org", "NXDOMAIN"},
		{"A loop.example.org", "A loop.example.org: CNAME chain too long or looping"},
		{"A a..example.org", "A a..example.org: not a name the DNS can hold (it has an empty label)"},
	}
	for _, tt := range tests {
		typ, name, _ := strings.Cut(tt.q, " ")
		if got := said(o.Resolve(t.Context(), Ask(name, typ))); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.q, got, tt.want)
		}
	}
}

func TestOverlayPassesErrorsOn(t *testing.T) {
	base := NewFaults(NewZone(nil), []Fault{{Type: "TXT", Name: "*", Kind: ServFail}})
	o := NewOverlay(base, []record.Edit{record.Set(record.DMARC("example.org")),
		record.Set(record.Slot{Name: "a.example.org.", Type: "CNAME"}, record.Record{Name: "a.example.org.", Type: "CNAME", Data: "b.example.org."})})
	for _, name := range []string{"_dmarc.example.org", "other.example.org", "a.example.org"} {
		if got, want := said(o.Resolve(t.Context(), Ask(name, "TXT"))), "TXT "+name+": SERVFAIL"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestOverlayIsPublication compares overlays over random worlds with the
// worlds in which the edits are published.
func TestOverlayIsPublication(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	names := []string{"a.x.", "b.x.", "c.b.x.", "d.c.b.x.", "x.", "*.b.x.", "y."}
	types := []string{"TXT", "A", "MX"}
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	random := func() record.Record {
		r := record.Record{Name: pick(names), Type: pick(types), TTL: 60, Data: fmt.Sprint(rnd.IntN(3))}
		if rnd.IntN(5) == 0 {
			r.Type, r.Data = "CNAME", pick(names)
		}
		return r
	}
	for range 2000 {
		var before []record.Record
		for range rnd.IntN(6) {
			before = append(before, random())
		}
		var edits []record.Edit
		after := slices.Clone(before)
		for range 1 + rnd.IntN(3) {
			r := random()
			e := record.Set(record.Slot{Name: r.Name, Type: r.Type})
			if rnd.IntN(3) > 0 {
				e.Want = append(e.Want, r)
			}
			edits = append(edits, e)
			after = append(slices.DeleteFunc(slices.Clone(after), e.Slot.Holds), e.Want...)
		}
		if !plausible(before) || !plausible(after) {
			continue
		}
		o, z := NewOverlay(NewZone(before), edits), NewZone(after)
		for _, name := range names {
			for _, typ := range types {
				q := Ask(name, typ)
				got, gotErr := o.Resolve(t.Context(), q)
				want, wantErr := z.Resolve(t.Context(), q)
				a, b := said(got, gotErr), said(want, wantErr)
				// Whether a name without records exists cannot always be told from outside.
				if got.Void() && want.Void() && gotErr == nil && wantErr == nil {
					a, b = fmt.Sprint(got.Chain), fmt.Sprint(want.Chain)
				}
				if a != b {
					t.Fatalf("%v\nbefore %v\nedits %v\n got %s\nwant %s", q, before, edits, a, b)
				}
			}
		}
	}
}

// plausible reports whether a server would load the records: a CNAME stands
// alone, and a wildcard is not mixed with what it covers beyond telling apart.
func plausible(records []record.Record) bool {
	cnames, others, wild := map[string]int{}, map[string]int{}, false
	for _, r := range records {
		wild = wild || strings.HasPrefix(r.Name, "*")
		if r.Type == "CNAME" {
			cnames[r.Name]++
		} else {
			others[r.Name]++
		}
	}
	for name, n := range cnames {
		if n > 1 || others[name] > 0 {
			return false
		}
	}
	return !wild
}
