package dmarc

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// MinimumStage: the policy has come as far as its owner wants it, and stays there.
var MinimumStage = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.minimum-stage",
		Title:    "The DMARC policy is as strict as the owner demands",
		Severity: diagnosis.Critical,
		Why:      "You have decided how forged mail is to be treated. A record that was edited, replaced or lost undoes that without a sound, and nobody notices until somebody forges you.",
		Doc: `The weakest policy that will do is given with --dmarc or, in maildoctor.yaml, with check.dmarc: none, quarantine or reject, each stricter than the one before. It is held against the policy in force, as receivers of RFC 9989 work it out: a record with t=y counts one step less, and one that is not valid counts as none.

Where the record is that of the organizational domain, the names below it must be protected as well: those that exist (sp) and those that do not (np). That they are less so is a warning.

That a domain has no policy at all is critical too, once one is demanded. To fix it, publish the record below when the reports show that all your own mail passes; or, if the demand came too early, lower it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 4.10.1"}},
	},
	Needs: []*checks.Check{LookupConclusive, SingleRecord},
	Run:   minimumStage,
})

func minimumStage(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	least := env.Want.DMARC
	if least == "" {
		return diagnosis.Verdict{Skip: "no policy is demanded; do so with --dmarc POLICY"}, nil
	}
	p, err := facts.DMARC.Of(ctx, env)
	if err == nil && len(p.Undecided) == 0 && p.Policy == nil {
		return noStage(ctx, env, p)
	}
	return judgePolicy(ctx, env, func(s subject, v *diagnosis.Verdict) { s.atLeast(least, v) })
}

// noStage is the verdict where no policy applies at all.
func noStage(ctx context.Context, env *checks.Env, p facts.DMARCPolicy) (diagnosis.Verdict, error) {
	purpose, err := facts.Intent.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	least := env.Want.DMARC
	f := diagnosis.Finding{Subject: record.Display(env.Domain), Severity: diagnosis.Critical}
	f.Message = fmt.Sprintf("no DMARC policy applies to %s; at least %s is demanded", f.Subject, least)
	f.Evidence = []diagnosis.Evidence{answer(p.Here())}
	if first := fresh(env.Domain, purpose); first.Policy.Strength() >= least.Strength() {
		f.Remedy.Edits = []record.Edit{publish(p.Here(), first)}
	} else {
		f.Remedy.Steps = []string{
			"First have reports sent: publish " + line(env.Domain, first) + ".",
			"When they show that all your own mail passes, publish " + line(env.Domain, first.WithPolicy(least)) + ".",
		}
	}
	return diagnosis.Verdict{Findings: []diagnosis.Finding{f}}, nil
}

// atLeast holds what is in force to the weakest policy that will do.
func (s subject) atLeast(least dmarc.Policy, v *diagnosis.Verdict) {
	v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: fmt.Sprintf("%s in force, at least %s demanded", s.Policy.Record.InForce(s.Relation), least)}}
	f := s.finding(diagnosis.Critical, "")
	switch below := s.openBelow(least); {
	case s.Policy.Record.InForce(s.Relation).Strength() < least.Strength():
		f.Message = fmt.Sprintf("the policy in force for %s is %s (%s); at least %s is demanded", s.name, s.Policy.Record.InForce(s.Relation), s.stated(), least)
	case below != "":
		f.Severity = diagnosis.Warning
		f.Message = fmt.Sprintf("names below %s are less protected than is demanded: %s at %s, and not %s", s.name, below, s.at(), least)
	default:
		return
	}
	f.Remedy = s.upTo(least)
	v.Findings = []diagnosis.Finding{f}
}

// stated is what of the record decides, for readers: "p=reject with t=y at
// _dmarc.example.org".
func (s subject) stated() string {
	policy, tag := s.Policy.Record.Stated(s.Relation)
	if tag == "" {
		return "the record at " + s.at() + " is not valid"
	}
	said := fmt.Sprintf("%s=%s", tag, policy)
	if s.Policy.Record.Testing && policy.Strength() > 0 {
		said += " with t=y"
	}
	return said + " at " + s.at()
}

// openBelow is the tags by which names below the domain are less protected than
// least; receivers read them in the record of the organizational domain alone.
func (s subject) openBelow(least dmarc.Policy) string {
	r := s.Policy.Record
	if s.Relation != dmarc.Self || s.Policy.Domain != s.Organizational {
		return ""
	}
	var tags []string
	if r.Subdomains != "" && r.InForce(dmarc.Subdomain).Strength() < least.Strength() {
		tags = append(tags, "sp="+string(r.Subdomains))
	}
	if r.NonExistent != "" && r.InForce(dmarc.NonExistent).Strength() < least.Strength() {
		tags = append(tags, "np="+string(r.NonExistent))
	}
	return strings.Join(tags, ", ")
}

// upTo leads to a policy: at once where no mail can be lost.
func (s subject) upTo(least dmarc.Policy) diagnosis.Remedy {
	own := s.cured().WithTesting(false)
	if s.Relation != dmarc.Self {
		own = dmarc.Record{RUA: own.RUA, RUF: own.RUF, Failure: own.Failure}
	}
	if own.Policy.Strength() < least.Strength() {
		own = own.WithPolicy(least)
	}
	for _, p := range []*dmarc.Policy{&own.Subdomains, &own.NonExistent} {
		if *p != "" && p.Strength() < least.Strength() {
			*p = ""
		}
	}
	if !s.purpose.Sends {
		return diagnosis.Remedy{Edits: []record.Edit{publish(s.Here(), own.WithPolicy(dmarc.Reject).WithSubdomains(""))}}
	}
	var steps []string
	if !own.Reports() {
		own = own.WithReports(postmaster(s.env.Domain))
		steps = append(steps, "The record has no address for reports, which tell whether your own mail passes; the one below has.")
	}
	return diagnosis.Remedy{Steps: append(steps, "If your own mail passes, as the reports show, publish "+line(s.env.Domain, own)+".", "If it does not yet, demand less until it does.")}
}
