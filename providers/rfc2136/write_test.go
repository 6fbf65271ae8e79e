package rfc2136_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/record"
)

const zone = "example.org."

func small() []record.Record {
	return []record.Record{
		{Name: zone, Type: "SOA", TTL: 3600, Data: "ns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 300"},
		{Name: zone, Type: "NS", TTL: 3600, Data: "ns1.example.org."},
		{Name: "ns1." + zone, Type: "A", TTL: 3600, Data: "192.0.2.53"},
		{Name: zone, Type: "TXT", TTL: 3600, Data: "v=spf1 a -all"},
		{Name: zone, Type: "TXT", TTL: 3600, Data: "verification=1"},
	}
}

// rights are those of a key that may do everything, with and without transfers.
var rights = map[string]map[string]primary.Rights{
	"transfer": {owner: {Transfer: true, Update: true}},
	"by name":  {owner: {Update: true}},
}

// each runs a test with the zone transferred, and read by name.
func each(t *testing.T, records []record.Record, f func(t *testing.T, s *service, to providers.Provider)) {
	for name, r := range rights {
		t.Run(name, func(t *testing.T) {
			s := servePrimary(t, zone, records, r)
			to, err := s.Open(t.Context(), zone)
			if err != nil {
				t.Fatal(err)
			}
			f(t, s, to)
		})
	}
}

func set(name, typ, tag string, ttl uint32, data ...string) record.Edit {
	slot := record.Slot{Name: name, Type: typ, Tag: tag}
	var want []record.Record
	for _, d := range data {
		want = append(want, record.Record{Name: name, Type: typ, TTL: ttl, Data: d})
	}
	return record.Set(slot, want...)
}

// chunks are the TXT records at a name as the server splits them.
func chunks(t *testing.T, s *service, name string) []string {
	var list []string
	for _, rr := range s.rrs(t) {
		if txt, ok := rr.(*dns.TXT); ok && txt.Hdr.Name == name {
			list = append(list, fmt.Sprint(txt.Hdr.Ttl, " ", strings.Join(txt.Txt, "|")))
		}
	}
	slices.Sort(list)
	return list
}

// split adds a TXT record that is split oddly.
func split(t *testing.T, s *service, name string, texts ...string) {
	t.Helper()
	m := new(dns.Msg).SetUpdate(zone)
	m.Insert([]dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 3600}, Txt: texts}})
	if err := s.update(m); err != nil {
		t.Fatal(err)
	}
}

