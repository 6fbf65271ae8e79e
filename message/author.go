package message

import (
	"fmt"
	"slices"
)

// An Author is who a message says it is from, as DMARC needs it: the author
// domain is the domain of the From field (RFC 7489, 6.6.1; RFC 9989, 5.3.1).
type Author struct {
	Fields    int       // From fields; one is right (RFC 5322, 3.6)
	Addresses []Address // of all of them, in order
	Domains   []string  // of the addresses, each once, absolute
	Problems  []Problem
}

// Author reads the From fields.
func (m *Message) Author() Author {
	var a Author
	for _, f := range m.Fields {
		if !f.Is("From") {
			continue
		}
		a.Fields++
		list, problems := f.Addresses()
		a.Addresses = append(a.Addresses, list...)
		a.Problems = append(a.Problems, problems...)
	}
	for _, addr := range a.Addresses {
		if addr.Domain != "" && !slices.Contains(a.Domains, addr.Domain) {
			a.Domains = append(a.Domains, addr.Domain)
		}
	}
	return a
}

// Domain is the author domain; empty where there is none or more than one, and
// then why says so in words. One From field with several addresses of one domain
// has that domain.
func (a Author) Domain() (domain, why string) {
	switch {
	case a.Fields == 0:
		return "", "there is no From field"
	case a.Fields > 1:
		return "", fmt.Sprintf("there are %d From fields, of which receivers may take any", a.Fields)
	case len(a.Addresses) == 0:
		return "", "the From field holds no address"
	case len(a.Domains) == 0:
		return "", "no address of the From field has a domain name"
	case len(a.Domains) > 1:
		return "", fmt.Sprintf("the From field has addresses of %d domains", len(a.Domains))
	}
	return a.Domains[0], ""
}
