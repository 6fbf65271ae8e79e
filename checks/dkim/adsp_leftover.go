package dkim

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// ADSPLeftover: no record of the forerunner of DMARC is left.
var ADSPLeftover = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.adsp-leftover",
		Title:    "No ADSP record remains",
		Severity: diagnosis.Advice,
		Why:      "Nobody reads ADSP any more. Where it says that all mail is signed, it only misleads whoever maintains the zone about what protects the domain.",
		Doc: `ADSP was a policy at _adsp._domainkey that said whether all mail of a domain is signed. It was declared historic in 2013; DMARC took its place.

To fix it, delete the record. What it was meant to say belongs at _dmarc.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5617, 4.1"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   adspLeftover,
})

func adspLeftover(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	name := selectorName("_adsp", env)
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(name, "TXT"))
	if err != nil {
		return v, err
	}
	v.Seen = []diagnosis.Evidence{{Question: answer.Question.String(), Answer: answer.String()}}
	for _, text := range answer.Texts() {
		if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "dkim=") { // RFC 5617, 4.2.1
			continue // a wildcard's
		}
		v.Findings = []diagnosis.Finding{{
			Subject: record.Display(env.Domain), Severity: diagnosis.Advice, Evidence: v.Seen,
			Message: fmt.Sprintf("%s has the ADSP record %q, which nobody reads any more", record.Display(name), text[:min(len(text), 80)]),
			Remedy:  diagnosis.Remedy{Edits: []record.Edit{record.Set(record.Slot{Name: name, Type: "TXT"})}},
		}}
		return v, nil
	}
	return v, nil
}

func selectorName(selector string, env *checks.Env) string {
	return record.DKIMKey(selector, env.Domain).Name
}
