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

// PolicyListing: no sending address is one that is not meant to send.
var PolicyListing = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.policy-listing",
		Title:    "The sending IP is on no policy list",
		Severity: diagnosis.Critical,
		Why:      "Most receivers refuse mail that comes straight from an address on Spamhaus' Policy Blocklist, however clean it is.",
		Doc: `The Policy Blocklist (PBL, codes 127.0.0.10 and 127.0.0.11 of zen.spamhaus.org) holds address ranges from which no mail should go straight to other servers: home and office lines, dynamic ranges, cloud machines. It says nothing about spam, and an address on it has done nothing wrong. It matters for an address that sends; on one that only receives, or behind a relay, it is as it should be.

On a static address with a proper PTR record, remove it in the portal at check.spamhaus.org, or have the provider do so where the entry is the provider's own (127.0.0.10). On a dynamic address do not: send through the provider's or another relay (smart host) with a log-in.`,
		Refs: []diagnosis.Ref{{Name: "Spamhaus PBL", URL: "https://www.spamhaus.org/blocklists/policy-blocklist/"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run:   policyListing,
})

func policyListing(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	b, err := facts.Listings.Of(ctx, env)
	if err != nil {
		return v, err
	}
	senders := 0
	var silent []string
	for _, s := range b.Subjects {
		if !s.Sends {
			continue
		}
		senders++
		asked := false
		for _, e := range b.About(s) {
			if !hasPolicy(e.Zone) || e.Err != nil || e.Verdict.State > dnsbl.Listed {
				continue
			}
			asked = true
			if policy := e.Verdict.Held(dnsbl.Policy); len(policy) > 0 {
				v.Findings = append(v.Findings, policyFinding(e, policy))
				continue
			}
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: s.String(), Answer: "not on a policy list of " + e.Zone.Title})
		}
		if !asked {
			silent = append(silent, s.Target.String())
		}
	}
	if len(silent) > 0 {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: silent[0], Reason: "no policy list gave an answer about " + inWords(silent)})
	}
	if senders == 0 {
		for _, err := range b.Errs {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Reason: err.Error()})
		}
		v.Skip = "no public address is known to send mail for the domain; give --ip ADDRESS to check one"
	}
	return v, nil
}

func hasPolicy(z dnsbl.Zone) bool {
	for _, c := range z.Codes {
		if c.Class == dnsbl.Policy {
			return true
		}
	}
	return false
}

func policyFinding(e facts.ListEntry, policy []dnsbl.Reason) diagnosis.Finding {
	says := "sends mail, and is on a policy list"
	if e.Subject.Why == "" {
		says = "is on a policy list, of addresses that shall not send"
	}
	return diagnosis.Finding{
		Subject: e.Subject.Target.String(), Severity: severity(policy[0].Tier), Evidence: evidence(e),
		Message: fmt.Sprintf("%s %s: %s: %s", e.Subject, says, e.Zone.Title, reasons(policy)),
		Remedy: diagnosis.Remedy{Steps: []string{
			"This is a policy, not a verdict on spam: the network is not meant to send mail straight to other servers.",
			"If the address is static and yours to run a mail server on, give it a PTR record, then remove it at " + e.Zone.LookupURL(e.Subject.Target) + ", free of charge; where only the provider can, ask its support.",
			"Otherwise send through a relay (smart host), the provider's or another, on port 587 or 465 with a log-in.",
		}},
	}
}
