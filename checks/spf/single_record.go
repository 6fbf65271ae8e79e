package spf

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// SingleRecord: there is one SPF record and no more.
var SingleRecord = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.single-record",
		Title:    "Only one SPF record is published",
		Severity: diagnosis.Critical,
		Why:      "With two SPF records every receiver answers permerror: none of the domain's mail passes SPF, whoever sends it.",
		Doc: `A domain may have any number of TXT records, but only one of them may be an SPF record. A second one is usually added by following the manual of a new provider to the letter.

To fix it, merge: put the mechanisms of all records into one, with a single all at its end, and delete the others. Change the record in one step, as two records for a minute are two records.

Receivers do not choose between several records and do not add them up; the result is permerror, SPF's word for a record that cannot be used. Some refuse mail for it; for DMARC it is no pass, so that all rests on DKIM.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 3.2"}, {Name: "RFC 7208, 4.5"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		var v diagnosis.Verdict
		r, err := facts.SPF.Of(ctx, env)
		switch {
		case err != nil:
			return v, err
		case len(r.Texts) == 0:
			v.Skip = "the domain has no SPF record"
		case len(r.Texts) == 1:
			v.Seen = []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: "1 SPF record"}}
		default:
			f := finding(env, r, diagnosis.Critical, "%s has %d SPF records, and one is allowed; every check of this domain ends in permerror", name(env), len(r.Texts))
			f.Remedy = remedy(ctx, env, fmt.Sprintf("Replace the %d records by this one in a single change: between a deletion and an addition there would be none.", len(r.Texts)))
			v.Findings = append(v.Findings, f)
		}
		return v, nil
	},
})
