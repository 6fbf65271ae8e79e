package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// PolicyNone: the policy asks for more than watching.
var PolicyNone = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.policy-none",
		Title:    "The policy in force is quarantine or reject",
		Severity: diagnosis.Warning,
		Why:      "p=none only watches: mail that forges the domain is delivered as if there were no DMARC.",
		Doc: `The policy of the domain's own record is its p; where the record of a parent applies, its sp counts if there is one. p=none is where everybody begins, to see in the reports who sends in the domain's name. It protects nobody.

When the reports show for some weeks that all your own mail passes, go to quarantine, and then to reject. Two cautions. Do not go to reject on SPF alone: forwarded mail fails SPF, so sign everything with DKIM first. And where people of the domain write to mailing lists, stop at quarantine: lists change messages, and their other subscribers would lose that mail.

A domain that sends no mail has nothing to lose and takes reject at once.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 5.1.7"}, {Name: "RFC 9989, 7.4"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgePolicy(ctx, env, policyNone)
	},
})

func policyNone(s subject, v *diagnosis.Verdict) {
	if v.Skip = s.unreadable(); v.Skip != "" {
		return
	}
	policy, tag := s.Policy.Record.Stated(s.Relation)
	stated := fmt.Sprintf("%s=%s", tag, policy)
	v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: stated}}
	switch {
	case policy.Strength() > 0:
		return
	case s.env.Want.DMARC.Strength() > 0: // the graver finding says the same
		v.Skip = "because of " + MinimumStage.ID
		return
	}
	f := s.finding(diagnosis.Warning, "mail that forges %s is delivered: the policy%s is none (%s at %s)", s.name, s.from(), stated, s.at())
	f.Remedy = stricter(s)
	v.Findings = []diagnosis.Finding{f}
}

// stricter leads out of p=none: at once where no mail can be lost, else step by step.
func stricter(s subject) diagnosis.Remedy {
	own := s.cured().WithTesting(false)
	if s.Relation != dmarc.Self {
		own = dmarc.Record{RUA: own.RUA, RUF: own.RUF, Failure: own.Failure}
	}
	if own.Subdomains.Strength() == 0 && s.Relation == dmarc.Self {
		own = own.WithSubdomains("")
	}
	if !s.purpose.Sends {
		return diagnosis.Remedy{Edits: []record.Edit{publish(s.Here(), own.WithPolicy(dmarc.Reject))}}
	}
	var steps []string
	if !s.Policy.Record.Reports() {
		if !own.Reports() {
			own = own.WithReports(postmaster(s.env.Domain))
		}
		steps = append(steps, "First have reports sent: publish "+line(s.env.Domain, own.WithPolicy(dmarc.None))+", and wait for two to four weeks of them.")
	}
	steps = append(steps,
		"When the reports show that all your own mail passes, publish "+line(s.env.Domain, own.WithPolicy(dmarc.Quarantine))+".",
		"When all of it passes by DKIM too, and nobody writes to mailing lists from the domain, publish "+line(s.env.Domain, own.WithPolicy(dmarc.Reject))+".")
	if s.Own && s.Relation != dmarc.Self && s.Policy.Record.Subdomains != "" {
		steps = append(steps, "Or drop sp from the record at "+s.at()+", when the mail of all subdomains passes: "+line(s.Policy.Domain, s.cured().WithSubdomains(""))+".")
	}
	return diagnosis.Remedy{Steps: steps}
}
