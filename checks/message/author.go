package message

import (
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Author: it is clear who wrote the message.
var Author = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.author",
		Title:    "One From field names one author domain",
		Severity: diagnosis.Critical,
		Why:      "DMARC and every reader go by the domain of the From field. Where there is none, or more than one, receivers cannot tell for whom the message speaks, and refuse it.",
		Doc: `The message must have exactly one From field, with at least one address, and all addresses in it must be of one domain. Several addresses are allowed, but then a Sender field must say which of the authors sent it (RFC 5322, 3.6.2).

DMARC applies to the domain of the From field. Of a message with several From fields or author domains a receiver may apply the policy of each, or refuse it because of its form (RFC 9989, 11.5; RFC 7489, 6.6.1); Gmail refuses several From fields outright (550-5.7.1). A message that shows one author and is checked by another is what forgers want.

To fix it, let the program that writes the message set From once. Web forms must not put the visitor into From beside the site: the site's address belongs into From, the visitor's into Reply-To.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5322, 3.6.2"}, {Name: "RFC 9989, 11.5"}, {Name: "RFC 7489, 6.6.1"}},
	},
	Of:  checks.Messages,
	Run: of(author),
})

func author(v *diagnosis.Verdict, m *facts.Mail) {
	fields := m.All("From")
	domain, why := m.Author.Domain()
	if domain == "" {
		find(v, diagnosis.Critical, "From", why, shown(fields...),
			"Have the program that writes the message set one From field, with one address of your domain.")
		return
	}
	for _, a := range m.Author.Addresses {
		if a.Domain == "" {
			find(v, diagnosis.Critical, "From", fmt.Sprintf("the From field has an address without a domain name: %.100q", a.Text), shown(fields...),
				"Take the address out of the From field, or write it with its domain.")
		}
	}
	if n := len(m.Author.Addresses); n > 1 {
		if _, ok := m.First("Sender"); !ok { // RFC 5322, 3.6.2
			find(v, diagnosis.Warning, "Sender", fmt.Sprintf("the From field has %d addresses, and no Sender field says which of them sent the message", n), shown(fields...),
				"Put one author into From, or add a Sender field with one of them.")
		}
	}
	for _, p := range m.Author.Problems {
		find(v, diagnosis.Warning, "From", "the From field is not well formed, so receivers may see different authors: "+p.Message, shown(fields...),
			"Quote a display name that has more in it than letters, digits and spaces: \"Example, Inc.\" <mail@example.org>.")
		break
	}
	if len(v.Findings) == 0 {
		saw(v, "From", "%s of %s", m.Author.Addresses[0].String(), record.Display(domain))
	}
}
