// Package published asks the authoritative servers of a zone, one by one, whether
// they answer with what was written: between a provider's "done" and the world there
// are transfers, queues and people who have yet to reload.
//
// It judges no records (checks), and does not ask resolvers: what those remember
// ends with the old TTL, which Until tells.
package published

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Server is one address of an authoritative server.
type Server struct {
	Name string
	Addr netip.Addr
}

func (s Server) String() string { return record.Display(s.Name) + " (" + s.Addr.String() + ")" }

// Bounds of what is asked: a zone has at most 13 servers by any sound practice.
const (
	maxServers   = 26 // addresses in all
	maxAtOnce    = 16 // inquiries
	firstPause   = time.Second
	longestPause = 15 * time.Second
	silences     = 3 // inquiries without an answer until a server counts as out of reach
)

// Servers finds the authoritative servers of a zone by a resolver, in the order of
// their names. It is an error where none can be found.
func Servers(ctx context.Context, dns resolve.Resolver, zone string) ([]Server, error) {
	ans, err := dns.Resolve(ctx, resolve.Ask(zone, "NS"))
	if err != nil {
		return nil, fmt.Errorf("the name servers of %s could not be found out: %w", record.Display(zone), err)
	}
	var list []Server
	var failed error
	for _, ns := range ans.Records {
		for _, typ := range []string{"A", "AAAA"} {
			ans, err := dns.Resolve(ctx, resolve.Ask(ns.Data, typ))
			if err != nil {
				failed = err
				continue
			}
			for _, r := range ans.Records {
				if addr, ok := r.Addr(); ok {
					list = append(list, Server{ns.Data, addr})
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b Server) int { return cmp.Or(strings.Compare(a.Name, b.Name), a.Addr.Compare(b.Addr)) })
	list = slices.Compact(list)
	switch {
	case len(list) == 0 && failed != nil:
		return nil, fmt.Errorf("the name servers of %s have no address that could be found out: %w", record.Display(zone), failed)
	case len(list) == 0:
		return nil, fmt.Errorf("%s has no name servers with an address in the DNS; is it delegated?", record.Display(zone))
	}
	return list[:min(len(list), maxServers)], nil
}

// Outcome is what a server was found to answer.
type Outcome int

const (
	Lacks  Outcome = iota // it answers with something else for a set
	Has                   // it answers with every set as wanted
	Silent                // it could not be asked, or did not answer for the zone
)

// A State is what one server answers.
type State struct {
	Server  Server
	Outcome Outcome
	Sets    int        // how many sets it has as wanted
	Other   []plan.Set // as it answers where it has something else
	Reason  string     // of Silent
}

// Look asks each server for each set, once.
func Look(ctx context.Context, ask resolve.Inquirer, servers []Server, want []plan.Set) []State {
	states := make([]State, len(servers))
	gate := make(chan struct{}, maxAtOnce)
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { states[i] = look(ctx, ask, s, want, gate) })
	}
	wg.Wait()
	return states
}

// look asks one server. After the first silence it is not asked for more.
func look(ctx context.Context, ask resolve.Inquirer, server Server, want []plan.Set, gate chan struct{}) State {
	state := State{Server: server, Outcome: Has}
	for _, set := range want {
		gate <- struct{}{}
		said, err := ask.Inquire(ctx, resolve.Inquiry{Name: set.Name, Type: set.Type, Server: server.Addr})
		<-gate
		switch {
		case err != nil:
			return State{Server: server, Outcome: Silent, Reason: err.Error()}
		case !said.Conclusive():
			return State{Server: server, Outcome: Silent, Reason: fmt.Sprintf("it does not answer for the zone: %s", said.Code)}
		}
		if is := (plan.Set{Name: set.Name, Type: set.Type, Records: ofType(said.Own(), set.Type)}); is.Hash() != set.Hash() {
			state.Outcome, state.Other = Lacks, append(state.Other, is)
			continue
		}
		state.Sets++
	}
	return state
}

// ofType leaves out the CNAME that stands in the place of the type asked for.
func ofType(records []record.Record, typ string) []record.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return r.Type != typ })
}

