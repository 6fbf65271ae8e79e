package dmarc

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// LookupConclusive: every answer on which the policy depends came. It never
// fails: an answer that did not come proves nothing.
var LookupConclusive = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.lookup-conclusive",
		Title:    "The answers from which the policy follows are conclusive",
		Severity: diagnosis.Warning,
		Why:      "A name server that does not answer is not a missing record. Receivers that meet the same failure defer mail or let forged mail pass.",
		Doc: `The policy is looked for at _dmarc of the domain and of its parents, at most eight names. SERVFAIL, a refusal or a timeout at one of them leaves open which record applies, unless a record nearer to the domain decides it anyway. Then nothing else is concluded about DMARC.

To find the cause, ask the name servers of the zone in question by hand; a SERVFAIL of one name only is most often a broken DNSSEC signature or a delegation to a server that does not know the zone. Then examine again.

Receivers choose for themselves what to do: some let the message pass as if there were no policy, some answer 4xx and wait.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.10.1"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   lookupConclusive,
})

func lookupConclusive(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, err := facts.DMARC.Of(ctx, env)
	if err != nil {
		return v, err
	}
	for _, step := range p.Steps {
		if !step.Beyond {
			v.Seen = append(v.Seen, answer(step))
		}
	}
	for _, step := range p.Steps {
		if step.Err != nil && !step.Beyond && len(p.Undecided) > 0 {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: "_dmarc." + record.Display(step.Domain), Reason: step.Err.Error()})
		}
	}
	return v, nil
}
