package rfc2136

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// find returns the SOA record of the zone that has a domain. A server with
// authority names its zone in any answer about a name in it; where a CNAME leads
// elsewhere, and where the server knows nothing, the name above is asked for.
func (p *Provider) find(ctx context.Context, domain string) (*dns.SOA, error) {
	if _, ok := dns.IsDomainName(domain); !ok {
		return nil, fmt.Errorf("%q is no domain name", domain)
	}
	said := ""
	for name := domain; name != "."; name = record.Parent(name) {
		list, err := p.server.ask(ctx, []dns.Question{{Name: name, Qtype: dns.TypeSOA, Qclass: dns.ClassINET}})
		if err == nil {
			if soa := startOf(list[0], name); soa != nil {
				return soa, nil
			}
			if cut := delegation(list[0], name); cut != "" {
				return nil, fmt.Errorf("the server has no zone for %s: it refers to the servers of %s: %w", record.Display(domain), record.Display(cut), providers.ErrNoZone)
			}
			err = unfit(list[0])
		}
		if fake := new(unbelievedError); errors.As(err, &fake) && fake.code == dns.RcodeNotAuth {
			return nil, p.unknownKey()
		}
		if code, ok := refused(err); ok {
			if said == "" {
				said = code
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("SOA %s: %w", record.Display(name), err)
		}
	}
	if said == "" {
		said = "answers without authority"
	}
	return nil, fmt.Errorf("the server has no zone for %s (it says %s), or shows it to nobody with this key or from here: %w", record.Display(domain), said, providers.ErrNoZone)
}

// unknownKey is the error of a question that the server answers with NOTAUTH: which to
// a question, not an update, is about its signature (RFC 8945, 5.2). PowerDNS says no more.
func (p *Provider) unknownKey() error {
	k := p.server.key
	return fmt.Errorf("the server does not accept the key %s (NOTAUTH), and does not say why: it may not know a key with this name and the algorithm %s, have another secret for it, or another time; compare them with the server's configuration: %w",
		record.Display(k.Name), k.Algorithm, providers.ErrDenied)
}

// startOf is the SOA record of the zone that name is in, if the answer has it.
func startOf(m *dns.Msg, name string) *dns.SOA {
	if !m.Authoritative {
		return nil
	}
	for _, list := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range list {
			if soa, ok := rr.(*dns.SOA); ok && record.Within(name, soa.Hdr.Name) && onlyAt(m.Answer, name) {
				return soa
			}
		}
	}
	return nil
}

// onlyAt reports whether an answer does not lead to another name.
func onlyAt(answer []dns.RR, name string) bool {
	for _, rr := range answer {
		if rr.Header().Rrtype == dns.TypeCNAME || rr.Header().Rrtype == dns.TypeDNAME || record.Canonical(rr.Header().Name) != name {
			return false
		}
	}
	return true
}

// delegation is the name at which an answer refers to other servers; empty where
// it does not.
func delegation(m *dns.Msg, name string) string {
	if m.Authoritative || m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 {
		return ""
	}
	for _, rr := range m.Ns {
		if ns, ok := rr.(*dns.NS); ok && ns.Hdr.Name != "." && record.Within(name, ns.Hdr.Name) {
			return record.Canonical(ns.Hdr.Name)
		}
	}
	return ""
}

// A refusedError is an answer that says that the server will not tell.
type refusedError struct{ code int }

func (e *refusedError) Error() string { return "the server answers " + rcode(e.code) }

// unfit is the error of an answer that says neither what is there nor that
// nothing is.
func unfit(m *dns.Msg) error {
	switch {
	case denies(m.Rcode):
		return &refusedError{m.Rcode}
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		return fmt.Errorf("the server answers %s", rcode(m.Rcode))
	case m.Truncated:
		return errors.New("the answer is cut off, over TCP")
	}
	return nil
}

// refused is what the server said if it did not want to tell, signed or not.
func refused(err error) (string, bool) {
	var e *refusedError
	var fake *unbelievedError
	switch {
	case err == nil:
		return "", false
	case errors.As(err, &e):
		return rcode(e.code), true
	case errors.As(err, &fake) && denies(fake.code):
		return rcode(fake.code), true
	}
	return "", false
}
