// Package rfc2136 reads and writes a zone at its primary name server: by zone
// transfer (AXFR, RFC 5936) or name by name, and by dynamic update (RFC 2136),
// signed with a shared key (TSIG, RFC 8945).
//
// A plan is one UPDATE message: it holds what the plan rests on as prerequisites,
// and the server carries out all of it or nothing. The texts of records are
// compared, deleted and kept octet for octet as the server has them, however they
// are split.
//
// It is no server; package primary is one, for tests and demonstrations.
package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// Options say which server has the zone.
type Options struct {
	Server string // host or host:port of the zone's primary server; the port is 53 where none is given
	Key    *Key   // nil: messages are not signed, and the server goes by the address

	// Dial connects over TCP; nil is that of the net package.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock of signatures; nil is time.Now.
	Now func() time.Time
}

// A Provider is one zone at one server.
type Provider struct {
	server server
	name   string // for a reader
	zone   string
	mname  string // the primary server by the zone's SOA record
	whole  bool   // the server transfers the zone
}

// Open finds the zone of a domain at the server: the longest name at or above it
// of which the server has the SOA record, with authority.
func Open(ctx context.Context, domain string, o Options) (*Provider, error) {
	host, port, err := hostPort(o.Server)
	if err != nil {
		return nil, err
	}
	if o.Key != nil && !o.Key.usable() {
		return nil, errors.New("the TSIG key was not read by ParseKey or ReadKey")
	}
	p := &Provider{server: server{address: net.JoinHostPort(host, port), key: o.Key, dial: o.Dial, now: o.Now}}
	if p.server.dial == nil {
		p.server.dial = new(net.Dialer).DialContext
	}
	if p.server.now == nil {
		p.server.now = time.Now
	}
	if p.name = host; port != "53" {
		p.name = p.server.address
	}
	soa, err := p.find(ctx, record.Canonical(domain))
	if err != nil {
		return nil, p.failed(err)
	}
	p.zone, p.mname = record.Canonical(soa.Hdr.Name), record.Canonical(soa.Ns)
	p.whole, err = p.transfers(ctx)
	if err != nil {
		return nil, p.failed(err)
	}
	return p, nil
}

// hostPort reads host, host:port, [IPv6]:port or an address alone.
func hostPort(s string) (host, port string, err error) {
	host, port = s, "53"
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return addr.String(), port, nil
	}
	if strings.Contains(s, ":") {
		if host, port, err = net.SplitHostPort(s); err != nil {
			return "", "", fmt.Errorf("the server %q is not host or host:port", s)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("the server %q has no port between 1 and 65535", s)
	}
	host = strings.TrimSuffix(host, ".")
	if _, ok := dns.IsDomainName(host); !ok && net.ParseIP(host) == nil || host == "" {
		return "", "", fmt.Errorf("the server %q is no host name and no address", s)
	}
	for _, c := range []byte(host) {
		if c <= ' ' || c > '~' {
			return "", "", fmt.Errorf("the server %q is no host name and no address", s)
		}
	}
	return host, port, nil
}

// failed is an error with the server's name before it.
func (p *Provider) failed(err error) error { return fmt.Errorf("%s: %w", p.name, err) }

// Zone is the apex of the zone, canonical.
func (p *Provider) Zone() string { return p.zone }

// String is the server's name: "ns1.example.net (RFC 2136)".
func (p *Provider) String() string { return p.name + " (RFC 2136)" }

// Traits: a plan is done wholly or not at all, and compared in the same
// transaction. Whether the whole zone is read depends on whether the server lets
// this key transfer it.
func (p *Provider) Traits() providers.Traits {
	return providers.Traits{Whole: p.whole, Atomic: true, Compare: true}
}

// Read returns all records of the zone where the server transfers it, else those
// at names and at the wildcards above them, as far as the types go that are asked for.
func (p *Provider) Read(ctx context.Context, names []string) (providers.Reading, error) {
	read := p.byName
	if p.whole {
		read = func(ctx context.Context, _ []string) ([]dns.RR, error) { return p.transfer(ctx) }
	}
	rrs, err := read(ctx, names)
	if err != nil {
		return providers.Reading{}, p.failed(err)
	}
	return providers.Reading{Records: records(rrs)}, nil
}

// Write carries out a plan with one UPDATE message.
//
// All records of a set have one TTL (RFC 2181, 5.2). Where records of the set stay
// that the plan is not about, it is theirs; else the one that the plan says; else
// the one that the set had; else an hour.
func (p *Provider) Write(ctx context.Context, pl plan.Plan) error {
	if record.Canonical(pl.Zone) != p.zone {
		return p.failed(fmt.Errorf("the plan is for the zone %q, not for %s", pl.Zone, record.Display(p.zone)))
	}
	if pl.Empty() {
		return nil
	}
	there, err := p.sets(ctx, pl)
	if err != nil {
		return p.failed(fmt.Errorf("what is there could not be read, so nothing was written: %w", err))
	}
	if err := providers.Stale(pl, records(there)); err != nil {
		return err
	}
	m, err := p.update(pl, there)
	if err != nil {
		return p.failed(err)
	}
	answer, err := p.server.exchange(ctx, m)
	if err != nil {
		return p.failed(p.unanswered(err))
	}
	switch answer.Rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError:
		return p.overtaken(ctx, pl, answer.Rcode)
	}
	return p.failed(p.refusal(answer.Rcode))
}

// unanswered is the error of an update of which it is not known what came.
func (p *Provider) unanswered(err error) error {
	var sent *sentError
	var fake *unbelievedError
	var unsigned *authenticityError
	switch {
	case errors.Is(err, errTooLarge):
		return fmt.Errorf("the plan is too large for one update, which has to hold all of it: %w; nothing was written; carry it out in parts", err)
	case errors.Is(err, errBadKey): // that of the questions before was good: so says Knot DNS
		return fmt.Errorf("the server does not take the update with this key (BADKEY), and nothing was written: %s: %w", p.permission(), providers.ErrDenied)
	case errors.As(err, &sent):
		return fmt.Errorf("the update was sent, and whether it took effect is not known: %w", err)
	case errors.As(err, &fake) && denies(fake.code):
		return fmt.Errorf("the server answers %w: %w", err, providers.ErrDenied)
	case errors.As(err, &unsigned):
		return fmt.Errorf("the update was sent, and whether it took effect is not known: %w", err)
	}
	return err
}

// overtaken is the error where the prerequisites do not hold: somebody changed
// the zone since it was read.
func (p *Provider) overtaken(ctx context.Context, pl plan.Plan, code int) error {
	there, err := p.sets(ctx, pl)
	if err != nil {
		return p.failed(fmt.Errorf("what is there is not what the plan rests on any more (%s), so nothing was written, and what it is could not be read: %w", rcode(code), err))
	}
	if err := providers.Stale(pl, records(there)); err != nil {
		return err
	}
	return p.failed(fmt.Errorf("the server says that what the plan rests on is not there (%s), and answers with just that; nothing was written; if somebody changed it and changed it back, try again", rcode(code)))
}
