package dnsbl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// RefusalDecoded: no list refuses us.
var RefusalDecoded = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.refusal-decoded",
		Title:    "Every answer is reputation, not refusal",
		Severity: diagnosis.Advice,
		Why:      "A list that refuses to answer says nothing about the domain, and its error codes look like listings to whoever does not know them.",
		Doc: `Spamhaus and Validity answer 127.255.255.x, SURBL and URIBL set bit 1 of the last octet, DNSWL answers 127.0.0.255, where they will not serve whoever asks: mostly a public resolver (8.8.8.8, 1.1.1.1, 9.9.9.9), or one that asks too much. A refusal is never a listing. A list that refuses its test entry is asked nothing more.

To get answers, ask through a resolver of your own that goes to the authoritative servers itself: unbound or BIND on this machine or in your network, named with --resolver. Forwarding to a public resolver does not help. For heavy use the lists sell access by key.

A mail server that filters with these lists has the same trouble: through a refusing resolver its filter sees nothing or, if it does not know the codes, refuses all mail.`,
		Refs: []diagnosis.Ref{{Name: "Spamhaus, DNSBL return codes", URL: "https://www.spamhaus.org/news/article/788/"}},
	},
	Of:  checks.Domains | checks.Addresses,
	Run: refusalDecoded,
})

func refusalDecoded(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	b, err := facts.Listings.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	var v diagnosis.Verdict
	g := groups{}
	for _, t := range b.UsedTests() {
		if t.Use == dnsbl.Refusing && !t.Zone.ByKey() { // that is DQSKey's matter
			reason := t.Reason
			if t.Public != "" && !strings.Contains(reason, t.Public) {
				reason += "; the answer came through " + t.Public
			}
			g.add(t.Zone, reason)
			v.Seen = append(v.Seen, probes(t)...)
		}
	}
	for _, e := range b.Entries {
		if e.Verdict.State == dnsbl.Refused && !e.Zone.ByKey() {
			g.add(e.Zone, e.Verdict.Refusal)
			v.Seen = append(v.Seen, evidence(e)...)
		}
	}
	for _, reason := range g.order {
		zones := g.zones[reason]
		v.Doubts = append(v.Doubts, diagnosis.Doubt{
			Subject: zones[0].String(),
			Reason: fmt.Sprintf("%s %s to answer: %s; ask through a resolver of your own, such as unbound on this machine (--resolver), or get a key from the list",
				names(zones), verb(len(zones), "refuses", "refuse"), reason),
		})
	}
	if len(v.Doubts) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: "refusals", Answer: fmt.Sprintf("none among %s", plural(answers(b), "answer"))}}
	}
	return v, nil
}

// answers counts the conclusive answers of lists, test entries among them.
func answers(b facts.Blocklists) int {
	n := 0
	for _, t := range b.UsedTests() {
		for _, p := range t.Probes {
			if p.Err == nil {
				n++
			}
		}
	}
	for _, e := range b.Entries {
		if e.Err == nil {
			n++
		}
	}
	return n
}

// probes is the answers to a list's test entries that hold something.
func probes(t dnsbl.Status) []diagnosis.Evidence {
	var list []diagnosis.Evidence
	for _, p := range t.Probes {
		if p.Err == nil && !p.Answer.Void() {
			list = append(list, diagnosis.Evidence{Question: p.Question.String(), Answer: p.Answer.String()})
		}
	}
	return list
}

// groups is lists by what is said of them, in the order in which it first was.
type groups struct {
	order []string
	zones map[string][]dnsbl.Zone
}

func (g *groups) add(z dnsbl.Zone, reason string) {
	if g.zones == nil {
		g.zones = make(map[string][]dnsbl.Zone)
	}
	if _, ok := g.zones[reason]; !ok {
		g.order = append(g.order, reason)
	}
	if !slices.ContainsFunc(g.zones[reason], func(other dnsbl.Zone) bool { return other.Name == z.Name }) {
		g.zones[reason] = append(g.zones[reason], z)
	}
}
