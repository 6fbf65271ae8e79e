package dkim

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// TestingFlag: t=y is off.
var TestingFlag = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.testing-flag",
		Title:    "The key is not in test mode (t=y)",
		Severity: diagnosis.Warning,
		Why:      "A signature in test mode earns no more trust than none: receivers may treat the mail as unsigned.",
		Doc: `The flag t=y says that the domain is trying DKIM out. Verifiers must not treat such mail differently from unsigned mail, even when the signature fails. It is often left over from the first days.

To fix it, publish the record without the flag.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.1"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeFrom(ctx, env, useStage, testingFlag)
	},
})

func testingFlag(s subject, v *diagnosis.Verdict) {
	if !s.key().Testing() {
		s.saw(v, "no t=y")
		return
	}
	f := s.finding(diagnosis.Warning, "the key at %s is in test mode (t=y): receivers may treat the mail as unsigned", s.name())
	if key, ok := s.cured(); ok {
		f.Remedy = s.remedy(key)
	}
	v.Findings = append(v.Findings, f)
}
