package dkim

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
)

// NoWildcard: a selector that nobody uses has no answer.
var NoWildcard = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.no-wildcard",
		Title:    "A selector that nobody uses has no answer",
		Severity: diagnosis.Advice,
		Why:      "Where a wildcard answers for every selector, that a record is there means nothing, and verifiers get text that is no key.",
		Doc: `A selector that nobody can have chosen is asked for. An answer comes from a wildcard: often a * record for the web or for SPF that covers _domainkey too, as names below it that have no record of their own count as covered.

A wildcard below _domainkey with an empty p is something else: it says that every selector without a record of its own is revoked. That is good practice and counts as right. It is also the cure for the other kind, as it covers the same names and is nearer.`,
		Refs: []diagnosis.Ref{{Name: "RFC 4592, 2.1.1"}, {Name: "RFC 6376, 6.1.2"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judge(ctx, env, func(keys facts.DKIMKeys, v *diagnosis.Verdict) { noWildcard(env, keys, v) })
	},
})

func noWildcard(env *checks.Env, keys facts.DKIMKeys, v *diagnosis.Verdict) {
	if err := keys.RandomErr; err != nil {
		v.Doubts = []diagnosis.Doubt{{Subject: record.Display(env.Domain), Reason: err.Error()}}
		return
	}
	seen := diagnosis.Evidence{Question: keys.Random.Question.String(), Answer: keys.Random.String()}
	v.Seen = []diagnosis.Evidence{seen}
	key, ok := keys.WildcardKey()
	name := "*._domainkey." + record.Display(env.Domain)
	var message string
	switch {
	case ok && key.Revoked():
		return
	case ok:
		message = fmt.Sprintf("a wildcard gives every selector of %s the same key (%s)", record.Display(env.Domain), key.Describe())
	case len(keys.Random.Records) > 0:
		message = fmt.Sprintf("a wildcard answers for every DKIM selector of %s with %.60q, which is no key", record.Display(env.Domain), record.Sorted(keys.Random.Records)[0].Data)
	case len(keys.Random.Chain) > 0:
		message = fmt.Sprintf("a wildcard makes every DKIM selector of %s an alias of %s", record.Display(env.Domain), record.Display(keys.Random.Target()))
	default:
		return
	}
	f := diagnosis.Finding{Subject: record.Display(env.Domain), Severity: diagnosis.Advice, Message: message, Evidence: []diagnosis.Evidence{seen}}
	if ok { // mail may be signed with it
		f.Remedy.Steps = []string{"Publish the key at the selectors that are in use, then replace the wildcard by `" + record.TXT(name, dkim.Key{}.String()).String() + "`."}
	} else {
		slot := record.Slot{Name: record.Canonical(name), Type: "TXT"}
		f.Remedy.Edits = []record.Edit{record.Set(slot, record.TXT(name, dkim.Key{}.String()))}
		if len(keys.Random.Chain) > 0 { // no CNAME stands beside other data (RFC 1034, 3.6.2)
			alias := record.Slot{Name: record.Canonical(name), Type: "CNAME"}
			f.Remedy.Edits = append([]record.Edit{record.Set(alias)}, f.Remedy.Edits...)
		}
	}
	v.Findings = []diagnosis.Finding{f}
}
