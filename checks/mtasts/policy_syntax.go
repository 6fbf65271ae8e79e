package mtasts

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// PolicySyntax: the policy says something.
var PolicySyntax = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mtasts.policy-syntax",
		Title:    "The policy follows the grammar",
		Severity: diagnosis.Warning,
		Why:      "Senders ignore a policy that they cannot read, and go on as if there were none.",
		Doc: `A policy is a list of lines, each a name, a colon and a value: version: STSv1, mode: enforce (or testing, or none), one mx line for each host name or wildcard, and max_age, the seconds that senders may keep it, at most 31557600. All are needed, mx only where the mode is not none. Names and values are written in lower case as here. Unknown fields are ignored; of a field that stands twice, mx aside, the first counts.

The most frequent faults are several hosts in one mx line, a host with a final dot, max-age for max_age, and a page in HTML in place of the file.

To fix it, put the corrected lines in place and then change the id of the record, so that senders fetch the file again.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 3.2"}},
	},
	Needs: []*checks.Check{PolicyFetch},
	Run:   policySyntax,
})

func policySyntax(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, skip, err := policy(ctx, env)
	if v.Skip = skip; err != nil || skip != "" {
		return v, err
	}
	if err := undecided(p.Fetch); err != nil {
		return v, err
	}
	if !p.Served() {
		v.Skip = "senders are served no policy"
		return v, nil
	}
	s := subject{p, env, record.Display(p.Host)}
	for i, problem := range gravestFirst(p.Problems) {
		where := ""
		if problem.Line > 0 {
			where = fmt.Sprintf(", line %d", problem.Line)
		}
		f := s.finding(gravity(problem), "the policy of %s%s: %s", s.host, where, problem.Message)
		if i == maxFaults {
			f.Message = fmt.Sprintf("the policy of %s has %d more faults", s.host, len(p.Problems)-i)
		}
		if i == 0 { // one file cures them all
			f.Remedy.Steps = corrected(ctx, env, p.Policy)
		}
		v.Findings = append(v.Findings, f)
		if i == maxFaults {
			break
		}
	}
	v.Seen = []diagnosis.Evidence{{Question: s.host, Answer: p.Policy.String()}}
	return v, nil
}

// corrected is the steps to the policy that was meant, as far as that is plain.
func corrected(ctx context.Context, env *checks.Env, p mtasts.Policy) []string {
	const week = 604800
	if p.Mode == "" {
		p.Mode = mtasts.Testing
	}
	if p.MaxAge == 0 {
		p.MaxAge = week
	}
	if set, err := facts.MX.Of(ctx, env); err == nil && p.Mode != mtasts.None {
		p = p.WithMX(hosts(set)...)
	}
	return republish(env, p)
}
