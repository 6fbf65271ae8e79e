package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// MissingSpace: terms do not run together.
var MissingSpace = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.missing-space",
		Title:    "Terms are separated by spaces",
		Severity: diagnosis.Critical,
		Why:      "Two terms without a space between them read as one that is wrong: receivers answer permerror, or look up a name that does not exist.",
		Doc: `Terms are separated by one or more spaces, never by commas or semicolons. ip4:192.0.2.1~all is a syntax error; include:example.com-all is worse, because it is a valid include of the domain "example.com-all".

The space is often lost where a long record is split into strings of 255 octets: receivers join the strings without adding one, so the space has to stand inside the quotation marks.

To fix it, put the space in.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.1"}, {Name: "RFC 7208, 3.3"}},
	},
	Needs: []*checks.Check{Exists, SingleRecord},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeProblems(ctx, env, always(diagnosis.Critical), spf.MissingSpace)
	},
})
