package mx

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// SingleProvider: the MX records are those of one service.
var SingleProvider = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.single-provider",
		Title:    "One provider's MX set is in use",
		Severity: diagnosis.Warning,
		Why:      "With MX records of two services each gets a part of the mail: messages wait in mailboxes that nobody reads, or bounce as unknown.",
		Doc: `Senders pick any host of the best preference, and one of the others when that does not answer. Two mail services know nothing of each other's mailboxes. The set of two is mostly a move that was never finished: the new records were added, the old ones left.

To fix it, keep the records of the service that holds the mailboxes, and delete the others. While moving, change the whole set at once and forward at the old service.

Where one of the two is a filter, mail that goes to the other gets around it; the filter's hosts should be the only ones. Hosts that belong to no known service are not judged: a backup MX of one's own is legitimate.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) { singleProvider(env, set, v) })
	},
})

func singleProvider(env *checks.Env, set facts.MXSet, v *diagnosis.Verdict) {
	var names []string
	var first facts.Provider
	filter := ""
	for _, h := range set.Hosts {
		p, ok := facts.HostedBy(h.Name)
		if !ok || slices.Contains(names, p.Name) {
			continue
		}
		if len(names) == 0 {
			first = p
		}
		if p.Filter && filter == "" {
			filter = p.Name
		}
		names = append(names, p.Name)
	}
	switch len(names) {
	case 0:
		v.Seen = []diagnosis.Evidence{{Question: "known mail services", Answer: "none"}}
		return
	case 1:
		v.Seen = []diagnosis.Evidence{{Question: "known mail services", Answer: names[0]}}
		return
	}
	domain := record.Display(env.Domain)
	f := diagnosis.Finding{
		Subject: domain, Severity: diagnosis.Warning, Evidence: seen(set),
		Message: fmt.Sprintf("the MX records of %s are those of %s: each gets a part of the mail", domain, strings.Join(names, " and ")),
		Remedy:  diagnosis.Remedy{Steps: keepOne(env, set, first)},
	}
	if filter != "" {
		f.Message = fmt.Sprintf("the MX records of %s are those of %s: mail can get around the filter %s", domain, strings.Join(names, " and "), filter)
	}
	v.Findings = []diagnosis.Finding{f}
}

// keepOne leads to the set of one service; which it is only the owner knows.
func keepOne(env *checks.Env, set facts.MXSet, first facts.Provider) []string {
	steps := []string{"Find out which service holds the mailboxes, or filters for the one that does, and delete the MX records of the others."}
	var lines []string
	for _, r := range replace(env, set, func(name string) string {
		if p, ok := facts.HostedBy(name); ok && p.Name != first.Name {
			return ""
		}
		return name
	}).Want {
		lines = append(lines, "`"+r.String()+"`")
	}
	return append(steps, fmt.Sprintf("For %s these stay: %s", first.Name, strings.Join(lines, ", ")))
}
