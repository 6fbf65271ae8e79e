package daemon

import (
	"context"
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
	ctx  context.Context
	raw  resolve.Exchanger
	o    resolve.SecureOptions
	mu   sync.Mutex
	now  *resolve.Validator
	till time.Time
}

// NewProofs asks raw under ctx; see resolve.NewValidator.
func NewProofs(ctx context.Context, raw resolve.Exchanger, o resolve.SecureOptions) *Proofs {
	return &Proofs{ctx: ctx, raw: raw, o: o}
}

// Secure implements [deliver.Security].
func (p *Proofs) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	return p.validator().Secure(ctx, q)
}

func (p *Proofs) validator() *resolve.Validator {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.now == nil || !now.Before(p.till) {
		p.now, p.till = resolve.NewValidator(p.ctx, p.raw, p.o), now.Add(proofsLast)
	}
	return p.now.Share() // each question has a budget of its own
}
