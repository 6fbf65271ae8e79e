package dnsbl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// ZoneAlive: the lists pass their test entries.
var ZoneAlive = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.zone-alive",
		Title:    "Every list passes its test points",
		Severity: diagnosis.Advice,
		Why:      "A dead list calls everybody clean, and one whose domain has lapsed may list the whole world.",
		Doc: `Every list must hold 127.0.0.2 (for IPv6 ::FFFF:7F00:2, for domains the name TEST) and must not hold 127.0.0.1 (::FFFF:7F00:1, INVALID). Both are asked of each list at the start of an examination. A list that fails is not asked about the domain, and nothing that it might say counts.

Some lists of domains document other test entries than TEST; those are used. A list whose IPv6 or domain entry is missing though its operator never promised one is still asked: what it lists counts, what it does not list proves nothing.

There is nothing to fix in the domain. If a mail server filters with a list that is named here, take the list out of its configuration: a list that lists the whole world makes it refuse all mail.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5782, 5"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run:   zoneAlive,
})

func zoneAlive(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	b, err := facts.Listings.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	var v diagnosis.Verdict
	byUse := make(map[dnsbl.Use][]dnsbl.Status)
	for _, t := range b.UsedTests() {
		byUse[t.Use] = append(byUse[t.Use], t)
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: "test points held", Answer: passed(byUse[dnsbl.Usable])})
	if unproven := byUse[dnsbl.Unproven]; len(unproven) > 0 {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: "test points missing that nobody promised", Answer: inWords(zoneNames(unproven))})
	}
	for _, t := range slices.Concat(byUse[dnsbl.ListsWorld], byUse[dnsbl.Silent]) {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{
			Subject: t.Zone.String(),
			Reason:  fmt.Sprintf("%s %s for %s: %s; it is not asked", t.Zone, t.Use, t.Family, t.Reason),
		})
		v.Seen = append(v.Seen, probes(t)...)
	}
	if down := byUse[dnsbl.Unreachable]; len(down) > 0 {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{
			Subject: down[0].Zone.String(),
			Reason:  fmt.Sprintf("%s could not be asked: %s", names(zones(down)), down[0].Reason),
		})
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: "not reached", Answer: inWords(zoneNames(down))})
	}
	return v, nil
}

// passed is "IPv4: 14 lists, domains: 9 lists".
func passed(tests []dnsbl.Status) string {
	var parts []string
	for _, f := range []dnsbl.Family{dnsbl.IPv4, dnsbl.IPv6, dnsbl.Domain} {
		n := 0
		for _, t := range tests {
			if t.Family == f {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s", f, plural(n, "list")))
		}
	}
	if len(parts) == 0 {
		return "by no list"
	}
	return strings.Join(parts, ", ")
}

// zones is the zones of tests, each once.
func zones(tests []dnsbl.Status) []dnsbl.Zone {
	var list []dnsbl.Zone
	for _, t := range tests {
		if !slices.ContainsFunc(list, func(z dnsbl.Zone) bool { return z.Name == t.Zone.Name }) {
			list = append(list, t.Zone)
		}
	}
	return list
}

func zoneNames(tests []dnsbl.Status) []string {
	var list []string
	for _, z := range zones(tests) {
		list = append(list, z.String())
	}
	return list
}
