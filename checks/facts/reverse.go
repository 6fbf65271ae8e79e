package facts

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

const (
	// maxReversed bounds the addresses whose PTR records are asked for.
	maxReversed = 32
	// maxPTRNames bounds the names of one address that are followed; receivers
	// look at ten (RFC 7208, 4.6.4).
	maxPTRNames = 10
)

// A Reverse is what the reverse DNS says of an address.
type Reverse struct {
	Addr   netip.Addr
	Answer resolve.Answer // to the PTR question
	Err    error          // of the PTR question
	Names  []PTRName      // sorted
}

// A PTRName is one name that a PTR record gives, and where it leads.
type PTRName struct {
	Name string // canonical
	HostAddrs
}

// Confirms reports whether the name resolves back to addr (RFC 8601, 2.7.3).
func (n PTRName) Confirms(addr netip.Addr) bool { return slices.Contains(n.Addrs, addr) }

// Reverses is the fact of the reverse DNS of every address that may turn out to
// send for the domain, by address. They are asked for before it is known
// whether they do, so that nobody waits for the SPF evaluation.
var Reverses = checks.NewFact("the reverse DNS", func(ctx context.Context, env *checks.Env) (map[netip.Addr]Reverse, error) {
	addrs := candidates(ctx, env)
	if len(addrs) > maxReversed {
		addrs = addrs[:maxReversed]
	}
	reverses := make([]Reverse, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() { reverses[i] = reverse(ctx, env, addr) })
	}
	wg.Wait()
	byAddr := make(map[netip.Addr]Reverse, len(addrs))
	for _, r := range reverses {
		byAddr[r.Addr] = r
	}
	return byAddr, nil
})

func reverse(ctx context.Context, env *checks.Env, addr netip.Addr) Reverse {
	r := Reverse{Addr: addr}
	r.Answer, r.Err = env.DNS.Resolve(ctx, resolve.Ask(record.Reverse(addr), "PTR"))
	for _, rec := range record.Sorted(r.Answer.Records) {
		if len(r.Names) < maxPTRNames {
			r.Names = append(r.Names, PTRName{Name: record.Canonical(rec.Data)})
		}
	}
	var wg sync.WaitGroup
	for i := range r.Names {
		wg.Go(func() { r.Names[i].HostAddrs = Addresses(ctx, env, r.Names[i].Name) })
	}
	wg.Wait()
	return r
}
