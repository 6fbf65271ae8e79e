// Package testmail sends one message to see what becomes of it: it looks before,
// at what receivers will hold against it, makes one attempt for each domain, and
// says of every recipient what was answered, what that means and what to do next.
//
// It is no queue: what is refused for now is not tried again, unless somebody waits
// for that. It does not write messages (mta/compose) and is not for many of them.
package testmail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// MaxRcpts is how many recipients a message may have. This is no way to send to many.
const MaxRcpts = 10

// A Mail is a message and its envelope.
type Mail struct {
	From  string   // reverse-path without angle brackets
	Rcpts []string // forward-paths, at most MaxRcpts
	Text  []byte   // not signed yet; line ends may be any
	Keys  []mta.Key
	Least deliver.Level // of TLS; below it nothing is sent
}

// A Sender sends mails. Its fields are not changed once it is in use.
type Sender struct {
	// Deliver makes the attempts. Its Client.Observe is left alone.
	Deliver *deliver.Sender
	// DNS is asked about what receivers will ask about.
	DNS resolve.Resolver
	// Public is the addresses that receivers see mail come from; none: where Route leads
	// out by a public one, that is it.
	Public []netip.Addr
	// Route is the address from which packets to another address leave; nil: not known.
	Route func(to netip.Addr) (netip.Addr, error)
	// Port25 tells whether the port is open on the way out of this machine. It is asked
	// where no mail host could be connected to; nil: nobody is.
	Port25 func(ctx context.Context, like netip.Addr) probe.Reach

	// Wait is for how long a message that a host puts off is tried again; 0: not at all.
	Wait time.Duration
	// Waiting is told when a further attempt will be made, and why; nil: nobody is.
	Waiting func(until time.Time, because deliver.Result)
}

// A Prepared is a mail that is ready to go.
type Prepared struct {
	Mail
	Message []byte         // as it will leave, signed
	Signed  []mta.Key      // the keys that signed
	Author  string         // the domain of From, canonical; empty where there is not one
	Via     string         // the relay; empty: direct
	Seen    []netip.Addr   // the addresses that receivers will see it come from, as far as that is known
	Plans   []deliver.Plan // one for each destination
	// Judged is what a receiver makes of it, one for each address in Seen; where the
	// address is not known one in which SPF is open.
	Judged   []judge.Judgement
	Warnings []Warning
}

// A Warning is something that receivers may hold against a mail.
type Warning struct {
	ID   string // "spf"
	Text string // what was seen, and what it leads to
	Do   string // what to do about it; may be empty
}

// Prepare signs a mail and looks what will become of it. It connects to no mail host.
func (s *Sender) Prepare(ctx context.Context, m Mail) (Prepared, error) {
	p := Prepared{Mail: m}
	if len(m.Rcpts) == 0 || len(m.Rcpts) > MaxRcpts {
		return p, fmt.Errorf("a test message has 1 to %d recipients, not %d", MaxRcpts, len(m.Rcpts))
	}
	text := message.ToCRLF(m.Text)
	msg, _ := message.Parse(text)
	if len(msg.Fields) == 0 {
		return p, errors.New("the message has no header")
	}
	p.Author, _ = msg.Author().Domain()
	signer := p.Author
	if signer == "" {
		signer = domainOf(m.From)
	}
	p.Signed = mta.KeysFor(m.Keys, signer)
	signatures, err := mta.Sign(p.Signed, text)
	if err != nil {
		return p, err
	}
	p.Message = append(signatures, text...)
	for _, group := range groups(m.Rcpts) {
		p.Plans = append(p.Plans, s.Deliver.Plan(ctx, p.job(group)))
		if via := p.Plans[len(p.Plans)-1].Via; via != "" {
			p.Via = via
		}
	}
	s.look(ctx, &p)
	return p, ctx.Err()
}

// A group is the recipients of one destination.
type group struct {
	domain string
	rcpts  []string
}

// groups puts recipients together that have one destination, in the order of the
// first of each.
func groups(rcpts []string) []group {
	var list []group
	for _, rcpt := range rcpts {
		domain := domainOf(rcpt)
		i := slices.IndexFunc(list, func(g group) bool { return g.domain == domain })
		if i < 0 {
			list, i = append(list, group{domain: domain}), len(list)
		}
		if !slices.Contains(list[i].rcpts, rcpt) {
			list[i].rcpts = append(list[i].rcpts, rcpt)
		}
	}
	return list
}

func domainOf(addr string) string {
	domain := addr[strings.LastIndexByte(addr, '@')+1:]
	if strings.HasPrefix(domain, "[") {
		return domain
	}
	return strings.ToLower(strings.TrimSuffix(domain, "."))
}

// job is the delivery to a group.
func (p *Prepared) job(g group) deliver.Job {
	job := deliver.Job{
		Destination: g.domain, From: p.From, Least: p.Least,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p.Message)), nil },
		// That an address or the header needs SMTPUTF8, deliver finds out (RFC 6531).
		SMTPUTF8: true,
	}
	for _, rcpt := range g.rcpts {
		job.Rcpts = append(job.Rcpts, client.Rcpt{Addr: rcpt})
	}
	return job
}

// name is a domain for a reader.
func name(domain string) string { return record.Unicode(domain) }
