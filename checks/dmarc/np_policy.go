package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// NPPolicy: names that do not exist are protected as well as the domain.
var NPPolicy = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.np-policy",
		Title:    "Subdomains that do not exist are covered",
		Severity: diagnosis.Advice,
		Why:      "Forgers make up names such as invoice.<domain>. Nobody sends mail from names that do not exist, so a strict policy for them costs nothing and stops that at once.",
		Doc: `The tag np sets the policy of names below the domain that do not exist. Without it sp counts for them, and without that p. Where sp is weak because some subdomain still sends unsigned mail, np closes the rest of the name space meanwhile.

To fix it, publish np with the policy of p. Receivers of RFC 7489 do not know the tag and go by sp; those of RFC 9091 know it.

A wildcard record makes every name exist, and then np never applies; see dmarc.effective-policy. The tag means something only in the record of the organizational domain.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 4.10.1"}},
	},
	Needs: []*checks.Check{Exists, PolicyNone, ParkedReject},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, npPolicy)
	},
})

// openNames reports whether r protects names that do not exist less than the domain.
func openNames(r dmarc.Record) bool {
	policy, _ := r.Stated(dmarc.NonExistent)
	return r.Valid() && policy.Strength() < r.Policy.Strength()
}

func npPolicy(s subject, v *diagnosis.Verdict) {
	r := *s.Policy.Record
	policy, tag := r.Stated(dmarc.NonExistent)
	v.Seen = []diagnosis.Evidence{{Question: "names below " + record.Display(s.Policy.Domain) + " that do not exist", Answer: fmt.Sprintf("%s=%s", tag, policy)}}
	switch {
	case !openNames(r):
		return
	case s.Policy.Domain != s.Organizational:
		v.Seen[0].Answer += "; without effect, as that is not the organizational domain"
		return
	}
	f := s.finding(diagnosis.Advice, "%s leaves names that do not exist to %s=%s beside p=%s: whoever makes up a name below it is let in", s.at(), tag, policy, r.Policy)
	f.Remedy = s.republish()
	v.Findings = []diagnosis.Finding{f}
}
