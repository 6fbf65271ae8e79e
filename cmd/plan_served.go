package cmd

import (
	"context"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// leadThere takes out the aliases that are wished where addresses of the very
// host stand already: mta-sts or autoconfig then lead where they shall, and a CNAME
// could not stand beside them (RFC 1034, 3.6.2).
func (p *planning) leadThere(ctx context.Context) error {
	var aliases []plan.Wish
	for _, w := range p.wishes {
		if isAlias(w) {
			aliases = append(aliases, w)
		}
	}
	if len(aliases) == 0 {
		return nil
	}
	there, err := p.there(ctx, p.world)
	if err != nil {
		return err
	}
	current, err := there.records(ctx, aliases)
	if err != nil {
		return err
	}
	p.wishes = slices.DeleteFunc(p.wishes, func(w plan.Wish) bool {
		if !isAlias(w) {
			return false
		}
		stand := addressesAt(current, w.Edit.Slot.Name)
		return len(stand) > 0 && within(stand, p.addressesOf(ctx, w.Edit.Want[0].Data))
	})
	return nil
}

func isAlias(w plan.Wish) bool { return w.Edit.Slot.Type == "CNAME" && len(w.Edit.Want) == 1 }

// addressesAt are those of the A and AAAA records at a name; none where an alias
// stands there.
func addressesAt(records []record.Record, name string) []netip.Addr {
	var list []netip.Addr
	for _, r := range records {
		if r.Name != name {
			continue
		}
		if r.Type == "CNAME" {
			return nil
		}
		if addr, ok := r.Addr(); ok {
			list = append(list, addr)
		}
	}
	return list
}

// addressesOf are those of a host: as the file has them, else as the DNS does.
// What cannot be told is left out, so that nothing is taken for served by it.
func (p *planning) addressesOf(ctx context.Context, host string) []netip.Addr {
	if p.state != nil {
		for _, h := range p.state.Hosts {
			if h.Name == host {
				return h.Addrs
			}
		}
	}
	var list []netip.Addr
	for _, typ := range []string{"A", "AAAA"} {
		if ans, err := p.world.asks().Resolve(ctx, resolve.Ask(host, typ)); err == nil {
			list = append(list, ans.Addrs()...)
		}
	}
	return list
}

// within reports whether all of some are among others.
func within(some, others []netip.Addr) bool {
	return !slices.ContainsFunc(some, func(addr netip.Addr) bool { return !slices.Contains(others, addr) })
}
