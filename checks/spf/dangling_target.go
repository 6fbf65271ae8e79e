package spf

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/rdap"
)

// DanglingTarget: nobody can buy a pass. It does not need the checks of targets:
// that a target is gone, and that a stranger can have it, are two faults.
var DanglingTarget = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.dangling-target",
		Title:    "Every domain that the record relies on is registered",
		Severity: diagnosis.Warning,
		Why:      "Whoever registers a domain that your SPF record relies on, for the price of a coffee, decides who may send as you: their mail passes SPF, and DMARC with it.",
		Doc: `Services close, companies are renamed, hosts move; the include: or a: that was made for them stays in the record. Once the registration of that domain ends, it is free. Nobody is told when a stranger registers it and publishes an SPF record, or an address, of their own.

Looked at are the domains of include, redirect, a, mx, ptr and exists, in the record and in all that it includes, with the hosts of mx and the targets of aliases. Of a name with macros it is the part behind them. A domain that the DNS does not have is looked up at its registry over RDAP. It is reported if the registry has not got it either, or is deleting it: a domain without name servers may be somebody's all the same. Some registries keep names back that look free; then the term is useless and not dangerous.

To fix it, take the term out. If you still use the service, look up in its manual what to include today. If that takes time, register the domain yourself.

Where the registry gives no answer, or has no RDAP service, it cannot be told; ask your registrar whether the domain is free.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 5.2"}, {Name: "RFC 7480, 5.3"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		reliances, err := facts.SPFReliances.Of(ctx, env)
		if err != nil {
			return diagnosis.Verdict{}, err
		}
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			for _, reliance := range reliances {
				dangling(ctx, env, r, reliance, v)
			}
			if len(v.Seen) == 0 && v.Skip == "" {
				v.Seen = []diagnosis.Evidence{{Question: "domains that SPF relies on", Answer: relied(r, env)}}
			}
		})
	},
})

func dangling(ctx context.Context, env *checks.Env, r facts.SPFRecord, reliance facts.Reliance, v *diagnosis.Verdict) {
	domain := display(reliance.Domain)
	switch doubt := reliance.Doubt(); {
	case doubt != "" && env.HTTP == nil && reliance.Err == nil:
		v.Skip = doubt
		return
	case doubt != "":
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: domain, Reason: doubt})
		return
	case reliance.Open() == "":
		if reliance.Registration.Known {
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: domain, Answer: "not in the DNS, but registered"})
		}
		return
	}
	n := rests(r, reliance)
	if n == nil {
		return
	}
	f := diagnosis.Finding{
		Subject: domain, Severity: diagnosis.Warning,
		Evidence: append(slices.Clone(answers(n)), reliance.Evidence()...),
		Message:  fmt.Sprintf("%s has %q, which rests on %s; %s: whoever registers it passes SPF as %s", holder(env, n), clip(n.Term.String()), domain, reliance.Open(), name(env)),
	}
	switch {
	case own(env, n) && names(n.Domain, n.Term, reliance):
		f.Remedy = remedy(ctx, env, fmt.Sprintf("If you still use the service behind %s, look up in its manual what to name today.", domain))
	case own(env, n):
		f.Remedy.Steps = detour(n, reliance)
	default:
		f.Remedy.Steps = []string{fmt.Sprintf("Tell the owner of %s; until it is mended, take out the include that leads there.", display(n.In))}
	}
	v.Findings = append(v.Findings, f)
}

// detour leads to where the name stands that a term rests on and does not name.
func detour(n *spf.Node, reliance facts.Reliance) []string {
	target := display(n.Domain)
	for _, lost := range facts.Missing(n) {
		switch {
		case !slices.Contains(reliance.Names, lost):
		case n.Term.Kind == spf.MX:
			return []string{fmt.Sprintf("Take %s out of the MX records of %s, or ask their owner to; until then, name the hosts that send by address in place of %q.", display(lost), target, clip(n.Term.String()))}
		default:
			return []string{fmt.Sprintf("%s is an alias that leads to %s: point it elsewhere, or take %q out.", target, display(lost), clip(n.Term.String()))}
		}
	}
	return nil
}

// rests is the first node that relies on the domain, the domain's own terms
// before those of others.
func rests(r facts.SPFRecord, reliance facts.Reliance) *spf.Node {
	var first *spf.Node
	for n := range r.Tree.Root.All() {
		on := slices.ContainsFunc(facts.Missing(n), func(name string) bool { return slices.Contains(reliance.Names, name) })
		if on && (first == nil || n.Depth < first.Depth) {
			first = n
		}
	}
	return first
}

// names reports whether a term itself names the domain, and not a host or an
// alias that it leads to.
func names(target string, t spf.Term, reliance facts.Reliance) bool {
	if target == "" {
		return true // macros, of which the part behind is fixed
	}
	domain, ok := rdap.Registrable(target)
	return ok && domain == reliance.Domain && t.Domain != ""
}

// relied sums up a record of which nothing dangles.
func relied(r facts.SPFRecord, env *checks.Env) string {
	own, _ := rdap.Registrable(env.Domain)
	var list []string
	for n := range r.Tree.Root.All() {
		heard := n.In != "" && n.State != spf.Unanswered && n.State != spf.Cut
		if domain, ok := rdap.Registrable(n.Domain); ok && heard && domain != own && !slices.Contains(list, domain) {
			list = append(list, domain)
		}
	}
	if len(list) == 0 {
		return "none but its own"
	}
	return fmt.Sprintf("%s of others, all in the DNS", plural(len(list), "domain"))
}
