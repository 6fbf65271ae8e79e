package facts

import (
	"context"
	"net/netip"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A PublicResolver is a resolver that answers anybody, and what it says of the
// domain's mail. Its View has the answers of a cache.
type PublicResolver struct {
	Operator string
	View
}

// publicResolvers are three that are run by different people and asked by many
// mail hosts.
var publicResolvers = []struct {
	operator string
	addr     netip.Addr
}{
	{"Cloudflare", netip.MustParseAddr("1.1.1.1")},
	{"Google", netip.MustParseAddr("8.8.8.8")},
	{"Quad9", netip.MustParseAddr("9.9.9.9")},
}

// Public is the fact of what a few public resolvers say. They are asked once
// there is something to compare that with: a name server of the zone that answers.
// Its error is that of Views.
var Public = checks.NewFact("what public resolvers say", func(ctx context.Context, env *checks.Env) ([]PublicResolver, error) {
	views, err := Views.Of(ctx, env)
	if err != nil || len(views.Serving()) == 0 {
		return nil, err
	}
	list := make([]PublicResolver, len(publicResolvers))
	var wg sync.WaitGroup
	for i, p := range publicResolvers {
		list[i].Operator, list[i].Addr = p.operator, p.addr
		ask := func(said *Said, name, typ string) {
			wg.Go(func() {
				*said = inquire(ctx, env, resolve.Inquiry{Name: record.Canonical(name), Type: typ, Server: p.addr, Recurse: true})
			})
		}
		ask(&list[i].MX, env.Domain, "MX")
		ask(&list[i].TXT, env.Domain, "TXT")
		ask(&list[i].DMARC, "_dmarc."+env.Domain, "TXT")
	}
	wg.Wait()
	return list, nil
})

// Settled reports whether a resolver's statement tells what it has: not a
// failure, and no "no" without the SOA record by which it is known to be the
// zone's own (RFC 2308, 2). Resolvers that filter answer so.
func Settled(s Said) bool {
	if s.Err != nil || !s.Recursive || s.Code != "NOERROR" && s.Code != "NXDOMAIN" {
		return false
	}
	if len(s.Own()) > 0 {
		return true
	}
	for _, r := range s.Authority {
		if r.Type == "SOA" {
			return true
		}
	}
	return false
}
