package dnsbl

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// ListingExplained: whoever is listed learns why and where to go.
var ListingExplained = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.listing-explained",
		Title:    "Each listing carries its meaning, the list's reason and a page",
		Severity: diagnosis.Advice,
		Why:      "A listing can be cured only by who knows which data set it stands in, why, and where to ask.",
		Doc: `This is a property of the report more than of the domain, and never a breach. For every listing it shows what the code means, what the list itself says in its TXT record, and the page on which the list explains and removes the entry. It is unknown where the list's own reason could not be had.

The TXT record comes from the list and is shown as it is. Many lists put a link to the entry there.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5782, 2.1"}},
	},
	Of:  checks.Domains | checks.Addresses,
	Run: listingExplained,
})

func listingExplained(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	b, err := facts.Listings.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	var v diagnosis.Verdict
	for _, e := range b.Entries {
		if e.Verdict.State != dnsbl.Listed {
			continue
		}
		if e.TextErr != nil {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{
				Subject: e.Subject.Target.String(),
				Reason:  fmt.Sprintf("the reason that %s gives for %s could not be had: %v", e.Zone.Title, e.Subject.Target, e.TextErr),
			})
		}
		v.Seen = append(v.Seen, explained(e))
	}
	if len(v.Seen) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: "listings", Answer: "none to explain"}}
	}
	return v, nil
}

// explained is one listing: meaning, the list's own words, page.
func explained(e facts.ListEntry) diagnosis.Evidence {
	lines := []string{reasons(e.Verdict.Reasons)}
	for _, text := range e.Texts {
		lines = append(lines, fmt.Sprintf("%q", text))
	}
	if len(e.Texts) == 0 && e.TextErr == nil {
		lines = append(lines, "the list gives no reason")
	}
	lines = append(lines, e.Zone.LookupURL(e.Subject.Target))
	return diagnosis.Evidence{Question: fmt.Sprintf("%s on %s", e.Subject.Target, e.Zone.Title), Answer: strings.Join(lines, "\n")}
}
