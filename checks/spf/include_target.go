package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// IncludeTarget: includes lead to records.
var IncludeTarget = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.include-target",
		Title:    "Every include leads to a valid record",
		Severity: diagnosis.Critical,
		Why:      "An include that leads nowhere is an error, not a no: every sender that no earlier term matches gets permerror.",
		Doc: `include: evaluates the record of another domain. If that domain does not exist, has no SPF record, has two, or has one that is broken, the evaluation ends there with permerror. Services that were shut down or renamed leave such includes behind. Whether a stranger can register the domain that is gone is judged by spf.dangling-target.

To fix it, take the include out, or name the domain that the service's manual names today.

An answer that could not be had (SERVFAIL, timeout) is a temperror for that delivery, and unknown here.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 5.2"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			judgeTargets(ctx, env, spf.Include, r, v)
			if len(v.Seen) == 0 {
				v.Seen = []diagnosis.Evidence{{Question: "include terms", Answer: "none"}}
			}
		})
	},
})
