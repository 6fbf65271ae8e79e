package facts

import (
	"context"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/record"
)

// An Inside is the mail host seen from within, and what of the domain it is.
type Inside struct {
	*local.Host
	// MX is the MX hosts of the domain that are this machine: that have one of its
	// addresses, or the name that it gives itself.
	MX    []Host
	MXErr error // of the MX question; MX is not known then
	// Public is the addresses by which the internet knows this machine when it
	// sends: those it sends from as far as they are public; behind NAT those that the
	// owner gives, or else of each family that of the MX hosts that it is.
	Public []netip.Addr
}

// Local is the fact of the mail host from within. It is gathered only where
// there is one: Env.Local.
var Local = checks.NewFact("the mail host from within", func(ctx context.Context, env *checks.Env) (Inside, error) {
	in := Inside{Host: env.Local}
	set, err := MX.Of(ctx, env)
	in.MXErr = err
	own := append(slices.Clone(env.Here), in.translated(env)...)
	for _, h := range set.Hosts {
		named := slices.ContainsFunc(in.Names, func(n local.Name) bool { return record.Canonical(n.Text) == h.Name })
		there := slices.ContainsFunc(h.Addrs, func(a netip.Addr) bool { return slices.Contains(own, a) })
		if named || there {
			in.MX = append(in.MX, h)
		}
	}
	in.Public = in.public(env)
	return in, nil
})

// translated is the addresses that the owner gives of a family in which this
// machine has none that is public: they are its own behind NAT.
func (in Inside) translated(env *checks.Env) []netip.Addr {
	var addrs []netip.Addr
	for _, a := range env.Want.Senders {
		public := func(here netip.Addr) bool { return here.Is4() == a.Is4() && SpecialUse(here, env.Lab) == "" }
		if a = a.Unmap(); !slices.ContainsFunc(env.Here, public) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

func (in Inside) public(env *checks.Env) []netip.Addr {
	var addrs []netip.Addr
	add := func(a netip.Addr) {
		if SpecialUse(a, env.Lab) == "" && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	known := func(b netip.Addr) bool {
		return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Is4() == b.Is4() })
	}
	for _, o := range in.Outgoing {
		if !o.Client {
			add(o.Addr)
		}
	}
	for _, a := range in.translated(env) {
		add(a)
	}
	for _, o := range in.Outgoing {
		for _, h := range in.MX {
			for _, a := range h.Addrs { // behind NAT, what leads in is as a rule what leads out
				if a.Is4() == o.Addr.Is4() && !known(a) {
					add(a)
				}
			}
		}
	}
	return addrs
}
