package facts

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// Standings is the fact of what the allow-lists say about the addresses of the
// domain: an entry for each address and list. Their test entries are not asked:
// a list that is dead vouches for nobody, and that is no fault.
var Standings = checks.NewFact("the allow-lists", func(ctx context.Context, env *checks.Env) ([]ListEntry, error) {
	var wg sync.WaitGroup
	wg.Go(func() { standAhead(ctx, env) })
	defer wg.Wait()
	who, err := listSubjects.Of(ctx, env)
	if err != nil {
		return nil, err
	}
	return stand(ctx, env, who.subjects), ctx.Err()
})

// standAhead asks about addresses that may turn out to be subjects.
func standAhead(ctx context.Context, env *checks.Env) {
	var list []ListSubject
	for _, addr := range candidates(ctx, env) {
		if SpecialUse(addr, env.Lab) == "" && len(list) < maxListAddrs {
			list = append(list, ListSubject{Target: dnsbl.Address(addr)})
		}
	}
	stand(ctx, env, list)
}

func stand(ctx context.Context, env *checks.Env, subjects []ListSubject) []ListEntry {
	gates := &listTester{gates: make(map[string]chan struct{})}
	var entries []ListEntry
	for _, z := range dnsbl.AllowLists() {
		gates.gates[z.Operator] = make(chan struct{}, maxListFlights)
		for _, s := range subjects {
			if q, ok := z.Question(s.Target); ok && s.Target.Addr != (netip.Addr{}) {
				entries = append(entries, ListEntry{Subject: s, Zone: z, Question: q})
			}
		}
	}
	var wg sync.WaitGroup
	for i := range entries {
		wg.Go(func() { entries[i].ask(ctx, gates.gate(env, entries[i].Zone)) })
	}
	wg.Wait()
	slices.SortStableFunc(entries, func(a, b ListEntry) int { return a.Subject.Target.Addr.Compare(b.Subject.Target.Addr) })
	return entries
}
