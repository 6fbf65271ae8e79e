package facts

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/hosting"
)

// A Hoster is who seems to rent an address out, by the network that announces it.
// It may be somebody who rents from that one, or a customer with a prefix of his own.
type Hoster struct {
	hosting.Provider
	Origin ASN
}

// String is "Hetzner (AS24940)".
func (h Hoster) String() string { return fmt.Sprintf("%s (%s)", h.Name, h.Origin) }

// HosterOf is who seems to rent addr out. It is not known where the networks are
// not asked about anyway (of a domain they are for the validity of the routes,
// which is fetched over HTTPS), where that failed, and where several providers
// announce the address.
func HosterOf(ctx context.Context, env *checks.Env, addr netip.Addr) (Hoster, bool) {
	if env.Subject() == checks.Domains && env.HTTP == nil {
		return Hoster{}, false
	}
	networks, err := Networks.Of(ctx, env)
	if err != nil {
		return Hoster{}, false
	}
	i := slices.IndexFunc(networks, func(n Network) bool { return n.Err == nil && slices.Contains(n.Addrs, addr.Unmap()) })
	if i < 0 {
		return Hoster{}, false
	}
	return hosterOf(networks[i].Route.Origins)
}

// hosterOf is the one provider that the networks belong to. Others may announce
// the prefix beside it: that leaves open who rents it out.
func hosterOf(origins []ASN) (Hoster, bool) {
	var found Hoster
	for i, n := range origins {
		p, ok := hosting.ByNetwork(uint32(n))
		if !ok || i > 0 && p.Name != found.Name {
			return Hoster{}, false
		}
		if i == 0 {
			found = Hoster{p, n}
		}
	}
	return found, len(origins) > 0
}

// Step is a step of a remedy: how something is done at the provider. It is empty
// where that is not known.
func (h Hoster) Step(addr netip.Addr, w hosting.Way) string {
	if !w.Known() {
		return ""
	}
	api := ""
	if w.API != "" {
		api = " By API or command line: " + w.API + "."
	}
	return fmt.Sprintf("%s looks like an address of %s. %s%s See %s (as of %s). If you rent it from somebody else, ask there.", addr, h, w.How, api, w.Source, w.AsOf)
}
