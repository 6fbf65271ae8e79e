package dnsbl

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/resolve"
)

// finding says on which lists a subject is, why, and how it leaves them. The
// entries hold at least one reason of class Abuse each.
func finding(s facts.ListSubject, on []facts.ListEntry, t tally) diagnosis.Finding {
	f := diagnosis.Finding{Subject: s.Target.String()}
	var names []string
	steps := []string{cause(s)}
	for _, e := range on {
		abuse := e.Verdict.Held(dnsbl.Abuse)
		for _, r := range abuse {
			f.Severity = max(f.Severity, min(severity(r.Tier), bound(s)))
		}
		names = append(names, e.Zone.Title+": "+reasons(abuse))
		f.Evidence = append(f.Evidence, evidence(e)...)
		steps = append(steps, delisting(e))
	}
	f.Message = fmt.Sprintf("%s is on %d of %s: %s", s, len(on), plural(t.answered, "list"), strings.Join(names, "; "))
	if f.Severity < diagnosis.Warning {
		f.Message += "; few receivers use them"
	}
	if s.Target.Family() != dnsbl.Domain && !s.Sends {
		f.Message += "; no mail of the domain is known to leave from there"
	}
	f.Remedy.Steps = steps
	return f
}

// cause is the first step of every remedy: an entry comes back while its cause lasts.
func cause(s facts.ListSubject) string {
	switch {
	case s.Target.Family() == dnsbl.Domain && s.Own:
		return "Find the cause first: a hacked web site or mailbox, mailings to people who did not ask for them, or somebody who forges the domain where DMARC does not forbid it."
	case s.Target.Family() == dnsbl.Domain:
		return fmt.Sprintf("%s is not yours: send this to whoever runs it, or let your host send under a name of your own (EHLO and PTR).", s.Target)
	case s.Why == "":
		return "Before you rent, ask for another address: the entry may be a former tenant's. With a server that you have, find the cause first, or the entry comes back: look in the mail log and queue for a mailbox, web form or host that sends what its owner did not write."
	case !s.Sends:
		return "Only if mail leaves from this address too: find the cause in the mail log. An address of a provider is the provider's to clear."
	}
	return "Find the cause first, or the entry comes back: look in the mail log and queue for a mailbox, web form or host that sends what its owner did not write. If the address is a provider's, send this to its support."
}

// delisting is the step by which a subject leaves one list.
func delisting(e facts.ListEntry) string {
	return fmt.Sprintf("%s, %s: %s", e.Zone.Title, e.Zone.LookupURL(e.Subject.Target), strings.Join(e.Zone.Delisting, " "))
}

// evidence is the question to the list, its answer, and its own words.
func evidence(e facts.ListEntry) []diagnosis.Evidence {
	list := []diagnosis.Evidence{{Question: e.Question.String(), Answer: e.Answer.String()}}
	if len(e.Texts) > 0 {
		list = append(list, diagnosis.Evidence{Question: resolve.Ask(e.Question.Name, "TXT").String(), Answer: strings.Join(e.Texts, "\n")})
	}
	return list
}
