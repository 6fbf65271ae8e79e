package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// RedirectIgnored: a redirect is not in vain.
var RedirectIgnored = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.redirect-ignored",
		Title:    "redirect= takes effect",
		Severity: diagnosis.Warning,
		Why:      "A redirect beside an all is ignored: the senders of the other record are not authorised.",
		Doc: `redirect= hands the question to the record of another domain if nothing here matches. As all always matches, a record with an all never gets there, wherever the two stand.

To fix it, delete one of them: the all if the other domain's record shall decide, the redirect if this one shall. If senders of the other domain shall be let in and the all stay, write include: instead of redirect=.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 6.1"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		v, err := judgeProblems(ctx, env, always(diagnosis.Warning), spf.RedirectBesideAll)
		for i := range v.Findings {
			steps := &v.Findings[i].Remedy.Steps
			*steps = append(*steps, "If the senders of the other domain shall be let in, write include: in place of redirect= and keep the all behind it.")
		}
		return v, err
	},
})
