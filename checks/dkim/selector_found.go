package dkim

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

// SelectorFound: there is a key to judge. It never fails: the selector may
// have a name that nobody can guess.
var SelectorFound = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.selector-found",
		Title:    "A key is found at a known selector",
		Severity: diagnosis.Warning,
		Why:      "Without a key to look at, nothing can be said about the signatures of the domain's mail.",
		Doc: `DKIM is a signature in the head of a message. It names the domain that signs (d=) and a selector (s=), and the public key stands at <selector>._domainkey.<domain>, so that a domain can have many keys at once.

The DNS does not list selectors. The ones named with --selector are looked at first, then those of the provider that the SPF and MX records tell of, then the defaults of mail servers, suites and services. If none of them holds a key, the domain may still sign with a selector of its own choosing; so nothing is concluded.

To find the selector, look at a message that was sent from the domain: the s= in its DKIM-Signature header. Then examine again with --selector.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.1"}, {Name: "RFC 6376, 3.6.2.1"}},
	},
	Needs: []*checks.Check{DomainkeyExists, SelectorResolves},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judge(ctx, env, func(keys facts.DKIMKeys, v *diagnosis.Verdict) { selectorFound(env, keys, v) })
	},
})

func selectorFound(env *checks.Env, keys facts.DKIMKeys, v *diagnosis.Verdict) {
	for _, s := range keys.Present() {
		subject{s, env, keys}.saw(v, "%s", describe(s))
	}
	if len(v.Seen) > 0 {
		return
	}
	reason := fmt.Sprintf("no key at any of the %d selectors that were tried%s", len(keys.Selectors), unguessed(keys))
	if i := slices.IndexFunc(keys.Selectors, func(s facts.DKIMSelector) bool { return s.Err != nil }); i >= 0 {
		reason = keys.Selectors[i].Err.Error()
	}
	v.Doubts = []diagnosis.Doubt{{Subject: "_domainkey." + record.Display(env.Domain), Reason: reason}}
}

// unguessed says why it means little that no key was found.
func unguessed(keys facts.DKIMKeys) string {
	s := "; a selector of another name may hold one, give it with --selector"
	if hint := providerHint(keys.Providers); hint != "" {
		s += "; " + hint
	}
	return s
}

// describe is what stands at a selector, in a few words.
func describe(s facts.DKIMSelector) string {
	var words []string
	for _, k := range s.Keys {
		words = append(words, k.Describe())
	}
	if len(words) == 0 {
		words = append(words, "an alias without a record")
	}
	text := strings.Join(words, ", ")
	if s.Provider != "" {
		text += " (" + s.Provider + ")"
	}
	if n := len(s.Answer.Chain); n > 0 {
		text += ", by CNAME to " + record.Display(s.Answer.Chain[n-1].Data)
	}
	return text
}

// providerHint says which selectors the providers in use would have had.
func providerHint(providers []facts.Provider) string {
	var hints []string
	for _, p := range providers {
		if len(p.Selectors) == 0 {
			hints = append(hints, p.Name+" gives every customer a selector of its own")
			continue
		}
		hints = append(hints, fmt.Sprintf("%s signs with %s if DKIM is switched on there", p.Name, strings.Join(p.Selectors, ", ")))
	}
	return strings.Join(hints, "; ")
}
