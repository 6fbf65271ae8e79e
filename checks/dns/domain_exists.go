package dns

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// DomainExists is the cause of everything else where it fails, and where it
// cannot be told nothing else can.
var DomainExists = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.domain-exists",
		Title:    "The domain exists",
		Severity: diagnosis.Critical,
		Why:      "Nobody can send mail to a domain that does not exist, and receivers refuse mail that claims to come from one.",
		Doc: `The name servers say that the name does not exist (NXDOMAIN). That is so for every type of record, so nothing else is judged.

To fix it, check the spelling first; then, at the registrar, that the registration has not ended and that the domain is delegated to name servers that serve it.

Where the resolver gives no answer at all, or does not even know the root of the DNS, as in a network without a way to the internet, nothing can be told of the domain: name another resolver with --resolver.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2308, 2.1"}, {Name: "RFC 8020, 2"}},
	},
	Run: domainExists,
})

func domainExists(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, err := facts.Domain.Of(ctx, env)
	if err != nil {
		return v, err
	}
	domain := record.Display(env.Domain)
	for _, a := range p.Answers {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: a.Question.String(), Answer: a.String()})
	}
	doubt := func(format string, args ...any) {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: domain, Reason: fmt.Sprintf(format, args...)})
	}
	switch {
	case p.Exists:
		v.Seen = []diagnosis.Evidence{{Question: domain, Answer: domain + " exists"}}
	case p.RootErr != nil && len(p.Answers) == 0:
		doubt("the resolver does not answer (%v): check the network, or name another with --resolver", p.RootErr)
	case p.RootErr == nil && p.Root.Void():
		doubt("the resolver does not know the root of the DNS, so it does not speak for the internet: name another with --resolver")
	case len(p.Answers) == 0:
		return v, p.Errs[0]
	default:
		v.Findings = []diagnosis.Finding{{
			Subject: domain, Severity: diagnosis.Critical, Evidence: v.Seen[:1],
			Message: domain + " does not exist (NXDOMAIN)",
			Remedy: diagnosis.Remedy{Steps: []string{
				"Check the spelling of " + record.Unicode(env.Domain) + ".",
				"If it is right, see at the registrar that the registration has not ended, and that the domain is delegated to name servers that serve it.",
			}},
		}}
	}
	return v, nil
}
