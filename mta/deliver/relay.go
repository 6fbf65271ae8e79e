package deliver

import (
	"fmt"
	"net/netip"

	"github.com/maildoctor/maildoctor/record"
)

func (r Relay) port() uint16 {
	switch {
	case r.Port != 0:
		return r.Port
	case r.ImplicitTLS:
		return 465 // RFC 8314, 7.3
	}
	return 587 // RFC 6409, 3.1
}

// policy is what TLS with a relay has to be like: verified, unless the owner says
// otherwise of one that gets no password.
func (r Relay) policy(name string) Policy {
	p := Policy{Source: Configured, Least: Verified, Why: "mail goes to a relay over verified TLS", name: name}
	if r.Clear && r.User == "" && r.Password == "" {
		p.Least, p.Why = Clear, "the relay is on a network of our own"
	}
	return p
}

// byRelay sends to everybody who is open by a relay.
func (a *attempt) byRelay(name, why string) {
	if a.report.Route != "" {
		a.report.Route += "; then "
	}
	a.report.Route += fmt.Sprintf("relay %s: %s", name, why)
	a.via = name
	a.connects, a.sessions = 0, 0
	relay, known := a.Routes.Relays[name]
	if !known {
		a.all(ours(Temporary, 451, "4.3.5", fmt.Sprintf("no relay %q is set up", name)))
		return
	}
	for _, i := range a.open { // what was said to us directly is not their result any more
		a.report.Results[i] = Result{Addr: a.report.Results[i].Addr}
	}
	h := Host{Name: record.Canonical(relay.Host)}
	if addr, err := netip.ParseAddr(relay.Host); err == nil {
		h.Addrs = append(h.Addrs, addr)
	} else {
		h = a.lookUp(h)
	}
	a.report.Hosts = append(a.report.Hosts, h)
	p := relay.policy(h.Name).atLeast(a.job.Least)
	if a.job.RequireTLS && p.Least < Verified {
		p.Source, p.Least, p.Why = Asked, Verified, "the sender requires it (REQUIRETLS)"
	}
	switch {
	case h.Err != nil:
		a.settle(ours(Temporary, 451, "4.4.3", fmt.Sprintf("the addresses of the relay %s cannot be found out: %v", name, h.Err)))
	case len(h.Addrs) == 0:
		a.settle(ours(Temporary, 451, "4.3.5", fmt.Sprintf("the relay %s has no address", name)))
	default:
		a.settle(a.visit(h, p, &relay, nil))
	}
}
