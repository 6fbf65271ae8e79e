package dmarc

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
)

// RemovedTags: no tag is used that RFC 9989 removed.
var RemovedTags = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.removed-tags",
		Title:    "No tag is used that RFC 9989 removed",
		Severity: diagnosis.Advice,
		Why:      "Receivers of RFC 9989 ignore these tags, those of RFC 7489 obey them: with a pct below 100 the same mail is not treated alike, and behind a size limit reports go missing.",
		Doc: `RFC 9989 removed pct, rf and ri, and the size limit behind a report address (mailto:...!10m). Receivers that follow it ignore them; those of RFC 7489 obey. rf, ri and pct=100 do nothing and can go. pct below 100 splits the receivers: RFC 7489 applies the policy to that share of failing mail and the next weaker one to the rest, RFC 9989 applies it to all.

To fix it, drop the tags. Where pct was meant as a way to begin, choose: pct=0 is the next weaker policy, and for a share between there is no equal.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, A.6"}, {Name: "RFC 9989, 4.8"}, {Name: "RFC 7489, 6.6.4"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, removedTags)
	},
})

func removedTags(s subject, v *diagnosis.Verdict) {
	v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: "none of pct, rf, ri and size limits"}}
	add := func(severity diagnosis.Severity, format string, args ...any) {
		f := s.finding(severity, format, args...)
		if len(v.Findings) == 0 { // one record cures them all
			f.Remedy = without(s)
		}
		v.Findings = append(v.Findings, f)
		v.Seen = s.seen()
	}
	var idle []string
	for _, p := range s.problems(dmarc.Obsolete) {
		switch {
		case p.Effect == dmarc.Harmless:
			idle = append(idle, p.Tag)
		case p.Tag == "pct" && s.Policy.Record.Policy.Strength() > 0:
			add(diagnosis.Warning, "%s: %s", s.at(), p.Message)
		default:
			add(diagnosis.Advice, "%s: %s", s.at(), p.Message)
		}
	}
	if len(idle) > 0 {
		add(diagnosis.Advice, "%s: RFC 9989 removed %s, without effect on how mail is treated", s.at(), strings.Join(idle, ", "))
	}
}

// without is the record that means the same to everybody. A share between 0 and
// 100 has no such record.
func without(s subject) diagnosis.Remedy {
	if percent := s.Policy.Record.Percent(); 0 < percent && percent < 100 && s.Policy.Record.Policy.Strength() > 0 {
		r := s.cured()
		r.Removed = nil
		return diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("If the reports show that all your own mail passes, publish %s.", line(s.Policy.Domain, r)),
			fmt.Sprintf("If not yet, publish %s.", line(s.Policy.Domain, r.Weaker())),
		}}
	}
	return s.republish()
}
