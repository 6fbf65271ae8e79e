package dmarc

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
)

// PolicyTag: p is there, right behind v.
var PolicyTag = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.policy-tag",
		Title:    "The tag p is present and second",
		Severity: diagnosis.Warning,
		Why:      "Receivers that still follow RFC 7489 may discard a record in which p does not follow right behind v, and with it every protection.",
		Doc: `For RFC 9989 the tags behind v may stand in any order, and an absent p means p=none, if there is a valid report address; without one the record has no effect. For RFC 7489, which many receivers still follow, p is required and must be the second tag; strict implementations ignore the record otherwise.

To fix it, write p right behind v: v=DMARC1; p=...`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 7489, 6.3"}, {Name: "RFC 7489, 6.4"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, policyTag)
	},
})

func policyTag(s subject, v *diagnosis.Verdict) {
	r := *s.Policy.Record
	if r.Policy == "" && len(s.problems(dmarc.Grammar, dmarc.Value, dmarc.Unknown)) > 0 {
		v.Skip = s.unreadable()
		return
	}
	for _, p := range s.problems(dmarc.Order) {
		f := s.finding(diagnosis.Warning, "%s: %s", s.at(), p.Message)
		f.Remedy = s.republish()
		v.Findings = append(v.Findings, f)
	}
	v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: "p=" + string(r.Policy)}}
}
