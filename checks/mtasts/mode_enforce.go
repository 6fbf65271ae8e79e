package mtasts

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
)

// ModeEnforce: the policy protects.
var ModeEnforce = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mtasts.mode-enforce",
		Title:    "The policy is enforced",
		Severity: diagnosis.Advice,
		Why:      "Only in mode enforce do senders refuse to deliver to a host that is not yours, or without TLS.",
		Doc: `In mode testing senders deliver whatever the host shows, and say in TLS reports what they would not have delivered. It is where every policy begins. In mode none they act as if there were no policy; that is how a policy is taken back, and the last word before both record and file are deleted.

To go on, look at some weeks of TLS reports (tlsrpt.record). If they show no failure of your own hosts, change the mode to enforce and then the id. While mtasts.mx-covered or mtasts.enforce-cert find something, stay with testing: in enforce that would be lost mail.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 5"}, {Name: "RFC 8461, 8.3"}},
	},
	Needs: []*checks.Check{PolicySyntax},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgePolicy(ctx, env, modeEnforce)
	},
})

func modeEnforce(s subject, v *diagnosis.Verdict) {
	v.Seen = []diagnosis.Evidence{{Question: s.host, Answer: "mode: " + string(s.Policy.Mode)}}
	enforcing := republish(s.env, s.Policy.WithMode(mtasts.Enforce))
	switch s.Policy.Mode {
	case mtasts.Testing:
		f := s.finding(diagnosis.Advice, "the policy of %s is in mode testing: senders report what fails, and deliver all the same", s.host)
		f.Remedy.Steps = append([]string{"See in the TLS reports of some weeks that nothing fails."}, enforcing...)
		v.Findings = append(v.Findings, f)
	case mtasts.None:
		f := s.finding(diagnosis.Advice, "the policy of %s is in mode none: senders act as if there were no policy", s.host)
		f.Remedy.Steps = append([]string{"If the policy is being taken back, wait until the longest max_age it ever had is over and delete the record and the file. Else:"},
			republish(s.env, s.Policy.WithMode(mtasts.Testing))...)
		v.Findings = append(v.Findings, f)
	}
}
