package dns

import (
	"context"
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// DomainAge: the registration is not one of these days.
var DomainAge = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.domain-age",
		Title:    "The domain is not brand-new",
		Severity: diagnosis.Advice,
		Why:      "Most new domains that send mail at once belong to spammers, so filters hold back or refuse what comes from a domain in its first weeks.",
		Doc: `The registry is asked over RDAP when the domain was registered. The registration is that of the domain below the public suffix: of mail.example.org it is that of example.org. A domain younger than 30 days is reported.

Some filters keep lists of domains that were registered in the last days (fresh15 of Spam Eating Monkey, the zero-reputation list of Spamhaus); others give a new domain no credit, so that little is needed for the spam folder. None of that is a fault, and it passes with time.

What helps: set up SPF, DKIM and DMARC before the first message; begin with few messages, to people who expect and answer them, and send more from week to week; send nothing in bulk in the first month; put a real web site on the domain. Where mail must arrive from the first day, send it from a domain that you have had for longer.

Many registries of country codes have no RDAP service or tell no dates. Then there is nothing to judge.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9083, 4.5"}, {Name: "RFC 9083, 5.3"}},
	},
	Needs: []*checks.Check{DomainExists, DomainExpiry}, // of the two, one tells that the registry is silent
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRegistration(ctx, env, func(r facts.Registration, v *diagnosis.Verdict) { domainAge(env.Now(), r, v) })
	},
})

// young is how long a domain counts as new.
const young = 30 * 24 * time.Hour

func domainAge(now time.Time, r facts.Registration, v *diagnosis.Verdict) {
	began := r.Answer.Began()
	old := max(now.Sub(began), 0) // clocks differ
	name, on := record.Unicode(r.Domain), began.Format(time.DateOnly)
	if began.IsZero() {
		v.Seen = []diagnosis.Evidence{{Question: name, Answer: "the registry tells no date"}}
		return
	}
	if old >= young {
		v.Seen = []diagnosis.Evidence{{Question: name, Answer: fmt.Sprintf("registered on %s, %s ago", on, age(old))}}
		return
	}
	v.Findings = []diagnosis.Finding{{
		Subject: name, Severity: diagnosis.Advice, Evidence: []diagnosis.Evidence{r.Evidence()},
		Message: fmt.Sprintf("%s was registered on %s, %s ago: filters distrust mail from domains that young", name, on, days(old)),
		Remedy: diagnosis.Remedy{Steps: []string{
			"Send little at first, to people who expect it and answer; send more from week to week.",
			fmt.Sprintf("Send nothing in bulk before %s.", began.Add(young).Format(time.DateOnly)),
		}},
	}}
}
