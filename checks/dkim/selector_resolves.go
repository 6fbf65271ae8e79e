package dkim

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// SelectorResolves: every selector that the owner names holds a record.
var SelectorResolves = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.selector-resolves",
		Title:    "Every selector that is in use holds a key",
		Severity: diagnosis.Critical,
		Why:      "Mail signed with a selector that has no key fails DKIM everywhere, and DMARC with it once it is forwarded.",
		Doc: `Receivers fetch the key from the TXT record at <selector>._domainkey.<domain>, where the selector is the s= of the signature. A CNAME there is followed. If there is no record, the signature counts as none.

This is judged for selectors named with --selector; the s= in the DKIM-Signature header of a message that you have sent tells which it is.

To fix it, publish the public key under exactly that selector (opendkim-genkey, rspamadm dkim_keygen and mail suites write or show the record), or let the server sign with a selector that has one.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.2"}, {Name: "RFC 6376, 6.1.2"}},
	},
	Needs: []*checks.Check{DomainkeyExists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judge(ctx, env, func(keys facts.DKIMKeys, v *diagnosis.Verdict) {
			named := keys.Named()
			if len(named) == 0 {
				v.Seen = []diagnosis.Evidence{{Question: "selectors", Answer: "none named; give --selector NAME to check one that is in use"}}
			}
			if keys.Tree.Absent() {
				return // then dkim.domainkey-exists says it of all selectors at once
			}
			for _, s := range named {
				selectorResolves(subject{s, env, keys}, v)
			}
		})
	},
})

func selectorResolves(s subject, v *diagnosis.Verdict) {
	switch {
	case s.Err != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: s.name(), Reason: s.Err.Error()})
		return
	case s.Mine() && !s.Dangling():
		s.saw(v, "%d TXT record", len(s.Keys))
		return
	case s.Dangling(): // that the alias leads nowhere is the matter of dkim.cname-resolves
		s.saw(v, "by CNAME to %s", record.Display(s.Answer.Target()))
		return
	}
	var f diagnosis.Finding
	switch {
	case s.Wildcard:
		f = s.finding(diagnosis.Critical, "%s holds no key: what answers there is a wildcard record", s.name())
	case s.Answer.Exists:
		f = s.finding(diagnosis.Critical, "%s has no TXT record: signatures with selector %s cannot be verified", s.name(), s.Name)
	default:
		f = s.finding(diagnosis.Critical, "%s does not exist (NXDOMAIN): signatures with selector %s cannot be verified", s.name(), s.Name)
	}
	f.Remedy.Steps = []string{
		fmt.Sprintf("Compare %s with the s= in the DKIM-Signature header of a message that was sent.", s.Name),
		fmt.Sprintf("Have the server show the public key of its signing key, and publish it as TXT at %s.", s.name()),
	}
	if others := keysElsewhere(s.keys); others != "" {
		f.Remedy.Steps = append(f.Remedy.Steps, "Keys do stand at "+others+"; perhaps the server should sign with one of these selectors.")
	}
	v.Findings = append(v.Findings, f)
}

func keysElsewhere(keys facts.DKIMKeys) string {
	list := ""
	for _, s := range keys.Present() {
		if list != "" {
			list += ", "
		}
		list += record.Display(s.Domain)
	}
	return list
}
