package spf

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// VoidLimit: few lookups are in vain.
var VoidLimit = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.void-limit",
		Title:    "At most two lookups come back empty",
		Severity: diagnosis.Warning,
		Why:      "Most receivers stop with permerror at the third lookup that finds nothing, and the mail of every sender that no earlier term matches fails SPF.",
		Doc: `A void lookup is a term whose name does not exist or has no record of the kind asked. Two are allowed; the limit protects others from being asked for nothing. It is a recommendation, and most receivers keep it.

Receivers ask for A records where the sender has IPv4, and for AAAA where it has IPv6. A host without IPv6 is therefore a void lookup for IPv6 senders. Figures for one family alone count where the record authorises addresses of that family.

To fix it, take out the terms that are named, or give the hosts their addresses back.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.4"}, {Name: "RFC 7208, 11.1"}},
	},
	Needs: followable,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) { voidLimit(ctx, env, r, v) })
	},
})

func voidLimit(ctx context.Context, env *checks.Env, r facts.SPFRecord, v *diagnosis.Verdict) {
	t := r.Tree
	v.Seen = []diagnosis.Evidence{{Question: "void lookups", Answer: fmt.Sprintf("%d of %d (%d for IPv4 senders, %d for IPv6 senders)", t.Voids, spf.MaxVoids, t.Voids4, t.Voids6)}}
	void := func(n *spf.Node) bool { return n.Void() }
	switch {
	case t.Voids > spf.MaxVoids:
		f := voidFinding(env, r, diagnosis.Warning, t.Voids, "", void)
		f.Remedy = remedy(ctx, env)
		v.Findings = append(v.Findings, f)
		return
	case t.Voids6 > spf.MaxVoids && authorises(t, spf.IP6):
		v.Findings = append(v.Findings, voidFinding(env, r, diagnosis.Warning, t.Voids6, "for IPv6 senders ", func(n *spf.Node) bool { return n.Void6 }))
	case t.Voids4 > spf.MaxVoids && authorises(t, spf.IP4):
		v.Findings = append(v.Findings, voidFinding(env, r, diagnosis.Warning, t.Voids4, "for IPv4 senders ", func(n *spf.Node) bool { return n.Void4 }))
	}
	for _, n := range t.Unanswered {
		v.Doubts = append(v.Doubts, doubt(n))
	}
}

func voidFinding(env *checks.Env, r facts.SPFRecord, s diagnosis.Severity, count int, whom string, void func(*spf.Node) bool) diagnosis.Finding {
	var terms []string
	f := finding(env, r, s, "")
	for n := range r.Tree.Root.All() {
		if n.Depth > 0 && void(n) {
			terms = append(terms, fmt.Sprintf("%q", clip(n.Term.String())))
			f.Evidence = append(f.Evidence, answers(n)...)
		}
	}
	f.Message = fmt.Sprintf("SPF of %s has %d void lookups %s(%s), the limit is %d; most receivers answer permerror", name(env), count, whom, strings.Join(terms, ", "), spf.MaxVoids)
	f.Remedy.Steps = []string{"Replace these terms by the addresses behind them, as ip4: and ip6:, or take them out; terms with ip4: and ip6: are best put in front."}
	return f
}

// authorises reports whether the tree lets in any address of the family.
func authorises(t *spf.Tree, family spf.Kind) bool {
	for n := range t.Root.All() {
		for _, term := range n.Record.Mechanisms() {
			if term.Kind == family && term.Qualifier == spf.Plus {
				return true
			}
		}
	}
	return false
}