// How the server splits texts is no matter to plans, and what a plan is not about
// stays split as it is.
func TestSplitTexts(t *testing.T) {
	each(t, small(), func(t *testing.T, s *service, to providers.Provider) {
		split(t, s, zone, "odd", "", "ly split")
		s.Change(t, set(zone, "TXT", "v=spf1", 0))
		split(t, s, zone, "v=s", "pf1 a:old", " -all")
		split(t, s, "two.example.org.", "same ", "text")
		split(t, s, "two.example.org.", "same", " text")

		p := planned(t, to, set(zone, "TXT", "v=spf1", 0, "v=spf1 mx -all"), set("two.example.org.", "TXT", "", 600, "same text"))
		if err := to.Write(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if got, want := chunks(t, s, zone), []string{"3600 odd||ly split", "3600 v=spf1 mx -all", "3600 verification=1"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		// One of the two is as good as the other; the new TTL does not split it anew.
		if got := chunks(t, s, "two.example.org."); len(got) != 1 || !strings.HasPrefix(got[0], "600 same") || !strings.Contains(got[0], "|") {
			t.Errorf("got %q", got)
		}
	})
}

func TestTTLs(t *testing.T) {
	tests := []struct {
		name    string
		edit    record.Edit
		want    []string
		changed func(*plan.Plan)
	}{
		{"the neighbours' is kept", set(zone, "TXT", "v=spf1", 60, "v=spf1 mx -all"), []string{"3600 v=spf1 mx -all", "3600 verification=1"}, nil},
		{"even where the plan says another", set(zone, "TXT", "v=spf1", 0, "v=spf1 mx -all"), []string{"3600 v=spf1 mx -all", "3600 verification=1"},
			func(p *plan.Plan) { p.Changes[0].After[0].TTL = 5 }},
		{"that of the set is kept", set("ns1.example.org.", "A", "", 0, "192.0.2.54"), []string{"3600 192.0.2.54"},
			func(p *plan.Plan) { p.Changes[0].After[0].TTL = 0 }},
		{"an hour where there was none", set("new.example.org.", "A", "", 0, "192.0.2.54"), []string{"3600 192.0.2.54"}, nil},
		{"the wished one", set("new.example.org.", "A", "", 77, "192.0.2.54"), []string{"77 192.0.2.54"}, nil},
		{"of all of the set", set("ns1.example.org.", "A", "", 77, "192.0.2.53", "192.0.2.54"), []string{"77 192.0.2.53", "77 192.0.2.54"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			each(t, small(), func(t *testing.T, s *service, to providers.Provider) {
				p := planned(t, to, tt.edit)
				if tt.changed != nil {
					tt.changed(&p)
				}
				if err := to.Write(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, r := range s.Records(t) {
					if r.Name == tt.edit.Slot.Name && r.Type == tt.edit.Slot.Type {
						got = append(got, fmt.Sprint(r.TTL, " ", r.Data))
					}
				}
				if slices.Sort(got); !slices.Equal(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// A plan is one message, whose prerequisites are all that it rests on.
func TestOneUpdate(t *testing.T) {
	each(t, small(), func(t *testing.T, s *service, to providers.Provider) {
		p := planned(t, to, set(zone, "TXT", "v=spf1", 0, "v=spf1 mx -all"), set("_dmarc.example.org.", "TXT", "v=DMARC1", 300, "v=DMARC1; p=none"), set("ns1.example.org.", "A", "", 0))
		if err := to.Write(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		sent := s.relay.updates()
		if len(sent) != 1 {
			t.Fatalf("%d updates", len(sent))
		}
		section := func(list []dns.RR) []string {
			var lines []string
			for _, rr := range list {
				h := rr.Header()
				line := fmt.Sprint(h.Name, " ", h.Ttl, " ", dns.Class(h.Class), " ", dns.Type(h.Rrtype))
				if h.Rdlength > 0 {
					line += strings.TrimPrefix(rr.String(), h.String())
				}
				lines = append(lines, strings.ReplaceAll(line, "\t", " "))
			}
			slices.Sort(lines)
			return lines
		}
		wantBasis := []string{
			"_dmarc.example.org. 0 NONE CNAME",
			"_dmarc.example.org. 0 NONE TXT",
			`example.org. 0 IN TXT"v=spf1 a -all"`,
			`example.org. 0 IN TXT"verification=1"`,
			"example.org. 0 NONE CNAME",
			"ns1.example.org. 0 IN A192.0.2.53",
		}
		wantChanges := []string{
			`_dmarc.example.org. 300 IN TXT"v=DMARC1; p=none"`,
			`example.org. 0 NONE TXT"v=spf1 a -all"`,
			`example.org. 3600 IN TXT"v=spf1 mx -all"`,
			"ns1.example.org. 0 NONE A192.0.2.53",
		}
		if got := section(sent[0].Answer); !slices.Equal(got, wantBasis) {
			t.Errorf("prerequisites %q\nwant %q", got, wantBasis)
		}
		if got := section(sent[0].Ns); !slices.Equal(got, wantChanges) {
			t.Errorf("changes %q\nwant %q", got, wantChanges)
		}
	})
}

// Somebody changes the zone when the update is on its way already: the server
// compares, and nobody's change is lost.
func TestOvertaken(t *testing.T) {
	for name, change := range map[string]record.Edit{
		"the slot":         set(zone, "TXT", "v=spf1", 3600, "v=spf1 ip4:192.0.2.1 -all"),
		"a neighbour":      set(zone, "TXT", "another", 3600, "another"),
		"a neighbour went": set(zone, "TXT", "verification=1", 3600),
		"an alias":         set("_dmarc.example.org.", "CNAME", "", 3600, "example.net."),
		"a new set":        set("_dmarc.example.org.", "TXT", "", 3600, "v=DMARC1; p=reject"),
	} {
		t.Run(name, func(t *testing.T) {
			each(t, small(), func(t *testing.T, s *service, to providers.Provider) {
				p := planned(t, to, set(zone, "TXT", "v=spf1", 0, "v=spf1 mx -all"), set("_dmarc.example.org.", "TXT", "v=DMARC1", 300, "v=DMARC1; p=none"))
				var was []record.Record
				s.relay.beforeNext(func() {
					s.Change(t, change)
					was = s.Records(t)
				})
				err := to.Write(t.Context(), p)
				var stale *providers.StaleError
				if !errors.As(err, &stale) || len(stale.Is) != 1 || stale.Is[0].Name != change.Slot.Name || stale.Is[0].Type != change.Slot.Type {
					t.Errorf("%v, want that %v is stale", err, change.Slot)
				}
				if is := s.Records(t); !slices.Equal(is, was) {
					t.Errorf("something was written: %v, was %v", is, was)
				}
			})
		})
	}
}

// Changed, and changed back when the update had come.
func TestOvertakenAndBack(t *testing.T) {
	each(t, small(), func(t *testing.T, s *service, to providers.Provider) {
		p := planned(t, to, set(zone, "TXT", "v=spf1", 0, "v=spf1 mx -all"))
		s.relay.beforeNext(func() { s.Change(t, set(zone, "TXT", "another", 3600, "another")) })
		s.relay.afterNext(func() { s.Change(t, set(zone, "TXT", "another", 3600)) })
		err := to.Write(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), "(NXRRSET)") || !strings.Contains(err.Error(), "nothing was written") {
			t.Errorf("%v", err)
		}
	})
}

func TestTooLarge(t *testing.T) {
	each(t, small(), func(t *testing.T, s *service, to providers.Provider) {
		var edits []record.Edit
		for i := range 300 {
			edits = append(edits, set(fmt.Sprintf("n%d.example.org.", i), "TXT", "", 300, strings.Repeat("x", 250)))
		}
		p := planned(t, to, edits...)
		was := s.Records(t)
		err := to.Write(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), "too large for one update") || len(s.relay.updates()) > 0 {
			t.Errorf("%v, and %d updates", err, len(s.relay.updates()))
		}
		if !slices.Equal(s.Records(t), was) {
			t.Error("something was written")
		}
		p = planned(t, to, edits[:150]...)
		if err := to.Write(t.Context(), p); err != nil {
			t.Errorf("half of it: %v", err)
		}
	})
}

// Plans come from files, too: what in them is no record gets to no server.
func TestNoRecords(t *testing.T) {
	s := servePrimary(t, zone, small(), rights["transfer"])
	to, err := s.Open(t.Context(), zone)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []record.Record{
		{Name: "a.example.org.", Type: "A", Data: "192.0.2.1\n$INCLUDE /etc/passwd"},
		{Name: "a.example.org.", Type: "A", Data: "192.0.2.1 ; comment"},
		{Name: "a.example.org.", Type: "A", Data: ""},
		{Name: "a.example.org.", Type: "A", Data: "2001:db8::1"},
		{Name: "a.example.org.", Type: "MX", Data: "10 mail"},
		{Name: "a.example.org.", Type: "AAAA", Data: "( 2001:db8::1"},
		{Name: "a.example.org.", Type: "NOTYPE", Data: "x"},
		{Name: "a.example.org.", Type: "IN A", Data: "192.0.2.1"},
		{Name: "a b.example.org.", Type: "A", Data: "192.0.2.1"},
		{Name: "$INCLUDE.example.org.", Type: "A", Data: "192.0.2.1"},
		{Name: "a..example.org.", Type: "A", Data: "192.0.2.1"},
		{Name: "a.example.net.", Type: "A", Data: "192.0.2.1"},
	} {
		p := plan.Plan{
			Zone:    zone,
			Changes: []plan.Change{{Slot: record.Slot{Name: r.Name, Type: r.Type}, After: []record.Record{r}}},
			Basis:   []plan.Set{{Name: r.Name, Type: r.Type}},
		}
		if err := to.Write(t.Context(), p); err == nil || strings.ContainsAny(err.Error(), "\n\t\x00") {
			t.Errorf("%q: %v", r, err)
		}
	}
	if n := len(s.relay.updates()); n > 0 {
		t.Errorf("%d updates", n)
	}
	// A change without a basis is not carried out blindly.
	p := planned(t, to, set(zone, "TXT", "v=spf1", 0, "v=spf1 mx -all"))
	p.Basis = nil
	if err := to.Write(t.Context(), p); err == nil {
		t.Error("a plan without a basis was carried out")
	}
}
