package mx

import (
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

// BackupPolicy: a backup MX knows whom the others know.
var BackupPolicy = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.backup-policy",
		Title:    "A secondary MX refuses unknown users, as the primary does",
		Severity: diagnosis.Warning,
		Why:      "A backup MX that takes mail for anybody has to return what the primary then refuses: to senders that spammers made up. Such backscatter puts it on blocklists, and spammers try the backup first because it asks no questions.",
		Doc: `Each mail host is asked by RCPT, once in a conversation and without DATA, whether it would take mail for a mailbox that surely does not exist. Where a host refuses it and another of the same or a higher preference number takes it, the second is named. Postmaster, which every host takes, is the counter-proof: who refuses that as well has other reasons.

That all hosts take it is no fault: the domain has a catch-all, or its service takes everything and sorts it out later. A temporary refusal leaves the question open, and so does a host that was not reached, unless another two show the difference.

To fix it, give the backup the list of mailboxes: in Postfix relay_recipient_maps, copied or asked for over LDAP or SQL, or reject_unverified_recipient, which asks the primary and remembers; in Exim "verify = recipient/callout=use_sender"; in Exchange recipient filtering. If nobody looks after the backup, delete its MX record: senders keep mail for four to five days by themselves (RFC 5321, 4.5.4.1), so few domains need one.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 3.6.2"}, {Name: "RFC 5321, 6.1"}, {Name: "RFC 3834, 2"}, {Name: "RFC 5321, 4.5.4.1"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		sessions, err := facts.Sessions.Of(ctx, env)
		if err != nil {
			return diagnosis.Verdict{}, err
		}
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) {
			if v.Skip = sessions.Off; v.Skip == "" {
				backupPolicy(env, set, sessions, v)
			}
		})
	},
})

// A stance is what a host says of a mailbox that does not exist.
type stance struct {
	facts.Host
	reception facts.Reception
	step      probe.Step
	session   probe.Session
}

func backupPolicy(env *checks.Env, set facts.MXSet, sessions facts.SessionSet, v *diagnosis.Verdict) {
	list := stances(env, set, sessions)
	if len(list) < 2 {
		v.Seen = append(seen(set), diagnosis.Evidence{Question: "mail hosts", Answer: "only one, so there is no backup to differ"})
		return
	}
	strict := slices.IndexFunc(list, func(s stance) bool { return s.reception == facts.NoMailbox })
	for _, s := range list {
		name := record.Display(s.Name)
		switch {
		case s.reception == facts.Accepted && strict >= 0 && s.Preference >= list[strict].Preference:
			v.Findings = append(v.Findings, careless(env, list[strict], s))
		case s.reception == facts.Accepted:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: "takes mail for any mailbox"})
		case s.reception == facts.NoMailbox:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: "refuses unknown mailboxes: " + s.step.Reply.String()})
		case s.matters(list):
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: name + " " + s.why()})
		}
	}
	if len(v.Findings)+len(v.Doubts)+len(v.Seen) == 0 {
		v.Doubts = []diagnosis.Doubt{{Reason: "no mail host said what it does with unknown mailboxes; " + record.Display(list[0].Name) + " " + list[0].why()}}
	}
}

// matters reports whether a stance that is not known could make another one, or
// itself, a fault.
func (s stance) matters(list []stance) bool {
	return slices.ContainsFunc(list, func(other stance) bool {
		return other.reception == facts.Accepted && other.Preference >= s.Preference ||
			other.reception == facts.NoMailbox && other.Preference <= s.Preference
	})
}

// stances is what each host says, the most preferred first. Of several addresses
// of one the first that says something counts, and one that takes the mail most.
func stances(env *checks.Env, set facts.MXSet, sessions facts.SessionSet) []stance {
	var list []stance
	for _, h := range set.Hosts {
		if slices.ContainsFunc(list, func(s stance) bool { return s.Name == h.Name }) || h.Known() && len(h.Addrs) == 0 {
			continue
		}
		best := stance{Host: h}
		for _, s := range sessions.List {
			if s.Host.Name != h.Name {
				continue
			}
			reception, step := s.Reception(facts.Unlikely(env))
			known := best.reception == facts.Accepted || best.reception == facts.NoMailbox
			if reception == facts.Accepted || !known {
				best = stance{Host: h, reception: reception, step: step, session: s.Session}
			}
		}
		list = append(list, best)
	}
	return list
}

// why is why a host's stance is not known, in words that follow its name.
func (s stance) why() string {
	switch {
	case s.step.Err != nil && s.step.Err.Kind == probe.Temporary:
		return fmt.Sprintf("says for now: %q", s.step.Reply.String())
	case s.step.Err != nil && s.step.Err.Kind == probe.Permanent:
		return fmt.Sprintf("refuses this machine, whoever the mail is for: %q", s.step.Reply.String())
	case s.session.Err != nil:
		return "was not asked about unknown mailboxes: " + s.session.Err.Error()
	}
	return "was not asked about unknown mailboxes"
}

// careless is the finding of a host that takes what another refuses.
func careless(env *checks.Env, strict, s stance) diagnosis.Finding {
	name, other := record.Display(s.Name), record.Display(strict.Name)
	what := fmt.Sprintf("backup %s (preference %d)", name, s.Preference)
	if s.Preference == strict.Preference {
		what = fmt.Sprintf("mail host %s (preference %d, too)", name, s.Preference)
	}
	return diagnosis.Finding{
		Subject: name, Severity: diagnosis.Warning,
		Message: fmt.Sprintf("%s takes mail for mailboxes that do not exist, which %s (preference %d) refuses: it has to return it, to senders that are made up",
			what, other, strict.Preference),
		Evidence: []diagnosis.Evidence{dialogue(s), dialogue(strict)},
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Give %s the list of mailboxes, or let it ask %s before it accepts a recipient; in Postfix: relay_recipient_maps, or reject_unverified_recipient in smtpd_recipient_restrictions.", name, other),
			fmt.Sprintf("Or delete the MX record of %s: senders keep mail for days while the other hosts of %s are down.", name, record.Display(env.Domain)),
		}},
	}
}

// dialogue is the one question and answer that matters.
func dialogue(s stance) diagnosis.Evidence {
	return diagnosis.Evidence{
		Question: "SMTP " + s.session.Target.Endpoint(),
		Answer:   "> " + s.step.Command + "\n< " + strings.Join(s.step.Reply.Lines, "\n< "),
	}
}
