// Package judge tells what a receiver makes of one message: SPF, the reverse
// lookup of the client, every DKIM signature, the ARC chain and DMARC, joined
// into one judgement (RFC 7208, RFC 8601, RFC 6376, RFC 8617, RFC 9989), and
// what would become of the message by it.
//
// It verifies nothing itself and knows no receiver's own rules: whether a mail
// looks like spam it does not say.
package judge

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/resolve"
)

// Bounds of one judgement, unless Limits say otherwise.
const (
	// Time is how long the DNS may take in all. What is not known by then is a
	// temperror.
	Time = 5 * time.Second
	// Questions is how many are asked in all. The most that two evaluations of SPF,
	// the reverse lookup and a full chain can want leaves room for DMARC.
	Questions = 2*spf.MaxQuestions + 250
)

// Limits bound what one message may cost. The zero value of a field is its
// default.
type Limits struct {
	Time      time.Duration
	Questions int
}

// A Judgement is what a receiver finds out about a message. Texts in it that say
// why are in words, and text from the network in them is escaped.
type Judgement struct {
	At       time.Time // as at; that of arrival, where the message is older
	Envelope Envelope
	Size     int // octets of the message

	// MailFrom is SPF of the reverse-path, or of HELO where that is null (RFC 7208,
	// 2.4): the one that DMARC uses. HELO is that of the name in HELO (2.3).
	MailFrom, HELO SPF
	IPRev          IPRev
	DKIM           []dkim.Verdict // in the order of the header
	ARC            arc.Chain
	Author         message.Author
	DMARC          dmarc.Result

	// Fate is what a receiver does with the message that follows RFC 9989, and
	// Fate7489 one that follows RFC 7489, as far as these results decide it.
	Fate, Fate7489 Fate

	// Asked is how many questions went out.
	Asked int
}

// Message judges m, brought as e says, at the time now: that of its arrival,
// where the message is older. It never fails. Where the DNS gives no answer in
// time the results are temperror.
func Message(ctx context.Context, r resolve.Resolver, m *message.Message, e Envelope, now time.Time) Judgement {
	return Limits{}.Message(ctx, r, m, e, now)
}

// Message is Message within l.
func (l Limits) Message(ctx context.Context, r resolve.Resolver, m *message.Message, e Envelope, now time.Time) Judgement {
	limit := cmp.Or(l.Time, Time)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	e.Client = e.Client.Unmap().WithZone("")
	budget := resolve.NewBudget(r, cmp.Or(l.Questions, Questions))
	t := trial{dns: resolve.NewMemo(ctx, budget), m: m, now: now}
	j := Judgement{At: now, Envelope: e, Size: len(m.Raw), Author: m.Author()}
	t.verify(ctx, limit, &j)
	j.DMARC = dmarc.Evaluate(ctx, t.dns, j.input())
	j.withoutSPF(&j.DMARC.RFC9989)
	j.withoutSPF(&j.DMARC.RFC7489)
	j.Fate, j.Fate7489 = fate(j.DMARC.RFC9989), fate(j.DMARC.RFC7489)
	j.Asked = budget.Spent()
	return j
}

// A trial is one judgement on its way.
type trial struct {
	dns resolve.Resolver
	m   *message.Message
	now time.Time
}

// verify does all that does not build on one another at once. It leaves a fifth
// of the time to what DMARC has to ask afterwards: a sender's slow SPF must not
// make his policy unknown.
func (t trial) verify(ctx context.Context, limit time.Duration, j *Judgement) {
	first, cancel := context.WithTimeout(ctx, limit/5*4)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { j.IPRev = t.iprev(first, j.Envelope.Client) })
	wg.Go(func() { j.DKIM = dkim.Verify(first, t.dns, t.m, t.now) })
	wg.Go(func() { j.ARC = arc.Validate(first, t.m, verifier{t.dns, t.now}) })
	for _, author := range j.Author.Domains[:min(len(j.Author.Domains), maxAhead)] {
		// What DMARC asks is known from the author alone: the memo has it then.
		wg.Go(func() { dmarc.Discover(first, t.dns, author) })
		wg.Go(func() { dmarc.Discover7489(first, t.dns, author) })
	}
	j.MailFrom, j.HELO = t.spf(first, j.Envelope)
	wg.Wait()
}

// maxAhead bounds the author domains whose policy is asked for ahead of time.
const maxAhead = 2

// A verifier is DKIM as ARC borrows it.
type verifier struct {
	dns resolve.Resolver
	now time.Time
}

func (v verifier) MessageSignature(ctx context.Context, m *message.Message, field int) arc.Check {
	return checked(dkim.VerifyMessageSignature(ctx, v.dns, m, field, v.now))
}

func (v verifier) Seal(ctx context.Context, m *message.Message, field int, covered []int) arc.Check {
	return checked(dkim.VerifySeal(ctx, v.dns, m, field, covered, v.now))
}

func checked(v dkim.Verdict) arc.Check {
	trials := map[dkim.Trial]arc.Trial{dkim.Holds: arc.Holds, dkim.Broken: arc.Broken}
	return arc.Check{Result: string(v.Code), Cause: v.Cause, Body: trials[v.Body], Header: trials[v.Header]}
}
