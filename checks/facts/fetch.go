package facts

import (
	"context"
	"net/netip"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/probe"
)

// Fetch gets a document over HTTPS from the addresses that the examination's
// DNS has for its host, and not from special ones: a name that leads to a private
// address is no way into the network of whoever examines, unless that is wanted.
// Env.HTTP is set.
func Fetch(ctx context.Context, env *checks.Env, r probe.Request) probe.Fetch {
	r.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		h := Addresses(ctx, env, host)
		if len(h.Addrs) == 0 && !h.Known() {
			return nil, h.Errs[0]
		}
		return h.Addrs, nil
	}
	r.Refuse = func(addr netip.Addr) string { return OffLimits(env, addr) }
	return env.HTTP.Fetch(ctx, r)
}
