package judge

import (
	"context"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// An SPF is the result of one identity.
type SPF struct {
	// Evaluated is false where the envelope does not tell what it needs; Missing
	// then says what.
	Evaluated bool
	Missing   string
	Sender    string // the reverse-path; empty where HELO was evaluated
	HELO      string // the name in HELO, as given
	spf.Result
}

// spf evaluates both identities. For a null reverse-path they are one.
func (t trial) spf(ctx context.Context, e Envelope) (mailFrom, helo SPF) {
	mailFrom, helo = SPF{Sender: e.MailFrom, HELO: e.HELO}, SPF{HELO: e.HELO}
	if !e.Client.IsValid() {
		mailFrom.Missing = "the address of the client is not known"
		helo.Missing = mailFrom.Missing
		return mailFrom, helo
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	switch {
	case e.HELO == "":
		helo.Missing = "the HELO name is not known"
	default:
		wg.Go(func() { helo.evaluate(ctx, t, spf.Params{IP: e.Client, HELO: e.HELO, Domain: e.HELO}) })
	}
	switch {
	case !e.Known:
		mailFrom.Missing = "the MAIL FROM address is not known"
	case e.MailFrom != "":
		wg.Go(func() { mailFrom.evaluate(ctx, t, spf.Params{IP: e.Client, Sender: e.MailFrom, HELO: e.HELO}) })
	case e.HELO == "":
		mailFrom.Missing = "MAIL FROM is null, and the HELO name is not known"
	default: // RFC 7208, 2.4: postmaster at the HELO name
		wg.Go(func() { mailFrom.evaluate(ctx, t, spf.Params{IP: e.Client, HELO: e.HELO}) })
	}
	return mailFrom, helo
}

func (s *SPF) evaluate(ctx context.Context, t trial, p spf.Params) {
	p.Now = t.now
	s.Evaluated, s.Result = true, spf.Evaluate(ctx, t.dns, p)
}

// Domain of the identity, as given.
func (s SPF) domain() string {
	if s.Sender == "" {
		return s.HELO
	}
	return s.Sender[strings.LastIndexByte(s.Sender, '@')+1:]
}
