package dnsbl

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// AllowListed: who vouches for the domain's addresses is shown. It never fails.
var AllowListed = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.allow-listed",
		Title:    "Standing on allow-lists is shown",
		Severity: diagnosis.Advice,
		Why:      "Some receivers trust addresses that an allow-list vouches for, and let their mail pass with fewer tests. To stand on none is the normal case and no fault.",
		Doc: `DNSWL and Mailspike say for each address of a mail server how far it is to be trusted. Spam filters such as SpamAssassin and rspamd give points for it.

There is nothing to fix. A server that sends wanted mail alone can be registered with DNSWL free of charge by its owner; Mailspike's reputation comes of itself.

An allow-list that refuses to answer, mostly because the question came through a public resolver, leaves the standing unknown.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5782, 2.1"}, {Name: "DNSWL, how to use it", URL: "https://www.dnswl.org/?page_id=15"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		var v diagnosis.Verdict
		entries, err := facts.Standings.Of(ctx, env)
		if err != nil {
			return v, err
		}
		if len(entries) == 0 {
			v.Skip = "the domain has no public address that sends or receives mail"
			return v, nil
		}
		for _, e := range entries {
			stands(e, &v)
		}
		return v, nil
	},
})

// stands adds what one list says of one address.
func stands(e facts.ListEntry, v *diagnosis.Verdict) {
	reason := ""
	switch {
	case e.Err != nil:
		reason = e.Err.Error()
	case e.Verdict.State == dnsbl.Refused:
		reason = fmt.Sprintf("%s refuses to answer: %s", e.Zone, e.Verdict.Refusal)
	case e.Verdict.State == dnsbl.OutOfRange || e.Verdict.State == dnsbl.Unread:
		reason = fmt.Sprintf("%s answers %s for %s, which is none of its codes", e.Zone, joined(e.Answer), e.Subject.Target)
	}
	if reason != "" {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: e.Subject.Target.String(), Reason: reason})
		return
	}
	says := "does not know it"
	if good := e.Verdict.Held(dnsbl.Good); len(good) > 0 {
		says = reasons(good)
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: e.Zone.Title + " on " + e.Subject.String(), Answer: says})
}
