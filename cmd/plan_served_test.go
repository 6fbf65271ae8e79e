package cmd

import (
	"context"
	"net/netip"
	"testing"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// A fixed is what there is, whoever asks.
type fixed []record.Record

func (f fixed) records(context.Context, []plan.Wish) ([]record.Record, error) { return f, nil }
func (f fixed) given() plan.Given                                             { return plan.Given{Zone: "example.org.", TTLs: true} }
func (f fixed) String() string                                                { return "a test" }

// An alias is not wished where the addresses of its host stand, and a conflict
// where others do.
func TestAddressesInPlaceOfAlias(t *testing.T) {
	const name = "mta-sts.example.org."
	world, err := newPlayer("../testdata/scenarios/healthy.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		there             fixed
		host              string
		changes, conflict bool
	}{
		"nothing":                  {nil, "mail.example.net.", true, false},
		"the host's":               {fixed{data(name, "A", "192.0.2.25"), data(name, "AAAA", "2001:db8:25::25")}, "mail.example.net.", false, false},
		"one of the host's":        {fixed{data(name, "A", "192.0.2.25"), data(name, "TXT", "x")}, "mail.example.net.", false, false},
		"one of another":           {fixed{data(name, "A", "192.0.2.25"), data(name, "A", "192.0.2.99")}, "mail.example.net.", false, true},
		"an alias of another host": {fixed{data(name, "CNAME", "www.example.org.")}, "mail.example.net.", true, false},
		"as the DNS tells":         {fixed{data(name, "A", "192.0.2.80"), data(name, "AAAA", "2001:db8:80::80")}, "example.org.", false, false},
		"of what is not there":     {fixed{data(name, "A", "192.0.2.80")}, "nowhere.example.org.", false, true},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			state := desired.State{Hosts: []desired.Host{{Name: "mail.example.net.", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("2001:db8:25::25")}}}}
			p := planning{world: world, state: &state, there: func(context.Context, stage) (zoneReader, error) { return tt.there, nil }}
			p.wishes = []plan.Wish{
				wishOf(record.Slot{Name: name, Type: "CNAME"}, data(name, "CNAME", tt.host)),
				wishOf(record.SPF("example.org."), record.TXT("example.org.", "v=spf1 -all")),
			}
			if err := p.leadThere(context.Background()); err != nil {
				t.Fatal(err)
			}
			made, conflicts := plan.Make(tt.there, p.wishes, tt.there.given())
			changes := 1 // the SPF record
			if tt.changes {
				changes++
			}
			if len(made.Changes) != changes || (len(conflicts) > 0) != tt.conflict {
				t.Errorf("changes %v, conflicts %v", made.Changes, conflicts)
			}
		})
	}
}
