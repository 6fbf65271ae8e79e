package facts

import (
	"context"
	"net/netip"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/resolve"
)

// outside is a name that no zone of a domain's servers holds, and every resolver
// knows.
const outside = "a.root-servers.net."

// An Opening is what one server does for strangers.
type Opening struct {
	ServerAddr
	Transfer Said // of the zone; one message of it
	Recurse  Said // the address of a name outside its zones
	Near     bool // this machine is in the server's own network, so it may be no stranger
}

// Transfers reports whether the server gives its zone away.
func (o Opening) Transfers() bool {
	return o.Transfer.Err == nil && o.Transfer.Code == "NOERROR" && len(o.Transfer.Answer) > 0 && o.Transfer.Answer[0].Type == "SOA"
}

// Resolves reports whether the server resolves names for us.
func (o Opening) Resolves() bool {
	return o.Recurse.Err == nil && o.Recurse.Recursive && o.Recurse.Code == "NOERROR" && len(o.Recurse.Own()) > 0
}

// An OpeningSet is what all servers do.
type OpeningSet struct {
	NameServerSet
	List []Opening
}

// Openings is the fact of what the zone's servers do for strangers.
var Openings = checks.NewFact("what name servers do for strangers", func(ctx context.Context, env *checks.Env) (OpeningSet, error) {
	cut, err := askable(ctx, env)
	if err != nil || cut.Off != "" {
		return OpeningSet{NameServerSet: cut}, err
	}
	var set OpeningSet
	set.NameServerSet, set.List, err = eachServer(ctx, env, func(s ServerAddr) Opening {
		o := Opening{ServerAddr: s, Near: near(env, s.Addr)}
		var wg sync.WaitGroup
		wg.Go(func() {
			o.Transfer = inquire(ctx, env, resolve.Inquiry{Name: cut.Zone, Type: resolve.Transfer, Server: s.Addr})
		})
		wg.Go(func() {
			o.Recurse = inquire(ctx, env, resolve.Inquiry{Name: outside, Type: "A", Server: s.Addr, Recurse: true})
		})
		wg.Wait()
		return o
	})
	if err == nil { // a resolver in between answers for every server
		_, err = Views.Of(ctx, env)
	}
	return set, err
})

// near reports whether this machine is a neighbour of the address: what it is
// allowed others may not be.
func near(env *checks.Env, addr netip.Addr) bool {
	bits := 24
	if FamilyOf(addr) == IPv6 {
		bits = 48
	}
	net, err := addr.Unmap().Prefix(bits)
	for _, own := range env.Here {
		if err == nil && net.Contains(own.Unmap()) {
			return true
		}
	}
	return false
}
