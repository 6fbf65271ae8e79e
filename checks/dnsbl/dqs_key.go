package dnsbl

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// DQSKey: the key for Spamhaus' lists works. It never fails: the key is the
// examiner's.
var DQSKey = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.dqs-key",
		Title:    "A Spamhaus key, if one is configured, works",
		Severity: diagnosis.Advice,
		Why:      "With a key that does not work nothing is learned from the lists that the most receivers reject by.",
		Doc: `Spamhaus answers the public names of its lists only to resolvers of one's own. With a key of its Data Query Service it answers through every resolver. The key is taken from the environment variable SPAMHAUS_DQS_KEY; then ZEN and DBL are asked by key, and their public names are not.

The key stands in the names that are asked, and so it is left out of all that is shown or recorded: dqs-key stands in its place. Whoever runs the resolver sees it.

To fix it, look up the key in the customer portal of Spamhaus, where it can be renewed too. Free keys are given for small volumes.`,
		Refs: []diagnosis.Ref{{Name: "Spamhaus, Data Query Service", URL: "https://docs.spamhaus.com/datasets/docs/source/10-data-type-documentation/datasets/030-datasets.html"}},
	},
	Of: checks.Domains | checks.Addresses,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		var v diagnosis.Verdict
		if !env.Want.DQS {
			v.Seen = []diagnosis.Evidence{{Question: "SPAMHAUS_DQS_KEY", Answer: "not set; the public lists of Spamhaus are asked"}}
			return v, nil
		}
		b, err := facts.Listings.Of(ctx, env)
		if err != nil {
			return v, err
		}
		for _, t := range b.Tests {
			switch {
			case !t.Zone.ByKey():
			case t.Use == dnsbl.Usable:
				v.Seen = append(v.Seen, diagnosis.Evidence{Question: fmt.Sprintf("%s for %s", t.Zone, t.Family), Answer: "answers to the key"})
			default:
				v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: t.Zone.String(), Reason: fmt.Sprintf("%s is not usable for %s with this key: %s", t.Zone, t.Family, t.Reason)})
			}
		}
		return v, nil
	},
})
