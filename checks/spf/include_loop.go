package spf

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// IncludeLoop: no record includes itself, over however many others.
var IncludeLoop = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.include-loop",
		Title:    "Includes form no cycle",
		Severity: diagnosis.Critical,
		Why:      "A receiver that walks into a loop of includes stops after ten lookups with permerror, for every sender that no earlier term matches.",
		Doc: `A record that includes itself, directly or by way of others, never ends. Receivers give up at the tenth lookup.

To fix it, take one of the includes of the cycle out. A record need never include itself: what it has to say it says already. Where the cycle lies wholly in records of others, tell their owner, and name the addresses that you need yourself until then.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.4"}},
	},
	Needs: followable,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			for _, c := range r.Tree.Cycles {
				if c.Redirects() {
					continue // spf.redirect-target
				}
				f := finding(env, r, diagnosis.Critical, "SPF of %s runs into a loop of includes: %s; evaluation ends in permerror", name(env), c)
				f.Evidence = append(f.Evidence, loopEvidence(r, c)...)
				f.Remedy = loopRemedy(ctx, env, c)
				v.Findings = append(v.Findings, f)
			}
			followed(r, v)
		})
	},
})

// loopEvidence is the records of a cycle other than the domain's own.
func loopEvidence(r facts.SPFRecord, c spf.Cycle) []diagnosis.Evidence {
	var list []diagnosis.Evidence
	for _, domain := range c.Domains[:len(c.Domains)-1] {
		for n := range r.Tree.Root.All() {
			if n.Depth > 0 && n.Domain == domain && n.Text != "" {
				list = append(list, diagnosis.Evidence{Question: "TXT " + display(domain), Answer: n.Text})
				break
			}
		}
	}
	return list
}

// loopRemedy is the cure where the domain's own record includes itself, and a
// step where the loop is closed by another record.
func loopRemedy(ctx context.Context, env *checks.Env, c spf.Cycle) diagnosis.Remedy {
	last := len(c.Terms) - 1
	if c.Domains[last] == env.Domain {
		return remedy(ctx, env)
	}
	step := fmt.Sprintf("Take %q out of the SPF record of %s; if that is not yours, tell its owner.", c.Terms[last], display(c.Domains[last]))
	return diagnosis.Remedy{Steps: []string{step}}
}

// followed adds the doubts of includes and redirects that were not answered, and
// otherwise how many records were read.
func followed(r facts.SPFRecord, v *diagnosis.Verdict) {
	records := 1
	for n := range r.Tree.Root.All() {
		switch {
		case n.Term.Kind != spf.Include && n.Term.Kind != spf.Redirect:
		case n.State == spf.Unanswered:
			v.Doubts = append(v.Doubts, doubt(n))
		case n.Text != "":
			records++
		}
	}
	v.Seen = []diagnosis.Evidence{{Question: "SPF records read", Answer: fmt.Sprint(records)}}
}
