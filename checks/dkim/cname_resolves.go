package dkim

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// CNAMEResolves: an alias at a selector leads to a record.
var CNAMEResolves = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.cname-resolves",
		Title:    "A CNAME at a selector ends in a key",
		Severity: diagnosis.Critical,
		Why:      "An alias whose target has no key makes every signature with that selector fail; if the target's domain has lapsed, whoever registers it can sign as you.",
		Doc: `Providers have you point selectors at names of their own, so that they can change keys. The alias must lead to a TXT record. Where it does not, signing is often not switched on at the provider yet, the account is closed, or the target is mistyped.

To fix it, switch DKIM on at the provider, correct the target, or delete the CNAME if the provider is no longer used. Microsoft 365 creates its keys only when DKIM is enabled for the domain. A spare selector, beside another of the same provider that holds a key, may be empty until the provider changes keys. Whether a stranger can register the domain of a target that is gone is judged by dkim.cname-dangling.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.2"}, {Name: "RFC 1034, 3.6.2"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeFrom(ctx, env, aliasStage, cnameResolves)
	},
})

func cnameResolves(s subject, v *diagnosis.Verdict) {
	target := record.Display(s.Answer.Target())
	switch {
	case len(s.Answer.Chain) == 0:
		s.saw(v, "no alias")
		return
	case !s.Dangling():
		s.saw(v, "by CNAME to %s", target)
		return
	case !s.Named && s.spare():
		s.saw(v, "by CNAME to %s, where no key is yet; another selector of the same provider holds one", target)
		return
	}
	severity := diagnosis.Warning
	if s.inUse() {
		severity = diagnosis.Critical
	}
	how := "has no TXT record"
	if !s.Answer.Exists {
		how = "does not exist (NXDOMAIN)"
	}
	f := s.finding(severity, "%s is an alias of %s, which %s: signatures with selector %s fail", s.name(), target, how, s.Name)
	f.Remedy.Steps = []string{
		fmt.Sprintf("Switch DKIM on at the provider behind %s, or correct the target of the CNAME.", target),
		fmt.Sprintf("If that provider is no longer used, delete the CNAME at %s.", s.name()),
	}
	v.Findings = append(v.Findings, f)
}

// spare reports whether another selector leads to the same provider, to a name
// beside the target, and holds a key: the provider takes turns with them.
func (s subject) spare() bool {
	for _, other := range s.keys.Present() {
		if other.Domain != s.Domain && reached(other) == useStage && len(other.Answer.Chain) > 0 &&
			record.Parent(other.Answer.Chain[0].Data) == record.Parent(s.Answer.Chain[0].Data) {
			return true
		}
	}
	return false
}
