package mx

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// maxSensible is where more MX records stop to help: an SPF "mx" term may lead
// to no more hosts (RFC 7208, 4.6.4), and senders try only a few.
const maxSensible = 10

// Count: the number of MX records is sensible.
var Count = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.count",
		Title:    "The number of MX is sensible",
		Severity: diagnosis.Advice,
		Why:      "Senders try only some of a long list, and an SPF term `mx` over more than ten hosts is an error.",
		Doc: `One MX record is enough for one server, two to five are usual for a provider. Above ten, senders do not try them all, and an SPF "mx" term that leads to them is a permanent error.

To fix it, delete the records of hosts that are not needed; hosts of equal rank can share one name with several addresses.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}, {Name: "RFC 7208, 4.6.4"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) {
			n := len(set.Hosts) + set.Omitted
			v.Seen = []diagnosis.Evidence{{Question: "MX records", Answer: fmt.Sprint(n)}}
			if n <= maxSensible {
				return
			}
			v.Findings = []diagnosis.Finding{{
				Subject: record.Display(env.Domain), Severity: diagnosis.Advice, Evidence: seen(set),
				Message: fmt.Sprintf("%s has %d MX records; more than %d do not help", record.Display(env.Domain), n, maxSensible),
				Remedy:  diagnosis.Remedy{Steps: []string{"Keep the hosts that matter, and delete the MX records of the others."}},
			}}
		})
	},
})
