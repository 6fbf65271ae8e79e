package spf

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// LookupLimit: the tree stays within ten lookups.
var LookupLimit = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.lookup-limit",
		Title:    "The whole tree needs at most ten querying terms",
		Severity: diagnosis.Critical,
		Why:      "Beyond ten lookups receivers stop with permerror, and the mail of every sender that no term matched before fails SPF.",
		Doc: `Each include, a, mx, ptr, exists and redirect counts one, in the domain's own record and in all that it leads to. all, ip4, ip6 and exp cost nothing, nor do the address lookups behind an mx. The same include twice counts twice; a redirect beside an all is not followed and not counted.

Receivers count as they go and stop at the first match, so that a record over the limit works for the senders that stand first. It is counted here to the end, as it is for a sender that matches nothing.

To fix it, take out the includes of services that no longer send for you, replace a and mx by the addresses behind them (ip4:, ip6:), and move services to subdomains of their own, each with a record of its own. A flattened copy of an include has to be renewed whenever the original changes.

Where an include depends on the sender (macros), the figure is a lower bound.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.4"}},
	},
	Needs: slices.Concat(followable, []*checks.Check{IncludeLoop}),
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) { lookupLimit(ctx, env, r, v) })
	},
})

func lookupLimit(ctx context.Context, env *checks.Env, r facts.SPFRecord, v *diagnosis.Verdict) {
	bound := ""
	if r.Tree.LowerBound {
		bound = "at least "
	}
	v.Seen = []diagnosis.Evidence{{Question: "SPF lookups", Answer: fmt.Sprintf("needs %s%d of %d", bound, r.Tree.Lookups, spf.MaxLookups)}}
	v.Seen = append(v.Seen, costs(r.Tree)...)
	if r.Tree.Lookups > spf.MaxLookups {
		f := finding(env, r, diagnosis.Critical, "SPF of %s needs %s%d DNS lookups, the limit is %d", name(env), bound, r.Tree.Lookups, spf.MaxLookups)
		f.Evidence = append(f.Evidence, costs(r.Tree)...)
		f.Remedy = fewerLookups(ctx, env, r.Tree)
		v.Findings = append(v.Findings, f)
		return
	}
	for n := range r.Tree.Root.All() {
		switch {
		case n.Term.Kind != spf.Include && n.Term.Kind != spf.Redirect:
		case n.State == spf.Unanswered:
			v.Doubts = append(v.Doubts, doubt(n))
		case n.State == spf.Varies:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name(env), Reason: fmt.Sprintf(
				"%q depends on the sender, so that what it costs cannot be counted; the rest needs %d of %d lookups", clip(n.Term.String()), r.Tree.Lookups, spf.MaxLookups)})
		}
	}
}

// costs is the terms of the domain's own record with what each costs.
func costs(t *spf.Tree) []diagnosis.Evidence {
	const most = 20
	var list []diagnosis.Evidence
	for _, n := range t.Root.Children {
		if len(list) == most {
			return append(list, diagnosis.Evidence{Question: "and", Answer: plural(len(t.Root.Children)-most, "more term")})
		}
		list = append(list, diagnosis.Evidence{Question: clip(n.Label()), Answer: fmt.Sprintf("costs %d", n.Total)})
	}
	return list
}

// fewerLookups is the cure where leaving out what is repeated or leads nowhere
// suffices, and else where the lookups go.
func fewerLookups(ctx context.Context, env *checks.Env, t *spf.Tree) diagnosis.Remedy {
	if c, err := prescription.Of(ctx, env); err == nil && c.sound() && !c.idle(ctx, env) && !c.tree.LowerBound && len(c.left) == 0 {
		return diagnosis.Remedy{
			Edits: publish(env, c.record),
			Steps: []string{fmt.Sprintf("This record leaves out what is repeated or leads nowhere; it needs %s.", plural(c.tree.Lookups, "lookup"))},
		}
	}
	dear := slices.Clone(t.Root.Children)
	slices.SortStableFunc(dear, func(a, b *spf.Node) int { return cmp.Compare(b.Total, a.Total) })
	var lines []string
	for _, n := range dear[:min(len(dear), 5)] {
		lines = append(lines, clip(n.String()))
	}
	return diagnosis.Remedy{Steps: []string{
		fmt.Sprintf("Save at least %s. The dearest terms: %s.", plural(t.Lookups-spf.MaxLookups, "lookup"), strings.Join(lines, ", ")),
		"Take out the includes of services that no longer send for you.",
		"Replace a and mx by the addresses behind them, as ip4: and ip6:, which cost nothing.",
		"Let a service send from a subdomain of its own, such as news." + name(env) + ", and move its include to the SPF record there.",
	}}
}
