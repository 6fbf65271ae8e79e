package dmarc

import (
	"context"
	"fmt"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// PSDValue: psd does not move the organizational domain.
var PSDValue = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.psd-value",
		Title:    "psd is absent or right",
		Severity: diagnosis.Warning,
		Why:      "psd decides where the organizational domain is, and with it which DKIM and SPF domains are aligned: a wrong value makes the owner's own mail fail.",
		Doc: `The tag psd is for the operators of public suffixes. psd=y says that the names directly below are organizational domains of different owners: then mail.<domain> and news.<domain> have nothing to do with each other, and a signature of <domain> is not aligned with either. psd=n says that this very name is an organizational domain, and so cuts it off from the domain above. psd=u, or no psd, leaves it to the tree walk, which is right for everybody else.

To fix it, drop the tag. Receivers of RFC 7489 ignore it and use the public suffix list, so the same mail passes there and fails elsewhere.

psd=n below the registered domain is advice: it is right where that part of the name space has an owner of its own.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 4.10.2"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgePolicy(ctx, env, psdValue)
	},
})

// misplacedPSD reports whether a step of the walk declares a public suffix
// where none is.
func misplacedPSD(step dmarc.Step) bool {
	return step.Record != nil && !step.Beyond && step.Record.PSD == "y" && !isSuffix(step.Domain)
}

// isSuffix reports whether domain is on the public suffix list. The list knows
// every top-level domain.
func isSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(record.Display(domain))
	return suffix == record.Display(domain)
}

func psdValue(s subject, v *diagnosis.Verdict) {
	for _, step := range s.Steps {
		if step.Record == nil || step.Beyond || step.Record.PSD == "" {
			continue
		}
		at := record.DMARC(step.Domain).Name
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(at), Answer: "psd=" + step.Record.PSD})
		switch {
		case misplacedPSD(step):
			f := s.finding(diagnosis.Warning, "%s has psd=y, but %s is no public suffix: each name below counts as an organizational domain of its own, and signatures of %s are not aligned with any", record.Display(at), record.Display(step.Domain), record.Display(step.Domain))
			f.Evidence = []diagnosis.Evidence{answer(step)}
			f.Remedy = s.withoutPSD(step)
			v.Findings = append(v.Findings, f)
		case step.Record.PSD == "n" && step.Domain != dmarc.ListedOrganizational(step.Domain):
			f := s.finding(diagnosis.Advice, "%s has psd=n below the registered domain %s: the two are not aligned with each other any more, for receivers of RFC 9989", record.Display(at), record.Display(dmarc.ListedOrganizational(step.Domain)))
			f.Evidence = []diagnosis.Evidence{answer(step)}
			f.Remedy.Steps = []string{fmt.Sprintf("If %s has the same owner as the domain above it, drop psd from the record at %s.", record.Display(step.Domain), record.Display(at))}
			v.Findings = append(v.Findings, f)
		}
	}
	if len(v.Seen) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: "no psd"}}
	}
}

// withoutPSD is the record of a step without psd, if it is the owner's to change.
func (s subject) withoutPSD(step dmarc.Step) diagnosis.Remedy {
	if step.Domain == s.Policy.Domain && s.Own {
		return s.republish()
	}
	return diagnosis.Remedy{Steps: []string{fmt.Sprintf("Have whoever runs %s drop psd from the record at %s.", record.Display(step.Domain), record.Display(record.DMARC(step.Domain).Name))}}
}