// Wait looks until every server has what is wanted, or ctx ends. A server that is
// silent time and again is no longer waited for: it may be out of reach from here
// only. observe, if not nil, is told of a server whenever its state becomes another. The
// last states are returned, and whether all servers that can be asked have it.
func Wait(ctx context.Context, ask resolve.Inquirer, servers []Server, want []plan.Set, observe func(State)) (states []State, all bool) {
	states = make([]State, len(servers))
	for i, s := range servers {
		states[i] = State{Server: s, Outcome: -1}
	}
	silent := make([]int, len(servers))
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		var open []int
		for i, s := range states {
			if s.Outcome != Has && silent[i] < silences {
				open = append(open, i)
			}
		}
		var asked []Server
		for _, i := range open {
			asked = append(asked, servers[i])
		}
		for n, now := range Look(ctx, ask, asked, want) {
			i := open[n]
			if ctx.Err() != nil && now.Outcome == Silent {
				continue // who ran out of time learnt nothing of the server
			}
			if silent[i]++; now.Outcome != Silent {
				silent[i] = 0
			}
			if was := states[i]; observe != nil && (was.Outcome != now.Outcome || was.Sets != now.Sets) {
				observe(now)
			}
			states[i] = now
		}
		if done, all := settled(states, silent); done || ctx.Err() != nil {
			return finished(states), all
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// settled reports whether there is nothing more to wait for, and whether that is
// because every server that can be asked has what is wanted, and one at least does.
func settled(states []State, silent []int) (done, all bool) {
	done = true
	has := 0
	for i, s := range states {
		switch {
		case s.Outcome == Has:
			has++
		case s.Outcome != Silent || silent[i] < silences:
			done = false
		}
	}
	return done, done && has > 0
}

// finished are states of which none is open.
func finished(states []State) []State {
	for i := range states {
		if states[i].Outcome < 0 {
			states[i].Outcome, states[i].Reason = Silent, "there was no time to ask it"
		}
	}
	return states
}

// Sets are the sets that a plan changes, as they are in records.
func Sets(p plan.Plan, records []record.Record) []plan.Set {
	type key struct{ name, typ string }
	sets := make(map[key]*plan.Set)
	var order []key
	for _, c := range p.Changes {
		k := key{c.Slot.Name, c.Slot.Type}
		if sets[k] == nil {
			sets[k] = &plan.Set{Name: k.name, Type: k.typ}
			order = append(order, k)
		}
	}
	for _, r := range records {
		if s := sets[key{r.Name, r.Type}]; s != nil {
			s.Records = append(s.Records, r)
		}
	}
	list := make([]plan.Set, len(order))
	for i, k := range order {
		list[i] = *sets[k]
	}
	return list
}

// Until is when the last resolver that knew a zone as it was before the plan forgets
// it, if all authoritative servers answered anew at a time: the highest TTL of what
// was replaced or removed and, where something was not there, the time for which that is
// remembered (negative, of the SOA record; RFC 2308, 5).
func Until(at time.Time, p plan.Plan, negative uint32) time.Time {
	var longest uint32
	for _, c := range p.Changes {
		if len(c.Before) == 0 {
			longest = max(longest, negative)
		}
		for _, r := range c.Before {
			longest = max(longest, r.TTL)
		}
	}
	return at.Add(time.Duration(longest) * time.Second)
}

// Negative is for how many seconds resolvers remember that something is not
// there, by the SOA record in records: the lower of its TTL and its last field
// (RFC 2308, 5). ok is false where there is no such record.
func Negative(records []record.Record, zone string) (seconds uint32, ok bool) {
	for _, r := range records {
		if r.Type != "SOA" || r.Name != zone {
			continue
		}
		fields := strings.Fields(r.Data)
		if len(fields) != 7 {
			return 0, false
		}
		var minimum uint32
		if _, err := fmt.Sscan(fields[6], &minimum); err != nil {
			return 0, false
		}
		return min(minimum, r.TTL), true
	}
	return 0, false
}
