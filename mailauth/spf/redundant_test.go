package spf

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

func TestRedundant(t *testing.T) {
	for _, tt := range []struct{ record, redundant, rest string }{
		{"v=spf1 include:a.example include:A.example. -all", "include:A.example.", "v=spf1 include:a.example -all"},
		{"v=spf1 a mx a:example.org -all", "a:example.org", "v=spf1 a mx -all"},
		{"v=spf1 a a/24 -all", "", "v=spf1 a a/24 -all"},
		{"v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.25 -all", "ip4:192.0.2.25", "v=spf1 ip4:192.0.2.0/24 -all"},
		{"v=spf1 ip4:192.0.2.25 ip4:192.0.2.0/24 -all", "ip4:192.0.2.25", "v=spf1 ip4:192.0.2.0/24 -all"},
		{"v=spf1 ip4:192.0.2.25 include:a.example ip4:192.0.2.0/24 -all", "", "v=spf1 ip4:192.0.2.25 include:a.example ip4:192.0.2.0/24 -all"}, // passes before the include can fail
		{"v=spf1 ip4:192.0.2.25 -ip4:192.0.2.26 ip4:192.0.2.0/24 -all", "", "v=spf1 ip4:192.0.2.25 -ip4:192.0.2.26 ip4:192.0.2.0/24 -all"},
		{"v=spf1 -ip4:192.0.2.0/24 ip4:192.0.2.25 -all", "", "v=spf1 -ip4:192.0.2.0/24 ip4:192.0.2.25 -all"}, // dead, but not what its author means
		{"v=spf1 ip4:192.0.2.25 ip4:192.0.2.25/32 +ip4:192.0.2.25 -all", "ip4:192.0.2.25/32 +ip4:192.0.2.25", "v=spf1 ip4:192.0.2.25 -all"},
		{"v=spf1 ip6:2001:db8::/32 ip6:2001:db8::25 -all", "ip6:2001:db8::25", "v=spf1 ip6:2001:db8::/32 -all"},
		{"v=spf1 exists:%{i}.a.example exists:%{I}.a.example -all", "", "v=spf1 exists:%{i}.a.example exists:%{I}.a.example -all"},
		{"v=spf1 -all include:a.example include:a.example", "", "v=spf1 -all include:a.example include:a.example"}, // never reached
	} {
		r, _ := Parse(tt.record)
		var got []string
		for _, o := range r.Redundant("example.org.") {
			got = append(got, o.Term.Text)
		}
		if s := strings.Join(got, " "); s != tt.redundant {
			t.Errorf("%s: %q is redundant, want %q", tt.record, s, tt.redundant)
		}
		if s := r.WithoutRedundant("example.org.").String(); s != tt.rest {
			t.Errorf("%s: leaves %q, want %q", tt.record, s, tt.rest)
		}
	}
}

// TestRedundantMeansNothing holds random records of addresses to their meaning:
// without what is redundant every sender gets the same result.
func TestRedundantMeansNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(7208, 4))
	qualifiers := []Qualifier{Plus, Plus, Plus, Minus, Question}
	found := 0
	for range 300 {
		var r Record
		for i := range 6 {
			addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(random.IntN(8))})
			r.Terms = append(r.Terms, Term{Kind: IP4, Qualifier: qualifiers[random.IntN(len(qualifiers))],
				Prefix: netip.PrefixFrom(addr, 29+random.IntN(4)), Offset: i})
		}
		rest := r.WithoutRedundant("example.org.")
		found += len(r.Terms) - len(rest.Terms)
		for last := range byte(8) {
			sender := netip.AddrFrom4([4]byte{192, 0, 2, last})
			if a, b := codeOf(t, r, sender), codeOf(t, rest, sender); a != b {
				t.Fatalf("%s gives %s to %s, %s gives %s", r, a, sender, rest, b)
			}
		}
	}
	if found < 300 {
		t.Errorf("only %d redundant terms in 300 records", found)
	}
}

func codeOf(t *testing.T, r Record, sender netip.Addr) Code {
	zone := resolve.NewZone([]record.Record{record.TXT("example.org.", r.String())})
	return Evaluate(context.WithoutCancel(t.Context()), zone, Params{IP: sender, Sender: "a@example.org"}).Code
}
