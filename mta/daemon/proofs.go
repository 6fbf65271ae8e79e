package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/resolve"
)

// proofsLast is how long what a validator has learnt of zones counts. It keeps that
// whatever the TTL, and a minute is what memories of answers keep at least, too.
const proofsLast = time.Minute

// Proofs tells what DNSSEC makes of answers, for as long as a server runs: a
// resolve.Validator is for one run, and this one begins anew each minute.
type Proofs struct {
	ctx context.Context
	raw resolve.Exchanger
	o   resolve.SecureOptions
	log *slog.Logger // nil: none

	mu      sync.Mutex
	now     *resolve.Validator
	till    time.Time
	sighted bool // signatures have been seen
	blind   bool // and before that: there were none
}

// NewProofs asks raw under ctx; see resolve.NewValidator.
func NewProofs(ctx context.Context, raw resolve.Exchanger, o resolve.SecureOptions) *Proofs {
	return &Proofs{ctx: ctx, raw: raw, o: o}
}

// Secure implements [deliver.Security]. Behind a resolver that keeps the signatures
// of the very root to itself nothing can be told of anything, and all mail would
// wait for ever: there every answer is insecure, and DANE is not looked at, as for
// any sender without DNSSEC (RFC 7672, 2.1). Once signatures have been seen, that
// they are missing is a fault or an attack, and mail waits.
func (p *Proofs) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	proof, err := p.validator().Secure(ctx, q)
	if p.isBlind(proof, err) {
		return resolve.Proof{Security: resolve.Insecure, Zone: ".", Why: resolve.ErrStripped.Error()}, nil
	}
	return proof, err
}

// isBlind reports whether there are no signatures to be had here, as the end of a
// validation shows.
func (p *Proofs) isBlind(proof resolve.Proof, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	stripped := errors.Is(err, resolve.ErrStripped)
	byWord := proof.Security == resolve.Secure && proof.Why != "" // of a resolver on this machine, which may strip
	switch {
	case byWord:
		return false
	case err == nil && !p.sighted:
		p.sighted = true
		if p.blind && p.log != nil {
			p.log.Info("DANE is looked at: the resolver passes on DNSSEC signatures now")
		}
	case stripped && !p.sighted && !p.blind && p.log != nil:
		p.log.Warn(noDANE)
	}
	p.blind = stripped && !p.sighted
	return p.blind
}

// noDANE is what a person has to know of a resolver that knows no DNSSEC.
const noDANE = "DANE is not looked at: the resolver passes on no DNSSEC signatures; one on this machine, such as unbound, does"

// Problem is what somebody should look at; empty: nothing.
func (p *Proofs) Problem() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blind {
		return noDANE
	}
	return ""
}

func (p *Proofs) validator() *resolve.Validator {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.now == nil || !now.Before(p.till) {
		p.now, p.till = resolve.NewValidator(p.ctx, p.raw, p.o), now.Add(proofsLast)
	}
	return p.now.Share() // each question has a budget of its own
}
