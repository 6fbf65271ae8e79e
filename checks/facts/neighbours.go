package facts

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// neighbourLists are the lists that are asked about addresses of strangers: free
// for everybody and any use, without a key and without a limit that a few
// questions could reach. Spamhaus and others count questions.
var neighbourLists = []string{"bl.spamcop.net.", "psbl.surriel.com.", "dnsbl.dronebl.org.", "bl.blocklist.de."}

const (
	maxNeighbours     = 12 // addresses of one network that are asked about
	listsPerNeighbour = 3
	maxHoods          = 2 // networks; 72 questions at most
)

// A Neighbourhood is what blocklists hold against the addresses around one.
type Neighbourhood struct {
	Addr    netip.Addr   // of the examination
	Network netip.Prefix // around it: the /24 or, for IPv6, the /64
	Sample  []netip.Addr // ascending
	Lists   []dnsbl.Zone // that are asked
	Entries []ListEntry  // by address, then by list; of lists that work only
	Dead    []dnsbl.Status
}

// Listed is the addresses that a list holds something against, and the entries.
func (h Neighbourhood) Listed() (addrs []netip.Addr, entries []ListEntry) {
	for _, e := range h.Entries {
		if e.Err != nil || len(e.Verdict.Held(dnsbl.Abuse)) == 0 {
			continue
		}
		entries = append(entries, e)
		if addr := e.Subject.Target.Addr; !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs, entries
}

// Answered counts the addresses of the sample about which a list gave an answer.
func (h Neighbourhood) Answered() int {
	about := make(map[netip.Addr]bool)
	for _, e := range h.Entries {
		if e.Err == nil && e.Verdict.State <= dnsbl.Listed {
			about[e.Subject.Target.Addr] = true
		}
	}
	return len(about)
}

// Neighbourhoods is the fact of the reputation around the addresses examined. It
// asks up to 36 questions for each, all at once but at most 20 of one operator,
// so it is for examinations of addresses only. It has no error.
var Neighbourhoods = checks.NewFact("the neighbours", func(ctx context.Context, env *checks.Env) ([]Neighbourhood, error) {
	lists, err := listTests.Of(ctx, env)
	if err != nil {
		return nil, err
	}
	var hoods []Neighbourhood
	for _, addr := range candidates(ctx, env) {
		if addr = addr.Unmap(); SpecialUse(addr, env.Lab) == "" && len(hoods) < maxHoods {
			hoods = append(hoods, around(addr))
		}
	}
	var wg sync.WaitGroup
	for i := range hoods {
		wg.Go(func() { hoods[i].ask(ctx, env, lists) })
	}
	wg.Wait()
	return hoods, ctx.Err()
})

// ask asks the first of the lists that hold such addresses about the sample.
func (h *Neighbourhood) ask(ctx context.Context, env *checks.Env, lists *listTester) {
	chosen := &listTester{gates: lists.gates}
	for _, name := range neighbourLists {
		for _, test := range lists.tests {
			if test.zone.Name == name && test.family == dnsbl.Address(h.Addr).Family() && len(chosen.tests) < listsPerNeighbour {
				chosen.tests = append(chosen.tests, test)
				h.Lists = append(h.Lists, test.zone)
			}
		}
	}
	var subjects []ListSubject
	for _, addr := range h.Sample {
		subjects = append(subjects, ListSubject{Target: dnsbl.Address(addr), Stranger: true})
	}
	h.Entries = chosen.ask(ctx, env, subjects)
	for _, status := range chosen.statuses() {
		if !status.Answers() {
			h.Dead = append(h.Dead, status)
		}
	}
}

// around is the neighbourhood of an address: of IPv4 a sample spread over its
// /24, of IPv6 the addresses next to it in its /64, as of the 2^64 there any
// other sample would be empty.
func around(addr netip.Addr) Neighbourhood {
	h := Neighbourhood{Addr: addr}
	if addr.Is4() {
		h.Network = netip.PrefixFrom(addr, 24).Masked()
		raw := addr.As4()
		const first, step = 10, 21 // to 241, clear of the network's and the broadcast address
		for i := range maxNeighbours {
			raw[3] = byte(first + i*step)
			if netip.AddrFrom4(raw) == addr {
				raw[3]++
			}
			h.Sample = append(h.Sample, netip.AddrFrom4(raw))
		}
		return h
	}
	h.Network = netip.PrefixFrom(addr, 64).Masked()
	for below, above := addr.Prev(), addr.Next(); len(h.Sample) < maxNeighbours; below, above = below.Prev(), above.Next() {
		for _, near := range []netip.Addr{below, above} {
			if near.IsValid() && h.Network.Contains(near) && len(h.Sample) < maxNeighbours {
				h.Sample = append(h.Sample, near)
			}
		}
	}
	slices.SortFunc(h.Sample, netip.Addr.Compare)
	return h
}
