package spf

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// RedundantTerms: every term adds something.
var RedundantTerms = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.redundant-terms",
		Title:    "No term repeats another",
		Severity: diagnosis.Advice,
		Why:      "A term that repeats another authorises nobody, and may cost a lookup of the ten that a record has.",
		Doc: `A term is redundant if the record means the same without it: the same include twice, an address inside a block that is also named, a: with the domain's own name beside a. An include whose record another include holds already is redundant as long as that stays so. A repeated include costs its lookups a second time, though it can match nobody whom the first did not.

To fix it, publish the record below: the same without these terms.

Addresses that are named beside the mx or a behind which they stand are left alone: they are cheaper for the receiver, and many a manual wants both.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.2"}, {Name: "RFC 7208, 4.6.4"}},
	},
	Needs: slices.Concat(followable, []*checks.Check{IncludeLoop}),
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) { redundantTerms(ctx, env, r, v) })
	},
})

func redundantTerms(ctx context.Context, env *checks.Env, r facts.SPFRecord, v *diagnosis.Verdict) {
	var says []string
	saved := 0
	for _, o := range r.Record.Redundant(env.Domain) {
		saved += costOf(r.Tree, o.Term)
		says = append(says, why(o))
	}
	for _, n := range r.Tree.Root.Children {
		if n.State == spf.Unanswered && n.Term.Kind == spf.Include {
			v.Doubts = append(v.Doubts, doubt(n))
		}
		if by, ok := nested(r.Tree, n); ok {
			saved += n.Total
			says = append(says, fmt.Sprintf("%q is part of %q", clip(n.Term.Text), clip(by.Term.Text)))
		}
	}
	if len(says) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: "redundant terms", Answer: "none of " + plural(len(r.Record.Mechanisms()), "term")}}
		return
	}
	f := finding(env, r, diagnosis.Advice, "SPF of %s is longer than it need be: %s", name(env), strings.Join(says[:min(len(says), 3)], ", "))
	if n := len(says) - 3; n > 0 {
		f.Message += " and " + plural(n, "more term")
	}
	if saved > 0 {
		f.Message += fmt.Sprintf("; without that it needs %d of %d lookups in place of %d", r.Tree.Lookups-saved, spf.MaxLookups, r.Tree.Lookups)
	}
	f.Remedy = remedy(ctx, env)
	v.Findings = []diagnosis.Finding{f}
}

func why(o spf.Overlap) string {
	switch {
	case o.Term.Text == o.By.Text:
		return fmt.Sprintf("%q stands twice", clip(o.Term.Text))
	case o.Term.Kind == spf.IP4 || o.Term.Kind == spf.IP6:
		return fmt.Sprintf("%q is inside %q", clip(o.Term.Text), clip(o.By.Text))
	}
	return fmt.Sprintf("%q says the same as %q", clip(o.Term.Text), clip(o.By.Text))
}

// costOf is the lookups of a term of the domain's own record.
func costOf(t *spf.Tree, term spf.Term) int {
	for _, n := range t.Root.Children {
		if n.Term == term {
			return n.Total
		}
	}
	return 0
}

// nested is the include of the domain's own record that holds the record of n,
// an include there too.
func nested(t *spf.Tree, n *spf.Node) (*spf.Node, bool) {
	if n.Term.Kind != spf.Include || n.Term.Qualifier != spf.Plus || n.State != spf.Found {
		return nil, false
	}
	for _, other := range t.Root.Children {
		if other != n && other.Term.Kind == spf.Include && other.Term.Qualifier == spf.Plus && other.Domain != n.Domain && reaches(other, n.Domain) {
			return other, true
		}
	}
	return nil, false
}
