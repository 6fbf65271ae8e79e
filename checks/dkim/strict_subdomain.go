package dkim

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// StrictSubdomain: t=s does not stand against addresses below the domain.
var StrictSubdomain = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.strict-subdomain",
		Title:    "t=s fits the identities signed",
		Severity: diagnosis.Advice,
		Why:      "With t=s a signature that speaks for an address below the domain, as in i=@news.<domain>, does not verify.",
		Doc: `The flag t=s binds the identity of a signature (i=) to the very domain that signs (d=). The standard recommends it where no subdomain is spoken for, and some mail suites set it by default. It is no fault by itself.

It is one where the names below the domain have mail addresses: a wildcard MX record gives them to all. Which identities are signed only a message shows: look at i= in the DKIM-Signature header. Without i= nothing is wrong.

To fix it, publish the key without the flag, or let the subdomains sign with keys of their own.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.1"}, {Name: "RFC 6376, 3.5"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		var below resolve.Answer
		var failed error
		v, err := judgeFrom(ctx, env, useStage, func(s subject, v *diagnosis.Verdict) {
			if !s.key().Strict() {
				s.saw(v, "no t=s")
				return
			}
			if below.Question.Name == "" && failed == nil {
				below, failed = env.DNS.Resolve(ctx, resolve.Ask("maildoctor-nobody-has-this."+env.Domain, "MX"))
			}
			if failed == nil {
				s.strictSubdomain(below, v)
			}
		})
		if err == nil {
			err = failed
		}
		return v, err
	},
})

func (s subject) strictSubdomain(below resolve.Answer, v *diagnosis.Verdict) {
	addresses := false
	for _, r := range below.Records {
		_, host, ok := r.MX()
		addresses = addresses || ok && host != "."
	}
	if !addresses {
		s.saw(v, "t=s; the names below the domain have no mail addresses that are known of")
		return
	}
	f := s.finding(diagnosis.Advice, "the key at %s has t=s, but a wildcard MX gives every name below %s mail addresses: signatures that speak for one of them do not verify", s.name(), record.Display(s.env.Domain))
	f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: below.Question.String(), Answer: below.String()})
	f.Remedy.Steps = []string{"Look at the DKIM-Signature of a message from such an address. If its i= names the subdomain, take t=s out of the key record."}
	if key, ok := s.cured(); ok {
		slot := record.DKIMKey(s.Name, s.env.Domain)
		f.Remedy.Steps = append(f.Remedy.Steps, fmt.Sprintf("The record without it: `%s`", record.TXT(slot.Name, key.WithoutStrict().String())))
	}
	v.Findings = append(v.Findings, f)
}
