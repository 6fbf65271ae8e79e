package ddns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

var (
	old4, new4 = netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("198.51.100.7")
	old6, new6 = netip.MustParseAddr("2001:db8:1:2::25"), netip.MustParseAddr("2001:db8:9:9::25")
)

func at(a netip.Addr) Reading { return Reading{Addr: a, From: "test"} }

const (
	domain = "example.org."
	mail   = "mail.example.org."
)

func a(name, addr string) record.Record { return record.Address(name, netip.MustParseAddr(addr)) }

func TestEdits(t *testing.T) {
	spf := func(text string) record.Record { return record.TXT(domain, text) }
	both := Found{at(new4), at(new6)}
	v4 := Found{IPv4: at(new4)}
	gone6 := Found{at(new4), {None: "eth0 has no IPv6 address"}}
	for name, test := range map[string]struct {
		given Given
		there []record.Record
		found Found
		want  []string // the records of the edits; "- TYPE NAME" of one that empties
		notes []string // level and part of the text
	}{
		"both families": {
			there: []record.Record{a(mail, "192.0.2.25"), a(mail, "2001:db8:1:2::25"), spf("v=spf1 ip4:192.0.2.25 ip6:2001:db8:1:2::25 -all")},
			found: both,
			want:  []string{"mail.example.org. IN A 198.51.100.7", "mail.example.org. IN AAAA 2001:db8:9:9::25", `example.org. IN TXT "v=spf1 ip4:198.51.100.7 ip6:2001:db8:9:9::25 -all"`},
		},
		"unchanged": {
			there: []record.Record{a(mail, "198.51.100.7"), spf("v=spf1 ip4:198.51.100.7 -all")}, found: v4,
		},
		"qualifiers, case and all else stay": {
			there: []record.Record{a(mail, "192.0.2.25"), spf("V=SPF1  +IP4:192.0.2.25 ip4:192.0.2.250  MX ?Ip4:192.0.2.25/32 include:_spf.example.net ~all ")}, found: v4,
			want: []string{"mail.example.org. IN A 198.51.100.7", `example.org. IN TXT "V=SPF1  +IP4:198.51.100.7 ip4:192.0.2.250  MX ?Ip4:198.51.100.7/32 include:_spf.example.net ~all "`},
		},
		"a term that repeats goes": {
			there: []record.Record{a(mail, "192.0.2.25"), spf("v=spf1 ip4:198.51.100.7 ip4:192.0.2.25 -all")}, found: v4,
			want: []string{"mail.example.org. IN A 198.51.100.7", `example.org. IN TXT "v=spf1 ip4:198.51.100.7 -all"`},
		},
		"a wider network is not the owner's": {
			there: []record.Record{a(mail, "192.0.2.25"), spf("v=spf1 ip4:192.0.2.0/24 -all")}, found: v4,
			want:  []string{"mail.example.org. IN A 198.51.100.7"},
			notes: []string{"0 add 198.51.100.7 once with --spf"},
		},
		"the /64 of an address is": {
			there: []record.Record{a(mail, "2001:db8:1:2::25"), spf("v=spf1 ip6:2001:DB8:1:2::/64 ip6:2001:db8:1:2::25/64 ip6:2001:db8:1::/48 -all")}, found: Found{IPv6: at(new6)},
			want: []string{"mail.example.org. IN AAAA 2001:db8:9:9::25", `example.org. IN TXT "v=spf1 ip6:2001:db8:9:9::/64 ip6:2001:db8:1::/48 -all"`},
		},
		"a /64 that holds the new address stays": {
			there: []record.Record{a(mail, "2001:db8:9:9::1"), spf("v=spf1 ip6:2001:db8:9:9::/64 -all")}, found: Found{IPv6: at(new6)},
			want: []string{"mail.example.org. IN AAAA 2001:db8:9:9::25"},
		},
		"several hosts": {
			given: Given{Hosts: []string{mail, domain}},
			there: []record.Record{a(mail, "192.0.2.25"), a(domain, "192.0.2.99"), a("www.example.org.", "192.0.2.99"), spf("v=spf1 ip4:192.0.2.25 ip4:192.0.2.99 -all")}, found: v4,
			want:  []string{"mail.example.org. IN A 198.51.100.7", "example.org. IN A 198.51.100.7", `example.org. IN TXT "v=spf1 ip4:198.51.100.7 -all"`},
			notes: []string{"1 A www.example.org still holds 192.0.2.99"},
		},
		"the host's own SPF": {
			there: []record.Record{a(mail, "192.0.2.25"), record.TXT(mail, "v=spf1 ip4:192.0.2.25 -all"), spf("v=spf1 a:mail.example.org -all")}, found: v4,
			want:  []string{"mail.example.org. IN A 198.51.100.7", `mail.example.org. IN TXT "v=spf1 ip4:198.51.100.7 -all"`},
			notes: []string{"0 follows the address by a:mail.example.org, and needs no change"},
		},
		"mx follows": {
			there: []record.Record{a(mail, "192.0.2.25"), record.MX(domain, 10, mail), spf("v=spf1 mx -all")}, found: v4,
			want:  []string{"mail.example.org. IN A 198.51.100.7"},
			notes: []string{"0 follows the address by mx"},
		},
		"mx of another host does not": {
			there: []record.Record{a(mail, "192.0.2.25"), record.MX(domain, 10, "mx.example.net."), spf("v=spf1 mx -all")}, found: v4,
			want:  []string{"mail.example.org. IN A 198.51.100.7"},
			notes: []string{"0 once with --spf"},
		},
		"a first term": {
			given: Given{AddSPF: true},
			there: []record.Record{spf("v=spf1 ip4:192.0.2.99  a -all")}, found: v4,
			want: []string{"mail.example.org. IN A 198.51.100.7", `example.org. IN TXT "v=spf1 ip4:192.0.2.99 ip4:198.51.100.7  a -all"`},
		},
		"a first term beside nothing": {
			given: Given{AddSPF: true}, there: []record.Record{spf("v=spf1")}, found: v4,
			want: []string{"mail.example.org. IN A 198.51.100.7", `example.org. IN TXT "v=spf1 ip4:198.51.100.7"`},
		},
		"a first term of a void record": {
			given: Given{AddSPF: true}, there: []record.Record{spf("v=spf1 bogus -all")}, found: v4,
			want:  []string{"mail.example.org. IN A 198.51.100.7"},
			notes: []string{"2 is void by a fault"},
		},
		"two SPF records": {
			there: []record.Record{a(mail, "192.0.2.25"), spf("v=spf1 ip4:192.0.2.25 -all"), spf("v=spf1 ~all")}, found: v4,
			want:  []string{"mail.example.org. IN A 198.51.100.7"},
			notes: []string{"2 2 SPF records"},
		},
		"no SPF record": {
			there: []record.Record{a(mail, "192.0.2.25"), spf("verification=1")}, found: v4,
			want:  []string{"mail.example.org. IN A 198.51.100.7"},
			notes: []string{"0 no SPF record"},
		},
		"half done before": {
			given: Given{Owned: []netip.Addr{old4}},
			there: []record.Record{a(mail, "198.51.100.7"), spf("v=spf1 ip4:192.0.2.25 -all")}, found: v4,
			want: []string{`example.org. IN TXT "v=spf1 ip4:198.51.100.7 -all"`},
		},
		"of several addresses the owned one": {
			given: Given{Owned: []netip.Addr{old4}},
			there: []record.Record{a(mail, "192.0.2.25"), a(mail, "192.0.2.26"), spf("v=spf1 ip4:192.0.2.25 ip4:192.0.2.26 -all")}, found: v4,
			want: []string{"mail.example.org. IN A 192.0.2.26", "mail.example.org. IN A 198.51.100.7", `example.org. IN TXT "v=spf1 ip4:198.51.100.7 ip4:192.0.2.26 -all"`},
		},
		"of several addresses none is known": {
			there: []record.Record{a(mail, "192.0.2.25"), a(mail, "192.0.2.26"), spf("v=spf1 ip4:192.0.2.25 -all")}, found: v4,
			notes: []string{"2 not known which of them is this machine's"},
		},
		"nothing there yet": {
			there: []record.Record{spf("v=spf1 -all")}, found: both,
			want:  []string{"mail.example.org. IN A 198.51.100.7", "mail.example.org. IN AAAA 2001:db8:9:9::25"},
			notes: []string{"0 add 198.51.100.7", "0 add 2001:db8:9:9::25"},
		},
		"a family that the host does not have": {
			there: []record.Record{a(mail, "192.0.2.25"), spf("v=spf1 ip4:192.0.2.25 -all")}, found: both,
			want:  []string{"mail.example.org. IN A 198.51.100.7", `example.org. IN TXT "v=spf1 ip4:198.51.100.7 -all"`},
			notes: []string{"0 there is IPv6, too (2001:db8:9:9::25)"},
		},
		"a family that is named": {
			given: Given{Families: []Family{IPv4, IPv6}},
			there: []record.Record{a(mail, "198.51.100.7"), spf("v=spf1 ip4:198.51.100.7 -all")}, found: both,
			want:  []string{"mail.example.org. IN AAAA 2001:db8:9:9::25"},
			notes: []string{"0 add 2001:db8:9:9::25"},
		},
		"one family only": {
			given: Given{Families: []Family{IPv4}},
			there: []record.Record{a(mail, "192.0.2.25"), a(mail, "2001:db8:1:2::25"), spf("v=spf1 ip4:192.0.2.25 ip6:2001:db8:1:2::25 -all")}, found: both,
			want: []string{"mail.example.org. IN A 198.51.100.7", `example.org. IN TXT "v=spf1 ip4:198.51.100.7 ip6:2001:db8:1:2::25 -all"`},
		},
		"what could not be told stays": {
			there: []record.Record{a(mail, "192.0.2.25"), a(mail, "2001:db8:1:2::25"), spf("v=spf1 ip4:192.0.2.25 ip6:2001:db8:1:2::25 -all")},
			found: Found{at(new4), {Err: errors.New("no answer in time")}},
			want:  []string{"mail.example.org. IN A 198.51.100.7", `example.org. IN TXT "v=spf1 ip4:198.51.100.7 ip6:2001:db8:1:2::25 -all"`},
			notes: []string{"1 AAAA mail.example.org stays: the IPv6 address could not be told: no answer in time"},
		},
		"nothing could be told": {
			given: Given{Owned: []netip.Addr{old4, old6}},
			there: []record.Record{a(mail, "192.0.2.25"), spf("v=spf1 ip4:192.0.2.25 -all")},
			found: Found{{Err: errors.New("x")}, {Err: errors.New("x")}},
			notes: []string{"1 A mail.example.org stays", "1 no AAAA mail.example.org is published"},
		},
		"there is no IPv6 any more": {
			given: Given{Owned: []netip.Addr{old6}},
			there: []record.Record{a(mail, "198.51.100.7"), a(mail, "2001:db8:1:2::25"), spf("v=spf1 ip4:198.51.100.7 ip6:2001:db8:1:2::25 -all")}, found: gone6,
			want:  []string{"- AAAA mail.example.org."},
			notes: []string{"1 SPF records still name 2001:db8:1:2::25, until there is IPv6 again"},
		},
		"IPv6 comes back": {
			given: Given{Owned: []netip.Addr{old6}},
			there: []record.Record{a(mail, "198.51.100.7"), spf("v=spf1 ip4:198.51.100.7 ip6:2001:db8:1:2::25 -all")}, found: both,
			want: []string{"mail.example.org. IN AAAA 2001:db8:9:9::25", `example.org. IN TXT "v=spf1 ip4:198.51.100.7 ip6:2001:db8:9:9::25 -all"`},
		},
		"there is no IPv6, whose the address is is not known": {
			there: []record.Record{a(mail, "198.51.100.7"), a(mail, "2001:db8:1:2::25"), spf("v=spf1 ip4:198.51.100.7 ip6:2001:db8:1:2::25 -all")}, found: gone6,
			notes: []string{"1 not known to have been this machine's"},
		},
		"the last address of a host stays": {
			given: Given{Owned: []netip.Addr{old4, old6}},
			there: []record.Record{a(mail, "192.0.2.25"), spf("v=spf1 ip4:192.0.2.25 -all")},
			found: Found{{None: "no route"}, {None: "no route"}},
			notes: []string{"1 A mail.example.org stays: no route, and without it"},
		},
		"another TTL": {
			given: Given{TTL: 300}, there: []record.Record{{Name: mail, Type: "A", TTL: 3600, Data: "198.51.100.7"}, spf("v=spf1 a:mail.example.org -all")}, found: v4,
			want:  []string{"mail.example.org. 300 IN A 198.51.100.7"},
			notes: []string{"0 follows"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := test.given
			g.Domain, g.Records = domain, test.there
			if g.Hosts == nil {
				g.Hosts = []string{mail}
			}
			edits, notes := Edits(g, test.found)
			var got []string
			for _, e := range edits {
				if len(e.Want) == 0 {
					got = append(got, "- "+e.Slot.Type+" "+e.Slot.Name)
				}
				for _, r := range e.Want {
					got = append(got, r.String())
				}
				if e.Reason == "" {
					t.Errorf("%v has no reason", e.Slot)
				}
				var before []record.Record
				for _, r := range test.there {
					if e.Slot.Holds(r) {
						before = append(before, r)
					}
				}
				if err := Allowed(e.Slot, before, e.Want, g.Domain, g.Hosts); err != nil {
					t.Error(err)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("edits\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if len(notes) != len(test.notes) {
				t.Errorf("notes %v, want %q", notes, test.notes)
			}
			for i := range min(len(notes), len(test.notes)) {
				level, part, _ := strings.Cut(test.notes[i], " ")
				if text := fmt.Sprint(int(notes[i].Level)); text != level || !strings.Contains(notes[i].Text, part) {
					t.Errorf("note %d %q, want %q", notes[i].Level, notes[i].Text, test.notes[i])
				}
			}
			settled(t, g, test.found, edits)
		})
	}
}

// settled holds that edits that are carried out leave nothing to do.
func settled(t *testing.T, g Given, found Found, edits []Edit) {
	t.Helper()
	for _, e := range edits {
		g.Records = slices.DeleteFunc(slices.Clone(g.Records), e.Slot.Holds)
		g.Records = append(g.Records, e.Want...)
	}
	if again, _ := Edits(g, found); len(again) > 0 {
		t.Errorf("afterwards there is more to do: %v", again)
	}
}

func TestAllowed(t *testing.T) {
	address := record.Slot{Name: mail, Type: "A"}
	was := []record.Record{record.TXT(domain, "v=spf1 ip4:192.0.2.25 mx -all")}
	to := func(text string) []record.Record { return []record.Record{record.TXT(domain, text)} }
	for name, test := range map[string]struct {
		slot          record.Slot
		before, after []record.Record
		ok            bool
	}{
		"an address":         {address, nil, []record.Record{a(mail, "192.0.2.1")}, true},
		"of another host":    {record.Slot{Name: domain, Type: "A"}, nil, []record.Record{a(domain, "192.0.2.1")}, false},
		"a stray record":     {address, nil, []record.Record{a(domain, "192.0.2.1")}, false},
		"SPF":                {record.SPF(domain), was, to("v=spf1 ip4:192.0.2.26 mx -all"), true},
		"another all":        {record.SPF(domain), was, to("v=spf1 ip4:192.0.2.26 mx ~all"), false},
		"SPF anew":           {record.SPF(domain), nil, to("v=spf1 -all"), false},
		"no SPF":             {record.SPF(domain), was, nil, false},
		"the whole TXT set":  {record.Slot{Name: domain, Type: "TXT"}, was, to("v=spf1 ip4:192.0.2.26 mx -all"), false},
		"DMARC":              {record.DMARC(domain), nil, nil, false},
		"MX":                 {record.MXSet(domain), nil, nil, false},
		"SPF of another one": {record.SPF("example.net."), []record.Record{record.TXT("example.net.", "v=spf1 -all")}, []record.Record{record.TXT("example.net.", "v=spf1 -all")}, false},
	} {
		if err := Allowed(test.slot, test.before, test.after, domain, []string{mail}); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSPF holds that of an SPF record nothing but ip4 and ip6 terms changes,
// whatever it looks like, and that once is enough.
func FuzzSPF(f *testing.F) {
	f.Add("v=spf1 ip4:192.0.2.25 ip6:2001:db8:1:2::25/64 -all")
	f.Add("v=spf1 IP4:192.0.2.25/32 ip4:198.51.100.7 ip4:192.0.2.25,mx ~all")
	f.Add("V=SPF1 ip6:2001:db8:1:2:0:0:0:25\tip4:192.0.2.25/99 \x00 ip4:192.0.2.25")
	f.Fuzz(func(t *testing.T, text string) {
		slot := record.SPF(domain)
		r := record.TXT(domain, text)
		if !slot.Holds(r) {
			return
		}
		g := Given{Domain: domain, Hosts: []string{mail}, Records: []record.Record{r, a(mail, "192.0.2.25"), a(mail, "2001:db8:1:2::25")}}
		found := Found{at(new4), at(new6)}
		edits, _ := Edits(g, found)
		for _, e := range edits {
			if e.Slot == slot {
				if err := Allowed(slot, []record.Record{r}, e.Want, domain, g.Hosts); err != nil {
					t.Fatal(err)
				}
			}
		}
		settled(t, g, found, edits)
	})
}
