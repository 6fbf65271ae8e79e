package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// AllPresent: the record says what becomes of everybody else.
var AllPresent = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.all-present",
		Title:    "The record ends in ~all, -all or redirect=",
		Severity: diagnosis.Warning,
		Why:      "Without an all, or with ?all, mail from senders that you never authorised is neutral: SPF protects nobody.",
		Doc: `Where no mechanism matches and there is no all, the result is neutral, as it is with ?all: the record lists your senders, but does not say that the others are none.

To fix it, end the record in ~all (softfail). Go on to -all (fail) only where all legitimate senders are known, since some receivers then refuse forwarded mail before they look at DKIM.

Only the domain's own record is judged. An all inside an included record never ends the outer one.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.7"}, {Name: "RFC 7208, 5.1"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) { allPresent(ctx, env, r, v) })
	},
})

func allPresent(ctx context.Context, env *checks.Env, r facts.SPFRecord, v *diagnosis.Verdict) {
	all, ok := r.Record.All()
	redirect, redirects := r.Record.Redirect()
	message := "SPF of %s has no all: senders that it does not name are neutral"
	switch {
	case ok && all.Qualifier == spf.Plus:
		v.Skip = "+all is the matter of spf.all-permissive"
		return
	case ok && all.Qualifier != spf.Question:
		v.Seen = []diagnosis.Evidence{{Question: "senders that match nothing else", Answer: all.String()}}
		return
	case redirects:
		v.Seen = []diagnosis.Evidence{{Question: "senders that match nothing else", Answer: clip(redirect.String())}}
		return
	case ok:
		message = "SPF of %s ends in ?all: senders that it does not name are neutral"
	}
	f := finding(env, r, diagnosis.Warning, message, name(env))
	f.Remedy = remedy(ctx, env)
	v.Findings = append(v.Findings, f)
}
