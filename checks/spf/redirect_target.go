package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// RedirectTarget: a redirect leads to a record.
var RedirectTarget = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.redirect-target",
		Title:    "redirect= leads to a valid record, without a loop",
		Severity: diagnosis.Critical,
		Why:      "A redirect that leads nowhere, or back, is an error: every sender that no term matches gets permerror.",
		Doc: `redirect= hands the whole question to the record of another domain. If that domain does not exist, has no SPF record, has two, or has one that is broken, the result is permerror; so it is where redirects lead back to where they came from.

To fix it, name a domain whose record is there, or replace the redirect by the mechanisms you need and ~all.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 6.1"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			judgeTargets(ctx, env, spf.Redirect, r, v)
			for _, c := range r.Tree.Cycles {
				if !c.Redirects() {
					continue // spf.include-loop
				}
				f := finding(env, r, diagnosis.Critical, "SPF of %s runs into a loop of redirects: %s; evaluation ends in permerror", name(env), c)
				f.Evidence = append(f.Evidence, loopEvidence(r, c)...)
				f.Remedy = loopRemedy(ctx, env, c)
				v.Findings = append(v.Findings, f)
			}
			if len(v.Seen) == 0 {
				v.Seen = []diagnosis.Evidence{{Question: "redirect", Answer: "none"}}
			}
		})
	},
})
