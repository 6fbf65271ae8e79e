package deliver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Host is one of those that take mail for a domain.
type Host struct {
	Name       string // canonical; empty for an address literal
	Preference uint16
	Addrs      []netip.Addr // that may be connected to, in the order in which they are
	Left       []string     // addresses that must not be, and why
	Err        error        // its addresses could not be found out

	alias string // what Name is an alias of, if it is one: the name of its addresses
}

// A routing is where mail for a domain goes.
type routing struct {
	hosts  []Host
	secure resolve.Security // of the answer that named them; 0: not known
}

// route finds the hosts of the destination (RFC 5321, 5). The result is one of
// failure where there are none to try.
func (a *attempt) route() (routing, *verdict) {
	if literal := a.report.Destination; strings.HasPrefix(literal, "[") {
		addr, err := parseLiteral(literal)
		if err != nil {
			return routing{}, ours(Permanent, 550, "5.1.3", "the address literal is not valid")
		}
		r := routing{hosts: []Host{a.allowed(Host{Addrs: []netip.Addr{addr}})}}
		return r, a.unreachable(r.hosts)
	}
	r, fault := a.mx()
	if fault != nil {
		return r, fault
	}
	a.resolve(r.hosts)
	if r.hosts, fault = a.withoutUs(r.hosts); fault != nil {
		return r, fault
	}
	return r, a.unreachable(r.hosts)
}

// parseLiteral reads an address literal (RFC 5321, 4.1.3).
func parseLiteral(text string) (netip.Addr, error) {
	inner, ok := strings.CutSuffix(strings.TrimPrefix(text, "["), "]")
	if !ok {
		return netip.Addr{}, errors.New("no closing bracket")
	}
	const tag = "ipv6:"
	if len(inner) > len(tag) && strings.EqualFold(inner[:len(tag)], tag) {
		addr, err := netip.ParseAddr(inner[len(tag):])
		if err == nil && (!addr.Is6() || addr.Zone() != "") {
			err = errors.New("not an IPv6 address")
		}
		return addr, err
	}
	addr, err := netip.ParseAddr(inner)
	if err == nil && !addr.Is4() {
		err = errors.New("an IPv6 address without its tag")
	}
	return addr, err
}

// mx asks for the MX records, most preferred first; a domain without any is its
// own host (RFC 5321, 5.1).
func (a *attempt) mx() (routing, *verdict) {
	domain := a.report.Destination
	answer, security, err := a.ask(resolve.Ask(domain, "MX"))
	switch {
	case err != nil && resolve.KindOf(err) == resolve.Invalid:
		return routing{}, ours(Permanent, 550, "5.1.2", "the domain is not a name that the DNS can hold")
	case err != nil: // that no answer came never means that there is none
		return routing{}, ours(Temporary, 451, "4.4.3", "the MX records cannot be found out: "+err.Error())
	case !answer.Exists:
		return routing{}, ours(Permanent, 550, "5.1.2", "the domain "+record.Display(domain)+" does not exist")
	}
	r := routing{secure: security}
	null := false
	for _, rr := range answer.Records {
		preference, name, ok := rr.MX()
		switch {
		case !ok:
		case name == ".":
			null = true
		default:
			r.hosts = append(r.hosts, Host{Name: record.Canonical(name), Preference: preference})
		}
	}
	switch {
	case null && len(r.hosts) == 0: // RFC 7505, 3 and 4.1
		return r, ours(Permanent, 556, "5.1.10", "the domain "+record.Display(domain)+" says that it takes no mail (null MX)")
	case len(answer.Records) == 0:
		r.hosts = []Host{{Name: domain}}
		return r, nil
	case len(r.hosts) == 0:
		return r, ours(Permanent, 550, "5.4.4", "the MX records of "+record.Display(domain)+" name no host")
	}
	r.hosts = a.sorted(r.hosts)
	return r, nil
}

// ask asks the DNS and, where somebody validates, what DNSSEC makes of the answer.
// A bogus answer is none.
func (a *attempt) ask(q resolve.Question) (resolve.Answer, resolve.Security, error) {
	if a.Security == nil {
		answer, err := a.DNS.Resolve(a.ctx, q)
		return answer, 0, err
	}
	proof, err := a.Security.Secure(a.ctx, q)
	switch {
	case err != nil:
		return resolve.Answer{}, 0, err
	case proof.Security == resolve.Bogus:
		return resolve.Answer{}, resolve.Bogus, fmt.Errorf("%s: DNSSEC validation fails: %s", q, proof.Why)
	case proof.Security == resolve.Secure:
		return proof.Answer, resolve.Secure, nil
	}
	answer, err := a.DNS.Resolve(a.ctx, q)
	return answer, proof.Security, err
}

