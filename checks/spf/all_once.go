package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// AllOnce: no second all.
var AllOnce = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.all-once",
		Title:    "all stands once",
		Severity: diagnosis.Warning,
		Why:      "Only the first all counts. If the second is the one you mean, mail is judged by a policy that you think you replaced.",
		Doc: `all matches everybody, so evaluation ends there, and a second one is dead text. It is no error.

To fix it, keep one all, at the end.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 5.1"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeProblems(ctx, env, always(diagnosis.Warning), spf.RepeatedAll)
	},
})
