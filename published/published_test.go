package published

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

const zone = "example.org."

var (
	first  = Server{"ns1.example.org.", netip.MustParseAddr("192.0.2.1")}
	second = Server{"ns2.example.org.", netip.MustParseAddr("192.0.2.2")}
	old    = record.TXT(zone, "v=spf1 -all")
	fresh  = record.TXT(zone, "v=spf1 mx -all")
	want   = []plan.Set{{Name: zone, Type: "TXT", Records: []record.Record{fresh}}}
)

// arrivals are servers that get what is new at a time of their own; never at a
// negative one, when they do not answer at all.
type arrivals struct {
	start time.Time
	at    map[netip.Addr]time.Duration
	mu    sync.Mutex
	asked map[netip.Addr]int
}

func (a *arrivals) Inquire(_ context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	a.mu.Lock()
	a.asked[q.Server]++
	a.mu.Unlock()
	at := a.at[q.Server]
	if at < 0 {
		return resolve.Statement{}, errors.New("no route to host")
	}
	s := resolve.Statement{Inquiry: q, Code: "NOERROR", Authoritative: true, Answer: []record.Record{old}}
	if time.Since(a.start) >= at {
		s.Answer = []record.Record{fresh}
	}
	return s, nil
}

func TestWait(t *testing.T) {
	tests := []struct {
		name   string
		at     map[netip.Addr]time.Duration
		all    bool
		took   time.Duration // at most
		second Outcome
	}{
		{"at once", map[netip.Addr]time.Duration{first.Addr: 0, second.Addr: 0}, true, 0, Has},
		{"one is late", map[netip.Addr]time.Duration{first.Addr: 0, second.Addr: 20 * time.Second}, true, 40 * time.Second, Has},
		{"one never", map[netip.Addr]time.Duration{first.Addr: 0, second.Addr: time.Hour}, false, time.Minute, Lacks},
		{"one out of reach", map[netip.Addr]time.Duration{first.Addr: 0, second.Addr: -1}, true, 10 * time.Second, Silent},
		{"all out of reach", map[netip.Addr]time.Duration{first.Addr: -1, second.Addr: -1}, false, 10 * time.Second, Silent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				world := &arrivals{start: start, at: tt.at, asked: make(map[netip.Addr]int)}
				seen := make(map[Outcome]int)
				states, all := Wait(ctx, world, []Server{first, second}, want, func(s State) { seen[s.Outcome]++ })
				if all != tt.all || states[1].Outcome != tt.second {
					t.Errorf("all %v, states %+v", all, states)
				}
				if took := time.Since(start); took > tt.took {
					t.Errorf("it took %v", took)
				}
				if seen[Has]+seen[Lacks]+seen[Silent] == 0 {
					t.Error("nothing was observed")
				}
				if n := world.asked[first.Addr]; tt.at[first.Addr] == 0 && n != 1 {
					t.Errorf("a server that has it was asked %d times", n)
				}
			})
		})
	}
}

func TestLook(t *testing.T) {
	said := resolve.Statement{Code: "REFUSED"}
	ask := inquire(func(q resolve.Inquiry) (resolve.Statement, error) { said.Inquiry = q; return said, nil })
	state := Look(t.Context(), ask, []Server{first}, want)[0]
	if state.Outcome != Silent || state.Reason != "it does not answer for the zone: REFUSED" {
		t.Errorf("of a server that refuses: %+v", state)
	}
	said = resolve.Statement{Code: "NXDOMAIN", Authoritative: true}
	if state := Look(t.Context(), ask, []Server{first}, want)[0]; state.Outcome != Lacks || len(state.Other[0].Records) != 0 {
		t.Errorf("of a server that has no such name: %+v", state)
	}
	gone := []plan.Set{{Name: "old." + zone, Type: "TXT"}}
	if state := Look(t.Context(), ask, []Server{first}, gone)[0]; state.Outcome != Has {
		t.Errorf("of what shall be gone, and is: %+v", state)
	}
}

type inquire func(resolve.Inquiry) (resolve.Statement, error)

func (f inquire) Inquire(_ context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	return f(q)
}

func TestServers(t *testing.T) {
	records := []record.Record{
		{Name: zone, Type: "NS", Data: "ns2.example.org."}, {Name: zone, Type: "NS", Data: "ns1.example.org."},
		{Name: "ns1.example.org.", Type: "A", Data: "192.0.2.1"}, {Name: "ns2.example.org.", Type: "A", Data: "192.0.2.2"},
	}
	servers, err := Servers(t.Context(), resolve.NewZone(records), zone)
	if err != nil || len(servers) != 2 || servers[0] != first || servers[1] != second {
		t.Errorf("%v, %v", servers, err)
	}
	if _, err := Servers(t.Context(), resolve.NewZone(records[:2]), zone); err == nil {
		t.Error("servers without addresses were found")
	}
}

func TestUntil(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	soa := record.Record{Name: zone, Type: "SOA", TTL: 3600, Data: "ns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 900"}
	negative, ok := Negative([]record.Record{soa}, zone)
	if !ok || negative != 900 {
		t.Fatalf("negative answers are kept %d s, %v", negative, ok)
	}
	replaced := old
	replaced.TTL = 300
	slot := record.SPF(zone)
	if got := Until(at, plan.Plan{Changes: []plan.Change{{Slot: slot, Before: []record.Record{replaced}, After: []record.Record{fresh}}}}, negative); got != at.Add(5*time.Minute) {
		t.Errorf("replaced: %v", got)
	}
	if got := Until(at, plan.Plan{Changes: []plan.Change{{Slot: slot, After: []record.Record{fresh}}}}, negative); got != at.Add(15*time.Minute) {
		t.Errorf("created: %v", got)
	}
}
