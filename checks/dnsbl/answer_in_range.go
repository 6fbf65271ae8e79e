package dnsbl

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// AnswerInRange: the lists' answers are lists' answers.
var AnswerInRange = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.answer-in-range",
		Title:    "Answers of the lists lie inside 127.0.0.0/8",
		Severity: diagnosis.Advice,
		Why:      "An answer outside that range comes from a resolver that rewrites, or from a domain that was sold; taken for a listing it condemns everybody.",
		Doc: `A blocklist answers with an address inside 127.0.0.0/8, and never with 127.0.0.1 unless it defines that code. Anything else was put there by somebody else: the resolver of an access provider that sends mistyped names to a search page, a captive portal, a filter, or whoever bought the domain of a dead list. Such an answer is no listing, and a list whose test entries get one is asked nothing more.

If many lists are hit, the resolver is at fault: use one that does not rewrite NXDOMAIN (--resolver), and do not run a mail server behind it, for its own blocklists and its SPF checks suffer the same. If one list is hit, that list is gone.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5782, 2.1"}},
	},
	Of:  checks.Domains | checks.Addresses,
	Run: answerInRange,
})

func answerInRange(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	b, err := facts.Listings.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	var v diagnosis.Verdict
	g := groups{}
	for _, t := range b.UsedTests() {
		if t.Use == dnsbl.Rewritten {
			g.add(t.Zone, strange(t))
			v.Seen = append(v.Seen, probes(t)...)
		}
	}
	for _, e := range b.Entries {
		if e.Verdict.State == dnsbl.OutOfRange {
			g.add(e.Zone, joined(e.Answer))
			v.Seen = append(v.Seen, evidence(e)...)
		}
	}
	for _, answer := range g.order {
		zones := g.zones[answer]
		why := "the list is gone, or the resolver rewrites its names"
		if len(zones) > 2 {
			why = "the resolver rewrites answers; use another (--resolver)"
		}
		v.Doubts = append(v.Doubts, diagnosis.Doubt{
			Subject: zones[0].String(),
			Reason:  fmt.Sprintf("below %s the answer is %s, which no list gives: %s", names(zones), answer, why),
		})
	}
	if len(v.Doubts) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: "answers out of range", Answer: fmt.Sprintf("none among %s", plural(answers(b), "answer"))}}
	}
	return v, nil
}

// strange is the answer to a test entry that no list gives.
func strange(t dnsbl.Status) string {
	for _, p := range t.Probes {
		if p.Err == nil && t.Zone.Decode(p.Answer).State == dnsbl.OutOfRange {
			return joined(p.Answer)
		}
	}
	return ""
}
