package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// Bounds of one zone.
const (
	maxRecords  = 250_000
	maxOctets   = 64 << 20
	maxTransfer = 2 * time.Minute
)

// transfers reports whether the server transfers the zone to this key: it hangs up
// after the first message of the transfer.
func (p *Provider) transfers(ctx context.Context) (bool, error) {
	err := p.receive(ctx, func([]dns.RR) bool { return false })
	if withheld(err) {
		return false, nil
	}
	return err == nil, err
}

// withheld reports whether an error of a transfer is that the server does not
// give the zone away, or does not know how to.
func withheld(err error) bool {
	var code *transferError
	var fake *unbelievedError
	switch {
	case errors.As(err, &code):
		return true
	case errors.As(err, &fake):
		return denies(fake.code)
	}
	// The question before was answered. Knot DNS says BADKEY of a key that may not.
	return errors.Is(err, errBadKey) || errors.Is(err, errClosed)
}

// A transferError is the server's refusal.
type transferError struct{ code int }

func (e *transferError) Error() string {
	return "the server does not transfer the zone: it answers " + rcode(e.code)
}

// transfer returns all records of the zone, the SOA record once, in front.
func (p *Provider) transfer(ctx context.Context) ([]dns.RR, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTransfer)
	defer cancel()
	var all []dns.RR
	err := p.receive(ctx, func(rrs []dns.RR) bool {
		all = append(all, rrs...)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("transfer of %s: %w", record.Display(p.zone), err)
	}
	return all, nil
}

// receive runs a transfer and hands over the records of each message as long as
// more are wanted. The last SOA record, which ends it, is left out (RFC 5936, 2.2).
func (p *Provider) receive(ctx context.Context, more func([]dns.RR) bool) error {
	c, err := p.server.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	q := new(dns.Msg).SetAxfr(p.zone)
	q.Id = newID()
	signing, err := c.send(q)
	if err != nil {
		return err
	}
	x := incoming{zone: p.zone}
	for !x.ended {
		wire, m, err := c.read()
		if err != nil {
			return err
		}
		if !answers(m, q) {
			return errNoAnswer
		}
		if err := x.authentic(signing, wire, m); err != nil {
			return err
		}
		rrs, err := x.take(m, len(wire))
		if err != nil {
			return err
		}
		if !more(rrs) {
			return nil
		}
	}
	return nil
}

// An incoming transfer.
type incoming struct {
	zone     string
	soa      *dns.SOA // nil until it came
	records  int
	octets   int
	messages int
	ended    bool
}

// authentic checks the signature of a message. Between signed ones there may be some
// without (RFC 8945, 5.3.1), the last excepted.
func (x *incoming) authentic(s *signing, wire []byte, m *dns.Msg) error {
	x.messages++
	last := x.soa != nil && len(m.Answer) > 0 && m.Answer[len(m.Answer)-1].Header().Rrtype == dns.TypeSOA
	if s.key != nil && m.IsTsig() == nil && x.messages > 1 && !last {
		return s.later(wire)
	}
	return s.check(wire, m)
}

// take checks the records of a message and returns them.
func (x *incoming) take(m *dns.Msg, octets int) ([]dns.RR, error) {
	if m.Rcode != dns.RcodeSuccess {
		return nil, &transferError{m.Rcode}
	}
	x.octets += octets
	x.records += len(m.Answer)
	switch {
	case x.octets > maxOctets:
		return nil, fmt.Errorf("the zone is larger than %d MiB", maxOctets>>20)
	case x.records > maxRecords:
		return nil, fmt.Errorf("the zone has more than %d records", maxRecords)
	case len(m.Answer) == 0:
		return nil, errors.New("a message of the transfer has no records")
	}
	list := m.Answer
	if x.soa == nil {
		soa, ok := list[0].(*dns.SOA)
		if !ok || record.Canonical(soa.Hdr.Name) != x.zone {
			return nil, errors.New("the transfer does not begin with the zone's SOA record (RFC 5936, 2.2)")
		}
		x.soa = soa
		if len(list) == 1 {
			return list, nil
		}
	} else {
		list = append([]dns.RR{nil}, list...) // so that the first is no more than the others
	}
	for i, rr := range list[1:] {
		if soa, ok := rr.(*dns.SOA); ok {
			if i+2 < len(list) || !dns.IsDuplicate(soa, x.soa) {
				return nil, errors.New("the transfer does not end with the SOA record that it begins with: the zone changed meanwhile, or it is malformed (RFC 5936, 2.2)")
			}
			x.ended = true
			list = list[:i+1]
			break
		}
		if h := rr.Header(); h.Class != dns.ClassINET || !record.Within(canonicalName(h.Name), x.zone) {
			return nil, fmt.Errorf("the transfer has a record that is not of the zone: %q", h.Name)
		}
	}
	if list[0] == nil {
		list = list[1:]
	}
	return list, nil
}
