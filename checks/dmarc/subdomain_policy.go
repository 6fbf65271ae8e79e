package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// SubdomainPolicy: subdomains are protected as well as the domain.
var SubdomainPolicy = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.subdomain-policy",
		Title:    "Subdomains are not weaker protected than the domain",
		Severity: diagnosis.Warning,
		Why:      "With a weaker sp, whoever cannot forge the domain forges billing.<domain> or any other name below it, which readers take for the same.",
		Doc: `The tag sp sets the policy of subdomains that have no record of their own; without it p counts for them too. sp=none beside p=reject leaves every name below the domain open. It is often a leftover of the first days.

To fix it, look in the reports whether mail of subdomains fails, let those subdomains sign or give them a record of their own, and then drop sp.

The tag means something only in the record of the organizational domain; elsewhere receivers never come to read it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 4.10.1"}},
	},
	Needs: []*checks.Check{Exists, PolicyNone},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, subdomainPolicy)
	},
})

func subdomainPolicy(s subject, v *diagnosis.Verdict) {
	r := s.Policy.Record
	seen := diagnosis.Evidence{Question: s.at(), Answer: "no sp: subdomains have p=" + string(r.Policy)}
	if r.Subdomains != "" {
		seen.Answer = fmt.Sprintf("p=%s, sp=%s", r.Policy, r.Subdomains)
	}
	v.Seen = []diagnosis.Evidence{seen}
	switch {
	case r.Subdomains == "" || r.Subdomains.Strength() >= r.Policy.Strength():
		return
	case s.Policy.Domain != s.Organizational:
		v.Seen[0].Answer += fmt.Sprintf("; without effect, as %s is not the organizational domain", record.Display(s.Policy.Domain))
		return
	}
	f := s.finding(diagnosis.Warning, "%s has sp=%s beside p=%s: names below it are easier to forge than it is itself", s.at(), r.Subdomains, r.Policy)
	f.Remedy.Steps = []string{
		"Look in the reports whether mail from subdomains fails that is your own, and let it be signed.",
		"Then publish " + line(s.Policy.Domain, s.cured().WithSubdomains("")) + ".",
	}
	v.Findings = []diagnosis.Finding{f}
}
