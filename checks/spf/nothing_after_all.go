package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// NothingAfterAll: no mechanism is out of reach.
var NothingAfterAll = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.nothing-after-all",
		Title:    "No mechanism follows all",
		Severity: diagnosis.Warning,
		Why:      "Mechanisms behind all are never reached: the senders that they name are not authorised.",
		Doc: `Receivers read from left to right and stop at the first match, and all always matches. What follows it is ignored without an error, which is why a provider that was added at the end of the record seems to be there.

To fix it, move all to the end of the record.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 5.1"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeProblems(ctx, env, always(diagnosis.Warning), spf.AfterAll)
	},
})
