package passage

import (
	"context"
	"iter"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Place finds the addresses of the two sides: those of their mail hosts, and those from
// which they send, by what SPF lets send before the move and after it: one of the mail
// hosts, else one of the first network that SPF names and the other side does not.
// Where that network is in a record of the provider, its other customers send from
// there, too. The voyage has its Move and Others.
func (v *Voyage) Place(ctx context.Context) {
	before := v.world(v.Move.Before)
	after := v.world(v.Move.After(""))
	v.Move.Old.Addrs = addresses(ctx, before, v.Move.Old)
	v.Move.New.Addrs = addresses(ctx, after, v.Move.New)
	any := func(netip.Addr) bool { return true }
	v.OldFrom = v.from(ctx, before, v.Move.Old, func(a netip.Addr) bool { return !slices.Contains(v.Move.New.Addrs, a) })
	if !v.OldFrom.IsValid() { // the host stays
		v.OldFrom = v.from(ctx, before, v.Move.Old, any)
	}
	v.NewFrom = v.from(ctx, after, v.Move.New, func(a netip.Addr) bool { return !v.lets(ctx, before, a) })
	switch {
	case v.NewFrom.IsValid():
	case slices.Equal(v.Move.Old.Hosts, v.Move.New.Hosts): // a relay, with an envelope sender of its own
		v.NewFrom = relayAddr
	default: // it may send today, too
		v.NewFrom = v.from(ctx, after, v.Move.New, any)
	}
	for into, side := range map[*netip.Addr]migration.Side{&v.OldFrom: v.Move.Old, &v.NewFrom: v.Move.New} {
		if !into.IsValid() && len(side.Addrs) > 0 { // SPF lets nobody send
			*into = side.Addrs[0]
		}
	}
	for p, included := range v.networks(ctx, before) {
		if included && p.Contains(v.OldFrom) {
			for addr := addressIn(p); p.Contains(addr) && !v.Shared.IsValid(); addr = addr.Next() {
				if addr != v.OldFrom {
					v.Shared = addr
				}
			}
		}
	}
}

// addresses are those of a side, and of its hosts.
func addresses(ctx context.Context, dns resolve.Resolver, side migration.Side) []netip.Addr {
	list := slices.Clone(side.Addrs)
	for _, host := range side.Hosts {
		for _, typ := range []string{"A", "AAAA"} {
			answer, err := dns.Resolve(ctx, resolve.Ask(host, typ))
			if err != nil {
				continue
			}
			for _, addr := range answer.Addrs() {
				if !slices.Contains(list, addr) {
					list = append(list, addr)
				}
			}
		}
	}
	return list
}

// world is the DNS with the zone as it is in a state.
func (v *Voyage) world(records []record.Record) resolve.Resolver {
	return resolve.NewLayer(beside{resolve.NewZone(nil), v.Others}, v.Move.Zone, resolve.NewZone(records))
}

// from is an address of a side that SPF lets send, and that will do.
func (v *Voyage) from(ctx context.Context, dns resolve.Resolver, side migration.Side, will func(netip.Addr) bool) netip.Addr {
	for _, addr := range side.Addrs {
		if will(addr) && v.lets(ctx, dns, addr) {
			return addr
		}
	}
	for p := range v.networks(ctx, dns) {
		if addr := addressIn(p); will(addr) {
			return addr
		}
	}
	return netip.Addr{}
}

// networks are those that SPF of the domain names, and whether another domain's record
// does.
func (v *Voyage) networks(ctx context.Context, dns resolve.Resolver) iter.Seq2[netip.Prefix, bool] {
	return func(yield func(netip.Prefix, bool) bool) {
		for _, text := range texts(ctx, dns, v.Move.Domain) {
			parsed, _ := spf.Parse(text)
			for node := range spf.Count(ctx, dns, v.Move.Domain, parsed).Root.All() {
				for _, term := range node.Record.Terms {
					if term.Prefix.IsValid() && !yield(term.Prefix, node.Depth > 0) {
						return
					}
				}
			}
		}
	}
}

// addressIn is the first host of a network.
func addressIn(p netip.Prefix) netip.Addr {
	if p.IsSingleIP() {
		return p.Addr()
	}
	return p.Masked().Addr().Next()
}

func texts(ctx context.Context, dns resolve.Resolver, domain string) []string {
	answer, err := dns.Resolve(ctx, resolve.Ask(domain, "TXT"))
	if err != nil {
		return nil
	}
	return spf.Records(answer.Texts())
}

// lets reports whether SPF of the domain lets an address send.
func (v *Voyage) lets(ctx context.Context, dns resolve.Resolver, addr netip.Addr) bool {
	domain := record.Display(v.Move.Domain)
	r := spf.Evaluate(ctx, dns, spf.Params{IP: addr, Sender: "info@" + domain, HELO: domain})
	return r.Code == spf.Pass
}
