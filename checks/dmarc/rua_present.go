package dmarc

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
)

// maxServed is how many addresses of rua every receiver serves; more it may skip.
const maxServed = 2 // RFC 7489, 6.2

// RUAPresent: aggregate reports have somewhere to go.
var RUAPresent = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.rua-present",
		Title:    "Aggregate reports have a usable address",
		Severity: diagnosis.Warning,
		Why:      "Without reports nobody sees who sends in the domain's name, nor which of your own mail fails.",
		Doc: `The tag rua names where receivers send their daily reports: mailto: URIs with commas between them. An address without "mailto:" in front is not a URI and gets nothing. Receivers need to serve two addresses; many skip the third.

To fix it, name a mailbox that somebody or a report service reads. One at another domain needs that domain's consent (see dmarc.report-authorised).`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.6"}, {Name: "RFC 9989, 4.7"}, {Name: "RFC 9990, 3"}, {Name: "RFC 7489, 6.2"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, ruaPresent)
	},
})

func ruaPresent(s subject, v *diagnosis.Verdict) {
	r := *s.Policy.Record
	malformed := s.problems(dmarc.Address)
	switch {
	case len(r.RUA) == 0 && len(malformed) == 0 && len(s.problems(dmarc.Grammar, dmarc.Value, dmarc.Unknown)) > 0:
		v.Skip = "because of dmarc.syntax" // a tag that cannot be read may be the one
		return
	case len(r.RUA) == 0 && len(malformed) == 0 && !s.purpose.Sends:
		v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: "no rua; the domain sends no mail"}}
		return
	case len(r.RUA) == 0 && len(malformed) == 0:
		v.Findings = []diagnosis.Finding{noReports(s)}
		return
	}
	for _, p := range malformed {
		f := s.finding(diagnosis.Warning, "%s, character %d: %s", s.at(), p.Offset+1, p.Message)
		if len(v.Findings) == 0 {
			f.Remedy = readdressed(s)
		}
		v.Findings = append(v.Findings, f)
	}
	var mail []string
	for _, u := range r.RUA {
		if u.Address != "" {
			mail = append(mail, u.Address)
		}
	}
	v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: "reports go to " + strings.Join(mail, ", ")}}
	switch {
	case len(malformed) > 0:
	case len(mail) == 0:
		f := s.finding(diagnosis.Warning, "%s: no address of rua is a mailto: URI; receivers need to know no other scheme", s.at())
		f.Remedy.Steps = []string{"Name a mailbox: " + line(s.Policy.Domain, s.cured().WithReports(postmaster(s.Policy.Domain))) + "."}
		v.Findings = append(v.Findings, f)
	case len(r.RUA) > maxServed:
		f := s.finding(diagnosis.Advice, "%s names %d addresses in rua; receivers need to serve no more than %d", s.at(), len(r.RUA), maxServed)
		f.Remedy.Steps = []string{"Name the two that matter, and let one of them pass the reports on."}
		v.Findings = append(v.Findings, f)
	}
}

func noReports(s subject) diagnosis.Finding {
	f := s.finding(diagnosis.Advice, "%s has no rua: nobody sends reports about the domain", s.at())
	if !s.takesReports() {
		f.Remedy.Steps = []string{"Add rua=mailto:<address>; the domain itself takes no mail, so the address is one of another domain, which has to consent."}
		return f
	}
	f.Remedy = s.republish()
	f.Remedy.Steps = []string{fmt.Sprintf("Name another mailbox than %s if the daily reports shall not go there.", postmaster(s.Policy.Domain))}
	return f
}

// readdressed repairs the addresses that can be repaired.
func readdressed(s subject) diagnosis.Remedy {
	if !s.cured().Reports() {
		return diagnosis.Remedy{Steps: []string{"Name a mailbox that is read, as in rua=mailto:<address>."}}
	}
	return s.republish()
}
