package bimi

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// DMARCReady: the policy is as strict as BIMI needs.
var DMARCReady = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "bimi.dmarc-ready",
		Title:    "The DMARC policy is strict enough for the BIMI logo",
		Severity: diagnosis.Advice,
		Why:      "A logo on forged mail would help the forger. So receivers show none for a domain that lets forged mail through, however good logo and certificate are.",
		Doc: `It is judged where a BIMI record is published that shows a logo. The DMARC policy has to be quarantine or reject, for the domain of the From address and for its organizational domain; sp must not be none in either record; and pct, where it is left over from RFC 7489, has to be 100. With t=y receivers of RFC 9989 apply the next weaker policy, so that quarantine is none for them.

A subdomain with p=reject of its own, below an organizational domain with p=none, gets no logo either.

To fix it, follow what the dmarc checks say about the record: they lead to a stricter policy without losing mail on the way. Receivers look at the policy again with each message, so that the logo comes back by itself.`,
		Refs: []diagnosis.Ref{draft, {Name: "RFC 9989, 4.7"}, {Name: "RFC 7489, 6.3"}, gmail},
	},
	Needs: []*checks.Check{Record},
	Run:   judgeReady,
})

func judgeReady(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	r, err := facts.BIMI.Of(ctx, env)
	if err != nil {
		return v, err
	}
	switch {
	case !r.Published():
		v.Seen = absent(r)
		return v, nil
	case r.Record.Declines():
		v.Seen = remarks(r)
		return v, nil
	}
	p, err := facts.DMARC.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case len(p.Undecided) > 0:
		return v, p.Undecided[0]
	case p.Policy == nil:
		v.Skip = "because of dmarc.exists"
		return v, nil
	case !p.Policy.Record.Valid():
		v.Skip = "because of dmarc.syntax"
		return v, nil
	}
	for _, step := range steps(p, env.Domain) {
		if step.Err != nil {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(step.Domain), Reason: step.Err.Error()})
			continue
		}
		policy{p, step}.judge(&v)
	}
	return v, nil
}

// steps is the record that applies and that of the organizational domain, where
// it is another.
func steps(p facts.DMARCPolicy, domain string) []dmarc.Step {
	list := []dmarc.Step{*p.Policy}
	above := dmarc.ListedOrganizational(domain)
	i := slices.IndexFunc(p.Steps, func(s dmarc.Step) bool { return s.Domain == above })
	if i >= 0 && above != p.Policy.Domain && (p.Steps[i].Err != nil || p.Steps[i].Record != nil && p.Steps[i].Record.Valid()) {
		list = append(list, p.Steps[i])
	}
	return list
}

// A policy is one record on which the logo depends.
type policy struct {
	facts.DMARCPolicy
	step dmarc.Step
}

func (p policy) name() string { return "_dmarc." + record.Display(p.step.Domain) }

func (p policy) judge(v *diagnosis.Verdict) {
	r := *p.step.Record
	stated := "p=" + string(r.Policy)
	if r.Subdomains != "" {
		stated += ", sp=" + string(r.Subdomains)
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: p.name(), Answer: stated})
	add := func(cause, format string, args ...any) {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: record.Display(p.step.Domain), Severity: diagnosis.Advice,
			Message:  fmt.Sprintf(format, args...),
			Evidence: []diagnosis.Evidence{{Question: p.step.Answer.Question.String(), Answer: p.step.Answer.String()}},
			Remedy:   diagnosis.Remedy{Steps: p.remedy(cause)},
		})
	}
	applies := p.step.Domain == p.Policy.Domain
	switch {
	case r.Policy.Strength() == 0: // draft BIMI, 7.1
		add("dmarc.policy-none", "no logo is shown: %s says p=none, and BIMI needs quarantine or reject", p.name())
		return
	case r.Subdomains != "" && r.Subdomains.Strength() == 0:
		add("dmarc.subdomain-policy", "no logo is shown: %s says sp=none, and BIMI needs quarantine or reject for subdomains too", p.name())
	}
	if percent := r.Percent(); percent < 100 {
		add("dmarc.removed-tags", "no logo is shown: %s says pct=%d, and BIMI needs the policy for all mail", p.name(), percent)
	}
	if applies && r.InForce(dmarc.Self).Strength() == 0 {
		add("dmarc.testing-flag", "%s says t=y, which makes p=%s none to receivers of RFC 9989: they need show no logo", p.name(), r.Policy)
	}
}

// remedy leaves the record to the check that looks after it, so that nobody
// prescribes two for one place, and gives it where none does.
func (p policy) remedy(cause string) []string {
	if p.looksAfter(cause) {
		return []string{"Cure " + cause + ", which is behind this; the policy has to end at quarantine or reject, for all mail and for subdomains."}
	}
	r, ok := dmarc.Repair(p.step.Texts[0])
	if !ok {
		return []string{"Publish a policy of quarantine or reject at " + p.name() + "."}
	}
	r = r.WithTesting(false)
	if r.Subdomains.Strength() == 0 {
		r = r.WithSubdomains("")
	}
	if r.Policy.Strength() == 0 {
		r = r.WithPolicy(dmarc.Quarantine)
	}
	domain := record.Display(p.step.Domain)
	return []string{
		"See in the DMARC reports that the mail of " + domain + " and of all names below it passes (maildoctor check " + domain + ").",
		"Then publish " + line(record.TXT(record.DMARC(p.step.Domain).Name, r.String())) + ".",
	}
}

// looksAfter reports whether another check finds the same in this examination.
func (p policy) looksAfter(cause string) bool {
	if p.step.Domain != p.Policy.Domain || !p.Own {
		return false
	}
	stated, _ := p.Policy.Record.Stated(p.Relation)
	switch cause {
	case "dmarc.policy-none":
		return stated.Strength() == 0
	case "dmarc.subdomain-policy":
		return p.Policy.Domain == p.Organizational
	}
	return true
}
