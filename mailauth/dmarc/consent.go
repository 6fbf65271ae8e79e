package dmarc

import (
	"context"
	"slices"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Consent is whether the owner of Host takes reports about another domain:
// the TXT record at <domain>._report._dmarc.<host> says so (RFC 9990, 4).
type Consent struct {
	Host   string
	Answer resolve.Answer // its Question is set also where Err is
	Err    error          // the question had no conclusive answer
	Given  bool           // at least one text is a DMARC record
	// Override is the rua of the record, which replaces the address asked for.
	Override []URI
	// Elsewhere is a host that Override names and that is not Host itself: no
	// report is sent then, neither there nor here.
	Elsewhere string
}

// ConsentName is the name at which host consents to reports about domain; ok
// is false where it would be too long, which counts as no consent.
func ConsentName(domain, host string) (name string, ok bool) {
	return record.Below(record.Display(record.Canonical(domain))+"._report._dmarc", host)
}

// ConsentRecord is the record that the owner of host publishes to take reports
// about domain.
func ConsentRecord(domain, host string) record.Record {
	name, _ := ConsentName(domain, host)
	return record.TXT(name, Record{}.String())
}

// AskConsent asks whether host takes reports about domain, where domain is that
// at which the policy record was found.
func AskConsent(ctx context.Context, dns resolve.Resolver, domain, host string) Consent {
	c := Consent{Host: host}
	name, ok := ConsentName(domain, host)
	question := resolve.Ask(name, "TXT")
	if !ok {
		c.Answer = resolve.Answer{Question: question}
		return c
	}
	c.Answer, c.Err = dns.Resolve(ctx, question)
	c.Answer.Question = question
	if c.Err != nil {
		return c
	}
	for _, text := range slices.Sorted(slices.Values(c.Answer.Texts())) {
		if !IsRecord(text) {
			continue
		}
		c.Given = true
		r, _ := Parse(text)
		for _, u := range r.RUA {
			c.Override = append(c.Override, u)
			if u.Host != "" && u.Host != host {
				c.Elsewhere = u.Host
			}
		}
	}
	return c
}
