package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// TestingFlag: t=y is off.
var TestingFlag = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.testing-flag",
		Title:    "The policy is not in test mode (t=y)",
		Severity: diagnosis.Warning,
		Why:      "With t=y the policy counts one step less for receivers of RFC 9989, and in full for those of RFC 7489: mail is treated differently from place to place.",
		Doc: `The tag t=y asks receivers to apply the next weaker policy: quarantine in place of reject, none in place of quarantine. It is meant for the days in which a stricter policy is tried out. Receivers that still follow RFC 7489 do not know the tag and enforce the policy as it stands.

To fix it, drop the tag when the trial is over; until then a weaker p says the same to everybody.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, testingFlag)
	},
})

func testingFlag(s subject, v *diagnosis.Verdict) {
	r := *s.Policy.Record
	policy, _ := r.Stated(s.Relation)
	switch {
	case !r.Testing:
		v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: "no t=y"}}
		return
	case policy.Strength() == 0:
		v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: fmt.Sprintf("t=y, without effect on the policy %s", policy)}}
		return
	}
	f := s.finding(diagnosis.Warning, "%s has t=y: receivers of RFC 9989 treat %s as %s, those of RFC 7489 enforce it in full", s.at(), policy, r.InForce(s.Relation))
	f.Remedy.Steps = []string{
		"When the reports show that all your own mail passes, publish " + line(s.Policy.Domain, s.cured().WithTesting(false)) + ".",
	}
	v.Findings = []diagnosis.Finding{f}
}
