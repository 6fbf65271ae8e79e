package dmarc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// RUAAccepts: reports find a mailbox.
var RUAAccepts = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.rua-accepts",
		Title:    "The mailboxes that reports go to accept mail",
		Severity: diagnosis.Warning,
		Why:      "A report that is refused is sent once and never again. A misspelled or deleted mailbox shows by nothing but the silence, which looks like a domain that nobody forges.",
		Doc: `For each mail address in rua and ruf a mail host of its domain is asked by RCPT whether it would take a mail from the null reverse-path. DATA is never sent, so nothing arrives. Addresses on the domain's own mail hosts are asked for in the conversation that is held with those anyway; other domains, three at most, get one conversation with the best host that answers. The well-known report services are not asked.

A refusal that speaks of the mailbox, or of the domain ("relay access denied"), is a fault. One on grounds of policy (5.7.x) may be meant for the machine on which maildoctor runs, and a temporary one (4yz) for strangers (greylisting): they leave the question open, as does a host that was not reached. A host that takes mail for any mailbox accepts a misspelled one, too; where that shows it is said.

To fix it, create the mailbox, or an alias of one that a person or a program reads, or correct the address in the record. Mind that the mailbox has to take mail with attachments from anybody.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 3.3"}, {Name: "RFC 9990, 3"}, {Name: "RFC 3463, 3.2"}},
	},
	Needs: []*checks.Check{Exists, RUAPresent, RUADomainMX},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		if env.SMTP == nil {
			return diagnosis.Verdict{Skip: "SMTP conversations are turned off"}, nil
		}
		domains, err := facts.ReportDomains.Of(ctx, env)
		if err != nil {
			return diagnosis.Verdict{}, err
		}
		sessions, err := facts.Sessions.Of(ctx, env)
		if err != nil {
			return diagnosis.Verdict{}, err
		}
		return judgeRecord(ctx, env, func(s subject, v *diagnosis.Verdict) {
			for _, d := range domains {
				ruaAccepts(s, d, sessions, v)
			}
			if len(v.Seen)+len(v.Findings)+len(v.Doubts) == 0 {
				v.Skip = cmp.Or(sessions.Off, "no report address with a domain")
			}
		})
	},
})

// ruaAccepts judges the mailboxes of one domain.
func ruaAccepts(s subject, d facts.ReportDomain, sessions facts.SessionSet, v *diagnosis.Verdict) {
	name := record.Display(d.Name)
	doubt := func(format string, args ...any) {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: fmt.Sprintf(format, args...)})
	}
	switch {
	case d.Service != "":
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: "a report service (" + d.Service + "), which is not asked"})
		return
	case d.Off != "":
		doubt("%s was not asked for its mailboxes: %s", name, d.Off)
		return
	case d.Shared && sessions.Off != "":
		return // see mx.exists
	}
	for _, mailbox := range d.Mailboxes {
		judgeMailbox(s, d, mailbox, d.Receptions(sessions, mailbox), v)
	}
	for _, mailbox := range d.Omitted {
		doubt("%q was not asked for", mailbox)
	}
}

// judgeMailbox judges what hosts said of one mailbox. The first that says yes or
// no is the one that a report would be sent to.
func judgeMailbox(s subject, d facts.ReportDomain, mailbox string, list []facts.Receipt, v *diagnosis.Verdict) {
	conclusive := func(r facts.Receipt) bool {
		return r.Reception == facts.Accepted || r.Reception == facts.NoMailbox || r.Reception == facts.NotServed
	}
	i := slices.IndexFunc(list, conclusive)
	if i < 0 {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(d.Name), Reason: unsaid(mailbox, list)})
		return
	}
	r := list[i]
	host := record.Display(r.Session.Target.Host)
	if r.Reception == facts.Accepted {
		answer := host + ": " + strings.Join(r.Step.Reply.Lines, "\n")
		if anybody, _ := (facts.HostSession{Session: r.Session}).Reception(facts.Unlikely(s.env)); d.Shared && anybody == facts.Accepted {
			answer += "; it takes mail for any mailbox of " + s.name
		}
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: mailbox, Answer: answer})
		return
	}
	f := diagnosis.Finding{
		Subject: record.Display(d.Name), Severity: diagnosis.Warning,
		Message:  fmt.Sprintf("reports to %s are lost: mail host %s refuses them: %q", mailbox, host, clip(r.Step.Reply.String())),
		Evidence: []diagnosis.Evidence{answer(*s.Policy), r.Session.Evidence(probe.StageMail, probe.StageRcpt)},
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Create the mailbox %s, or an alias of one that somebody reads.", mailbox),
			fmt.Sprintf("Or name another address in the record at %s.", s.at()),
		}},
	}
	if r.Reception == facts.NotServed {
		f.Remedy.Steps[0] = fmt.Sprintf("Let %s take the mail of %s, or correct the MX records of %s.", host, record.Display(d.Name), record.Display(d.Name))
	}
	v.Findings = append(v.Findings, f)
}

// unsaid is why nobody said yes or no to a mailbox.
func unsaid(mailbox string, list []facts.Receipt) string {
	for _, r := range list {
		host := record.Display(r.Session.Target.Host)
		switch {
		case r.Reception == facts.Rejected:
			return fmt.Sprintf("mail host %s refuses this machine's mail to %s, for reasons that need not hold for others: %q", host, mailbox, clip(r.Step.Reply.String()))
		case r.Reception == facts.Deferred && r.Step.Err.Kind == probe.Temporary:
			return fmt.Sprintf("mail host %s refuses %s for now: %q", host, mailbox, clip(r.Step.Reply.String()))
		case r.Session.Err != nil:
			return fmt.Sprintf("mail host %s was not asked for %s: %s", host, mailbox, r.Session.Err)
		}
	}
	return mailbox + " was not asked for: no mail host was reached"
}

// clip keeps a message readable where a host says much.
func clip(said string) string {
	const most = 160
	if len(said) > most {
		return said[:most] + "…"
	}
	return said
}
