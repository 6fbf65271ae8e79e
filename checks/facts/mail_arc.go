package facts

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
)

// ARCChain is the fact of the ARC chain of the message that is examined. It has
// no error: a chain that depends on an answer that did not come is Temporary.
var ARCChain = checks.NewFact("the ARC chain", func(ctx context.Context, env *checks.Env) (arc.Chain, error) {
	m, err := Message.Of(ctx, env)
	if err != nil || m == nil {
		return arc.Chain{Status: arc.None}, err
	}
	return arc.Validate(ctx, m.Message, arcVerifier{env}), ctx.Err()
})

// An arcVerifier verifies the signatures of a chain as DKIM does.
type arcVerifier struct{ env *checks.Env }

func (x arcVerifier) MessageSignature(ctx context.Context, m *message.Message, field int) arc.Check {
	return arcCheck(dkim.VerifyMessageSignature(ctx, x.env.DNS, m, field, x.env.Now()))
}

func (x arcVerifier) Seal(ctx context.Context, m *message.Message, field int, covered []int) arc.Check {
	return arcCheck(dkim.VerifySeal(ctx, x.env.DNS, m, field, covered, x.env.Now()))
}

func arcCheck(v dkim.Verdict) arc.Check {
	return arc.Check{Result: string(v.Code), Cause: v.Cause, Body: arc.Trial(v.Body), Header: arc.Trial(v.Header)}
}
