package mx

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// CNAMETarget: no MX host is an alias.
var CNAMETarget = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.cname-target",
		Title:    "No MX names an alias",
		Severity: diagnosis.Warning,
		Why:      "Most senders follow an alias behind an MX record, some refuse it, and mail from those is lost.",
		Doc: `The host of an MX record must have addresses of its own; it must not be a CNAME. Senders that obey the standard to the letter treat the host as unusable.

To fix it, name the target of the alias in the MX record, or replace the CNAME by A and AAAA records.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2181, 10.3"}, {Name: "RFC 5321, 5.1"}},
	},
	Needs: []*checks.Check{Exists, Resolves},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) { cnameTarget(env, set, v) })
	},
})

func cnameTarget(env *checks.Env, set facts.MXSet, v *diagnosis.Verdict) {
	for _, h := range set.Hosts {
		name := record.Display(h.Name)
		switch {
		case len(h.Chain) > 0:
			target := h.Chain[len(h.Chain)-1].Data
			v.Findings = append(v.Findings, diagnosis.Finding{
				Subject: name, Severity: diagnosis.Warning,
				Message:  fmt.Sprintf("MX host %s is an alias (CNAME) of %s", name, record.Display(target)),
				Evidence: []diagnosis.Evidence{{Question: "CNAME " + name, Answer: h.Chain[0].Data}},
				Remedy: diagnosis.Remedy{Edits: []record.Edit{replace(env, set, func(n string) string {
					if n == h.Name {
						return target
					}
					return n
				})}},
			})
		case !h.Literal && len(h.Answers) == 0:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: h.Errs[0].Error()})
		default:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: "no alias"})
		}
	}
}
