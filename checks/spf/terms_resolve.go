package spf

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// TermsResolve: the names in the record are there.
var TermsResolve = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.terms-resolve",
		Title:    "Names in a, mx and ptr have records",
		Severity: diagnosis.Warning,
		Why:      "A term whose name is empty authorises nobody, so the host that it was written for cannot send, and it uses up one of two void lookups.",
		Doc: `a needs an address of the name, mx an MX record and addresses of its hosts, ptr a domain that exists. Names of hosts that were renamed or switched off, and slips of the pen, stay in records for years.

To fix it, correct the name, give it its address back, or take the term out.

In records of others it is advice: their owner has to change it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 5.3"}, {Name: "RFC 7208, 5.4"}, {Name: "RFC 7208, 5.5"}},
	},
	Needs: slices.Concat(followable, []*checks.Check{VoidLimit}),
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			for n := range r.Tree.Root.All() {
				switch n.Term.Kind {
				case spf.A, spf.MX, spf.PTR:
					resolves(ctx, env, n, v)
				}
			}
			if len(v.Seen) == 0 {
				v.Seen = []diagnosis.Evidence{{Question: "names in a, mx and ptr", Answer: "none"}}
			}
		})
	},
})

func resolves(ctx context.Context, env *checks.Env, n *spf.Node, v *diagnosis.Verdict) {
	switch n.State {
	case spf.Unanswered:
		v.Doubts = append(v.Doubts, doubt(n))
	case spf.Empty:
		f := diagnosis.Finding{
			Subject: name(env), Severity: diagnosis.Warning, Evidence: answers(n),
			Message: fmt.Sprintf("%s has %q, but %s: the term authorises nobody", holder(env, n), clip(n.Term.String()), emptiness(n)),
			Remedy:  diagnosis.Remedy{Steps: []string{fmt.Sprintf("Ask the owner of %s to correct it.", display(n.In))}},
		}
		if own(env, n) {
			f.Remedy = remedy(ctx, env, fmt.Sprintf("If %s should send, correct the name or give it its address; this record leaves the term out.", display(n.Domain)))
		} else {
			f.Severity = diagnosis.Advice
		}
		v.Findings = append(v.Findings, f)
	case spf.Found:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: clip(n.Term.String()) + " of " + display(n.In), Answer: "resolves"})
	}
}

// emptiness says what an empty node is missing.
func emptiness(n *spf.Node) string {
	target := display(n.Domain)
	exists := slices.ContainsFunc(n.Answers, func(a answer) bool { return a.Exists })
	switch {
	case !exists:
		return target + " does not exist"
	case n.Term.Kind == spf.MX && n.MXCount == 0:
		return target + " has no MX record"
	case n.Term.Kind == spf.MX:
		return "no MX host of " + target + " has an address"
	}
	return target + " has no address"
}
