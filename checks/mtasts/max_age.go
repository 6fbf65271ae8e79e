package mtasts

import (
	"context"
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
)

// MaxAge: senders remember the policy.
var MaxAge = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mtasts.max-age",
		Title:    "Senders keep the policy for longer than a day",
		Severity: diagnosis.Advice,
		Why:      "MTA-STS protects by being remembered. A policy that lives for hours is forgotten before the next message, and an attacker has only to block its next fetch.",
		Doc: `max_age is how many seconds a sender may follow the policy without fetching it again. The standard expects weeks or more: 604800 is a week, 31557600, a year, is the most. A change takes effect before that, as the id of the record tells senders to look again. Only a policy in mode enforce is judged; while testing, and on the way out, a short life is wise.

To fix it, set max_age to a week at least, and then change the id.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 3.2"}, {Name: "RFC 8461, 10.2"}},
	},
	Needs: []*checks.Check{PolicySyntax},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgePolicy(ctx, env, maxAge)
	},
})

func maxAge(s subject, v *diagnosis.Verdict) {
	const day, month = 86400, 2592000
	if s.Policy.Mode != mtasts.Enforce {
		v.Skip = fmt.Sprintf("the policy is in mode %s", s.Policy.Mode)
		return
	}
	age := s.Policy.MaxAge
	v.Seen = []diagnosis.Evidence{{Question: s.host, Answer: fmt.Sprintf("max_age: %d (%v)", age, time.Duration(age)*time.Second)}}
	if age > day {
		return
	}
	f := s.finding(diagnosis.Advice, "senders forget the policy of %s after %d seconds (max_age), a day or less", s.host, age)
	f.Remedy.Steps = republish(s.env, s.Policy.WithMaxAge(month))
	v.Findings = append(v.Findings, f)
}
