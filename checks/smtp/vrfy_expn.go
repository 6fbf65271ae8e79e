package smtp

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// VRFYEXPN: mail hosts tell strangers nothing of who has a mailbox.
var VRFYEXPN = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.vrfy-expn",
		Title:    "VRFY and EXPN tell nothing about mailboxes",
		Severity: diagnosis.Advice,
		Why:      "A host that verifies names and expands lists hands out addresses to whoever collects them for spam and for guessing passwords.",
		Doc: `The host is asked to verify postmaster, a name that everybody may know, and where it lists EXPN among its extensions to expand it. An answer 252 ("cannot verify, but will try") is what RFC 5321 suggests, and a refusal is as good. An answer 250 or 251 shows that the host looks names up for strangers.

Both come at the end of the conversation, as some hosts hang up on those who try them.

To fix it: Postfix: disable_vrfy_command = yes (it knows no EXPN). Sendmail: PrivacyOptions=goaway, or novrfy and noexpn. Exim: leave acl_smtp_vrfy and acl_smtp_expn unset.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 7.3"}, {Name: "RFC 5321, 3.5.3"}},
	},
	Needs: []*checks.Check{EHLOExtensions},
	Run:   vrfyEXPN,
})

func vrfyEXPN(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	return eachGreeted(ctx, env, func(a assessor) {
		if !a.Done(probe.StageEHLO) {
			return // the matter of EHLOExtensions
		}
		asked := false
		for _, step := range a.Steps {
			if step.Stage == probe.StageVerify {
				asked = true
				judgeVerify(a, step)
			}
		}
		if !asked {
			a.doubt("was not asked to VRFY: the conversation ended at %s", a.ended())
		}
	})
}

func judgeVerify(a assessor, step probe.Step) {
	verb, _, _ := strings.Cut(step.Command, " ")
	how, cut := interrupted(step)
	switch {
	case cut:
		a.doubt("gave no final answer to %s: it %s", verb, how)
	case step.Reply.Code == 250 || step.Reply.Code == 251:
		a.fault(diagnosis.Advice, fmt.Sprintf("answers %s: %s", step.Command, quoted(step)),
			[]string{"Turn " + verb + " off; in Postfix: postconf -e disable_vrfy_command=yes, then postfix reload; in Sendmail: PrivacyOptions=goaway."}, probe.StageVerify)
	default:
		a.seen("%s: %s", verb, strings.Join(step.Reply.Lines, "\n"))
	}
}
