package smtp

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// PostmasterAccepts: people who have trouble with the domain's mail can say so.
var PostmasterAccepts = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.postmaster-accepts",
		Title:    "Mail to postmaster and abuse is accepted",
		Severity: diagnosis.Warning,
		Why:      "Reports of spam, forgery and broken delivery go to postmaster and abuse. A domain that refuses them learns nothing of it until it stands on a blocklist.",
		Doc: `Each mail host is asked whether it would take mail from the null reverse-path (as bounces have it) to postmaster@ and abuse@ the domain: MAIL, RCPT, RSET. DATA is never sent, so nobody gets a mail.

Only a refusal that speaks of the mailbox is a fault: an enhanced code 5.1.x or 5.2.x, or words to that effect. A refusal on grounds of policy (5.7.x) may be meant for the machine on which maildoctor runs, as those on home lines are on blocklists; it leaves the question open, and so does greylisting. A missing abuse@ is advice.

"Relay access denied" in answer to the domain's own address is another matter: the host is in the MX records and does not know the domain. Mail that gets there bounces. That is critical.

To fix it, make postmaster and abuse aliases of somebody's mailbox. Postfix: lines in /etc/aliases (newaliases) or virtual_alias_maps. Mailu: admin panel, Mail domains, Aliases. mailcow: Email, Configuration, Aliases. Microsoft 365: add both as e-mail addresses of a mailbox or group. Google Workspace has them of itself.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.5.1"}, {Name: "RFC 2142, 4"}, {Name: "RFC 3463, 3.2"}},
	},
	Needs: []*checks.Check{EHLOExtensions},
	Run:   postmasterAccepts,
})

func postmasterAccepts(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	return eachGreeted(ctx, env, func(a assessor) {
		if !a.Done(probe.StageEHLO) {
			return // the matter of EHLOExtensions
		}
		steps := a.Envelope(0)
		if len(steps) == 0 {
			a.doubt("was not asked for postmaster and abuse: the conversation ended at %s", a.ended())
			return
		}
		if mail := steps[0]; mail.Err != nil {
			if !temporary(a, "MAIL FROM:<>", mail) {
				a.doubt("refuses the null reverse-path from this machine, so that nobody can be asked for: %s", quoted(mail))
			}
			return
		}
		for i, rcpt := range a.Target.Envelopes[0].Rcpts[:facts.Roles] {
			if i+1 < len(steps) && !judgeRole(env, a, rcpt, steps[i+1]) {
				return
			}
		}
	})
}

// judgeRole judges the answer to one recipient, and reports whether the next is
// worth it: what a host says of policy it says of every recipient.
func judgeRole(env *checks.Env, a assessor, rcpt string, step probe.Step) bool {
	severity := diagnosis.Warning
	if strings.HasPrefix(rcpt, "abuse@") {
		severity = diagnosis.Advice
	}
	switch {
	case step.Err == nil:
		a.seen("%s: %s", rcpt, strings.Join(step.Reply.Lines, "\n"))
	case temporary(a, rcpt, step):
		return false
	case step.Err.Kind != probe.Permanent:
		a.doubt("gives no proper answer to %s: %s", rcpt, step.Err)
		return false
	case facts.AboutRelaying(step):
		a.fault(diagnosis.Critical, fmt.Sprintf("is an MX host but does not take the mail of %s: %s", record.Display(env.Domain), quoted(step)),
			[]string{
				fmt.Sprintf("Make %s a domain that the mail server accepts; in Postfix: mydestination, virtual_mailbox_domains or, on a backup MX, relay_domains.", record.Display(env.Domain)),
				fmt.Sprintf("If %s shall not take mail for it, delete its MX record.", record.Display(a.Host.Name)),
			}, probe.StageMail, probe.StageRcpt)
		return false
	case facts.AboutMailbox(step):
		a.fault(severity, fmt.Sprintf("refuses mail to %s: %s", rcpt, quoted(step)),
			[]string{fmt.Sprintf("Make %s an alias of a mailbox that somebody reads.", rcpt)}, probe.StageMail, probe.StageRcpt)
	default:
		a.doubt("refuses this machine's mail to %s, for reasons that need not hold for others: %s", rcpt, quoted(step))
		return false
	}
	return true
}

// temporary adds a doubt about an answer that may be another one later.
func temporary(a assessor, what string, step probe.Step) bool {
	how, cut := interrupted(step)
	if cut && greylisted(step) {
		a.doubt("greylists %s: %s", what, quoted(step))
	} else if cut {
		a.doubt("gave no final answer to %s: it %s", what, how)
	}
	return cut
}