// sorted orders hosts by preference, equal ones by chance, and each once.
func (a *attempt) sorted(hosts []Host) []Host {
	shuffle := a.Shuffle
	if shuffle == nil {
		shuffle = rand.Shuffle
	}
	slices.SortFunc(hosts, func(x, y Host) int { return record.CompareNames(x.Name, y.Name) }) // chance is shuffle's alone
	shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	slices.SortStableFunc(hosts, func(x, y Host) int { return int(x.Preference) - int(y.Preference) })
	seen := make(map[string]bool)
	hosts = slices.DeleteFunc(hosts, func(h Host) bool {
		twice := seen[h.Name]
		seen[h.Name] = true
		return twice
	})
	return hosts[:min(len(hosts), a.bounds.Hosts)]
}

// resolve finds the addresses of hosts.
func (a *attempt) resolve(hosts []Host) {
	var wg sync.WaitGroup
	for i := range hosts {
		wg.Go(func() { hosts[i] = a.allowed(a.lookUp(hosts[i])) })
	}
	wg.Wait()
}

// maxAddrs bounds the addresses of one host.
const maxAddrs = 16

// lookUp asks for the addresses of a host, IPv6 and IPv4 by turns.
func (a *attempt) lookUp(h Host) Host {
	types := []string{"AAAA", "A"}
	if a.IPv4 {
		types = types[1:]
	}
	answers, errs := make([]resolve.Answer, len(types)), make([]error, len(types))
	var wg sync.WaitGroup
	for i, typ := range types {
		wg.Go(func() { answers[i], errs[i] = a.DNS.Resolve(a.ctx, resolve.Ask(h.Name, typ)) })
	}
	wg.Wait()
	for n := 0; len(h.Addrs) < maxAddrs; n++ {
		more := false
		for _, answer := range answers {
			if addrs := answer.Addrs(); n < len(addrs) {
				h.Addrs, more = append(h.Addrs, addrs[n].Unmap()), true
			}
			if target := answer.Target(); len(answer.Chain) > 0 {
				h.alias = record.Canonical(target)
			}
		}
		if !more {
			break
		}
	}
	if len(h.Addrs) == 0 {
		h.Err = errors.Join(errs...)
	}
	return h
}

// allowed leaves out addresses that must not be connected to.
func (a *attempt) allowed(h Host) Host {
	refuse := a.Refuse
	if refuse == nil {
		refuse = Special
	}
	h.Addrs = slices.DeleteFunc(h.Addrs, func(addr netip.Addr) bool {
		why := refuse(addr)
		if why != "" && !slices.Contains(a.Here, addr) { // ours is a loop, and told as that
			h.Left = append(h.Left, addr.String()+" is "+why)
			return true
		}
		return false
	})
	return h
}

// withoutUs leaves out this machine, and whoever is not preferred to it: they
// would give the mail back to us (RFC 5321, 5.1).
func (a *attempt) withoutUs(hosts []Host) ([]Host, *verdict) {
	us := slices.IndexFunc(hosts, a.isUs)
	if us < 0 || a.Routes.ToSelf {
		return hosts, nil
	}
	limit := hosts[us].Preference
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(h Host) bool { return h.Preference >= limit })
	if len(hosts) == 0 {
		return nil, ours(Permanent, 554, "5.4.6", "mail for "+record.Display(a.report.Destination)+" loops back to this host: it is the domain's most preferred MX, but does not hold the domain for its own")
	}
	return hosts, nil
}

func (a *attempt) isUs(h Host) bool {
	for _, name := range append([]string{a.Client.Name}, a.Names...) {
		if name != "" && record.Canonical(name) == h.Name {
			return true
		}
	}
	port := a.Port == 0 || a.Port == 25
	return port && slices.ContainsFunc(h.Addrs, func(addr netip.Addr) bool { return slices.Contains(a.Here, addr) })
}

// unreachable is the failure of hosts none of which has an address to try.
func (a *attempt) unreachable(hosts []Host) *verdict {
	a.report.Hosts = hosts
	if slices.ContainsFunc(hosts, func(h Host) bool { return len(h.Addrs) > 0 }) {
		return nil
	}
	var left []string
	for _, h := range hosts {
		if h.Err != nil {
			return unresolved(h)
		}
		left = append(left, h.Left...)
	}
	name := record.Display(a.report.Destination)
	if len(left) > 0 {
		return ours(Permanent, 550, "5.4.4", "no host for "+name+" may be connected to: "+strings.Join(left, ", "))
	}
	return ours(Permanent, 550, "5.4.4", "no host for "+name+" has an address") // RFC 5321, 5.1: an error, and no reason to try the domain's own
}

// unresolved is the failure of a host whose addresses nobody tells.
func unresolved(h Host) *verdict {
	v := ours(Temporary, 451, "4.4.3", "the addresses of "+record.Display(h.Name)+" cannot be found out: "+h.Err.Error())
	v.host = h.Name
	return v
}
