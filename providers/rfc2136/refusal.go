package rfc2136

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// denies reports whether a response code says that the sender may not.
func denies(code int) bool {
	return code == dns.RcodeRefused || code == dns.RcodeNotAuth || code == dns.RcodeNotZone
}

// refusal is the error of an update that the server answers with an error.
func (p *Provider) refusal(code int) error {
	switch code {
	case dns.RcodeRefused:
		return fmt.Errorf("the server refuses the update (REFUSED), and nothing was written: %s, or the server is a secondary%s: %w", p.permission(), p.primary(), providers.ErrDenied)
	case dns.RcodeNotAuth:
		return fmt.Errorf("the server does not take updates of %s (NOTAUTH), and nothing was written: it is not the zone's primary%s, or %s: %w", record.Display(p.zone), p.primary(), p.permission(), providers.ErrDenied)
	case dns.RcodeNotZone:
		return fmt.Errorf("the server says that a name is outside of the zone %s (NOTZONE), and nothing was written: %w", record.Display(p.zone), providers.ErrDenied)
	case dns.RcodeNotImplemented:
		return errors.New("the server does not do dynamic updates (NOTIMP)" + p.primary())
	case dns.RcodeFormatError:
		return errors.New("the server does not understand the update (FORMERR); nothing was written")
	case dns.RcodeServerFailure:
		return errors.New("the server could not carry out the update (SERVFAIL): its log says why; it may not be able to write its journal, or, as a secondary, not reach the primary" + p.primary())
	}
	return fmt.Errorf("the server answers the update with %s", rcode(code))
}

// permission is what the server's configuration may lack.
func (p *Provider) permission() string {
	if p.server.key == nil {
		return "updates without a key are not allowed from this address; give a TSIG key"
	}
	return fmt.Sprintf("the key %s may not change these records: grant it to it (BIND: update-policy or allow-update of the zone; Knot DNS: an acl with action: update)", record.Display(p.server.key.Name))
}

// primary names the server that the SOA record calls primary, where that is
// another than is asked.
func (p *Provider) primary() string {
	host, _, err := net.SplitHostPort(p.server.address)
	if err != nil || strings.EqualFold(record.Canonical(host), p.mname) || p.mname == "." {
		return ""
	}
	return " (the zone's SOA record names " + record.Display(p.mname) + " as the primary: updates go there)"
}
