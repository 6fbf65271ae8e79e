package spf

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// AllPermissive: not everybody passes.
var AllPermissive = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.all-permissive",
		Title:    "Not everybody is authorised",
		Severity: diagnosis.Warning,
		Why:      "A record that passes everybody lets any spammer send as the domain with an SPF pass, and through it with a DMARC pass.",
		Doc: `all without a qualifier means +all: every address in the world passes. A prefix length of 0, such as ip4:0.0.0.0/0, says the same for one family. In an included record it has the same effect, because include matches wherever the other record passes.

To fix it, end the record in ~all or -all; take the include out if it is the other record that lets everybody in, and tell its owner.

Receivers follow the record as it is. Some treat a domain with +all as a spammer's.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 5.1"}, {Name: "RFC 7208, 5.2"}},
	},
	Needs: followable,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			permissive(ctx, env, r, r.Tree.Root, v)
			for _, n := range r.Tree.Unanswered {
				if n.Term.Kind == spf.Include || n.Term.Kind == spf.Redirect {
					v.Doubts = append(v.Doubts, doubt(n))
				}
			}
			if len(v.Findings) == 0 {
				v.Seen = []diagnosis.Evidence{{Question: "terms that pass everybody", Answer: "none"}}
			}
		})
	},
})

// permissive looks through the records in which a pass is a pass for the domain.
func permissive(ctx context.Context, env *checks.Env, r facts.SPFRecord, n *spf.Node, v *diagnosis.Verdict) {
	for _, t := range n.Record.Mechanisms() {
		open := t.Kind == spf.All || (t.Kind == spf.IP4 || t.Kind == spf.IP6) && t.Prefix.Bits() == 0
		if !open || t.Qualifier != spf.Plus {
			continue
		}
		f := finding(env, r, diagnosis.Warning, "%s has %q: everybody may send as %s", whose(env, n), t.Text, name(env))
		if n.Depth == 0 && t.Kind == spf.All {
			f.Remedy = remedy(ctx, env)
		} else if n.Depth == 0 {
			f.Remedy.Edits = publish(env, r.Record.Without(t))
		} else {
			f.Evidence = append(f.Evidence, answers(n)...)
			f.Remedy.Steps = []string{fmt.Sprintf("Take what leads to %s out of your record, name the addresses that you need yourself, and tell its owner.", record.Unicode(n.Domain))}
		}
		v.Findings = append(v.Findings, f)
	}
	for _, c := range n.Children {
		if c.Term.Kind == spf.Redirect || c.Term.Kind == spf.Include && c.Term.Qualifier == spf.Plus {
			permissive(ctx, env, r, c, v)
		}
	}
}
