package facts_test

import (
	"context"
	"net"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/scenario"
)

const port25World = `domain: example.org

-- zone --
@ MX 10 mx
@ TXT "v=spf1 mx -all"
mx A 192.0.2.25
-- zone gmail.com --
@ MX 5 mx
@ MX 10 spare
mx A 203.0.113.251
mx A 203.0.113.253
spare A 203.0.113.249
-- zone outlook.com --
@ MX 5 mx
mx A 203.0.113.252
-- zone yahoo.com --
@ MX 0 .
-- smtp/203.0.113.251:25 --
220 mx.gmail.com
-- smtp/192.0.2.25:25 --
`

// TestPort25IsPolite: the well-known hosts are left alone where the domain's
// own answer, and otherwise each is bothered with one connection. The MX has two:
// one about old TLS.
func TestPort25IsPolite(t *testing.T) {
	tests := []struct {
		name, mx string
		dialled  []string
		reach    probe.Reach
		asked    int
	}{
		{"the MX greets", "220 mx", []string{"192.0.2.25:25", "192.0.2.25:25"}, probe.ReachOpen, 0},
		{"the MX does not greet", "!close", []string{"192.0.2.25:25", "192.0.2.25:25"}, probe.ReachOpen, 0},
		{"the MX refuses", "!refuse", []string{"192.0.2.25:25", "192.0.2.25:25", "203.0.113.251:25", "203.0.113.252:25"}, probe.ReachOpen, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := scenario.Parse([]byte(port25World + test.mx + "\n"))
				if err != nil {
					t.Fatal(err)
				}
				world, err := s.Play()
				if err != nil {
					t.Fatal(err)
				}
				var mu sync.Mutex
				var dialled []string
				env := world.EnvOver(t.Context(), world.DNS(), func(ctx context.Context, network, address string) (net.Conn, error) {
					mu.Lock()
					dialled = append(dialled, address)
					mu.Unlock()
					return world.Dial(ctx, network, address)
				})
				outlets, err := facts.Port25.Of(t.Context(), env)
				if err != nil || len(outlets.List) != 1 {
					t.Fatalf("%d outlets, error %v", len(outlets.List), err)
				}
				if o := outlets.List[0]; o.Family != facts.IPv4 || o.Reach != test.reach || o.Asked != test.asked || len(o.Evidence) == 0 {
					t.Errorf("outlet %+v", o)
				}
				slices.Sort(dialled)
				if !reflect.DeepEqual(dialled, test.dialled) {
					t.Errorf("dialled %q, want %q", dialled, test.dialled)
				}
			})
		})
	}
}
