package smtpd

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// own is what mail is taken for. It does not change; see [Server.Own].
type own struct {
	domains   map[string]bool // in A-labels and lower case
	first     string          // that postmaster is at; empty for none
	addresses []netip.Addr
}

func newOwn(domains []string, addresses []netip.Addr) (*own, error) {
	o := &own{domains: make(map[string]bool)}
	for _, domain := range domains {
		name, _, problem := parseMailDomain(strings.TrimSuffix(domain, "."))
		if problem != "" || strings.HasPrefix(name, "[") {
			return nil, fmt.Errorf("smtpd: %q is no domain", domain)
		}
		if o.first == "" {
			o.first = name
		}
		o.domains[name] = true
	}
	for _, addr := range addresses {
		o.addresses = append(o.addresses, addr.Unmap())
	}
	return o, nil
}

// Own changes the domains and addresses that mail is taken for, from the next
// recipient on.
func (s *Server) Own(domains []string, addresses []netip.Addr) error {
	o, err := newOwn(domains, addresses)
	if err == nil {
		s.own.Store(o)
	}
	return err
}

// has reports whether addr has a domain or an address of our own.
func (o *own) has(addr Address) bool {
	if addr.Literal.IsValid() {
		return slices.Contains(o.addresses, addr.Literal)
	}
	return o.domains[addr.Domain]
}
