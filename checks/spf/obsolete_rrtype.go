package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// ObsoleteRRType: no record of type SPF is left.
var ObsoleteRRType = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.obsolete-rrtype",
		Title:    "No record of the retired type SPF remains",
		Severity: diagnosis.Advice,
		Why:      "Receivers read the TXT record only. A copy under type SPF is forgotten at the next change, and then misleads whoever looks at the zone.",
		Doc: `SPF once had a record type of its own, number 99. It was retired in 2014; receivers must look at TXT and at nothing else.

To fix it, delete the records of type SPF at the domain. The TXT record stays.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 3.1"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   obsoleteRRType,
})

func obsoleteRRType(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "SPF"))
	if err != nil {
		return v, err
	}
	v.Seen = []diagnosis.Evidence{{Question: answer.Question.String(), Answer: answer.String()}}
	if answer.Void() || len(answer.Chain) > 0 {
		return v, nil
	}
	v.Findings = []diagnosis.Finding{{
		Subject: name(env), Severity: diagnosis.Advice, Evidence: v.Seen,
		Message: name(env) + " has " + plural(len(answer.Records), "record") + " of the retired type SPF, which no receiver reads",
		Remedy:  diagnosis.Remedy{Edits: []record.Edit{record.Set(record.Slot{Name: env.Domain, Type: "SPF"})}},
	}}
	return v, nil
}
