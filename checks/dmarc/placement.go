package dmarc

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Placement: the record stands where receivers look, as they read it, alone.
var Placement = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.placement",
		Title:    "The record stands at _dmarc, alone",
		Severity: diagnosis.Warning,
		Why:      "Receivers look at _dmarc only, and only at texts that begin with exactly v=DMARC1. A record anywhere else, or behind a space or a quote, protects nothing.",
		Doc: `Three things make a record that somebody wrote invisible: it stands at the domain itself instead of at _dmarc; something stands before v=DMARC1 (a space, a quotation mark that a panel added) or the version is spelled otherwise (v=dmarc1, no semicolon behind it). Receivers skip such texts without a word.

Other texts beside the record, such as an SPF record at _dmarc, are skipped too and do no harm, but tell of a mistake, often of a wildcard record.

To fix it, publish the record at _dmarc and delete the text that is in the wrong place.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.5"}, {Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 4.10"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   placement,
})

func placement(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, err := facts.DMARC.Of(ctx, env)
	if err != nil {
		return v, err
	}
	here := p.Here()
	name := record.Display(env.Domain)
	switch {
	case here.Err != nil:
		return v, here.Err
	case p.ApexErr != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: p.ApexErr.Error()})
	}
	v.Seen = []diagnosis.Evidence{answer(here)}
	if text, ok := astray(p); ok && len(here.Texts) == 0 {
		v.Findings = append(v.Findings, invisible(env, p, text))
		return v, nil
	}
	if len(here.Texts) == 0 {
		return v, nil // what stands there instead is the matter of dmarc.exists
	}
	for _, text := range sorted(here.Answer) {
		if !dmarc.IsRecord(text) {
			v.Findings = append(v.Findings, diagnosis.Finding{
				Subject: name, Severity: diagnosis.Advice, Evidence: []diagnosis.Evidence{answer(here)},
				Message: fmt.Sprintf("%.80q stands beside the policy record at _dmarc.%s; receivers skip it", text, name),
				Remedy:  diagnosis.Remedy{Steps: []string{"Delete that TXT record, or move it to where it belongs."}},
			})
		}
	}
	if text, ok := meant(p.Apex); ok {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: name, Severity: diagnosis.Advice, Evidence: []diagnosis.Evidence{{Question: p.Apex.Question.String(), Answer: text}},
			Message: fmt.Sprintf("a second DMARC record stands at %s itself, where no receiver looks", name),
			Remedy:  vacate(env, text),
		})
	}
	return v, nil
}

// astray is a text that was meant as the domain's policy record and is not seen
// by receivers: at its _dmarc name but not readable there, or at the domain itself.
func astray(p facts.DMARCPolicy) (text string, ok bool) {
	if len(p.Here().Texts) > 0 || p.Here().Err != nil {
		return "", false
	}
	if text, ok = meant(p.Here().Answer); ok {
		return text, true
	}
	return meant(p.Apex)
}

// meant is the first text of an answer that was meant as a policy record.
func meant(a resolve.Answer) (text string, ok bool) {
	for _, text := range sorted(a) {
		if dmarc.IsMeant(text) {
			return text, true
		}
	}
	return "", false
}

func invisible(env *checks.Env, p facts.DMARCPolicy, text string) diagnosis.Finding {
	name := record.Display(env.Domain)
	here := p.Here()
	f := diagnosis.Finding{Subject: name, Severity: diagnosis.Warning, Evidence: []diagnosis.Evidence{answer(here)}}
	_, atName := meant(here.Answer)
	if atName {
		_, problems := dmarc.Parse(text)
		f.Message = fmt.Sprintf("the text %.80q at _dmarc.%s is not seen: %s", text, name, problems[0].Message)
	} else {
		f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: p.Apex.Question.String(), Answer: text})
		f.Message = fmt.Sprintf("the DMARC record %.80q stands at %s itself; receivers look at _dmarc.%s only", text, name, name)
	}
	if r, ok := dmarc.Repair(text); ok {
		f.Remedy = diagnosis.Remedy{Edits: []record.Edit{publish(here, r)}, Steps: awaken(r)}
	} else {
		f.Remedy.Steps = append(f.Remedy.Steps, "Publish "+line(env.Domain, dmarc.Record{}.WithPolicy(dmarc.None).WithReports(postmaster(env.Domain)))+" in place of the text.")
	}
	if !atName {
		f.Remedy = join(f.Remedy, vacate(env, text))
	}
	return f
}

// vacate takes the DMARC record away from the domain itself.
func vacate(env *checks.Env, text string) diagnosis.Remedy {
	slot := record.Slot{Name: env.Domain, Type: "TXT", Tag: "v=DMARC1"}
	if slot.Holds(record.TXT(env.Domain, text)) {
		return diagnosis.Remedy{Edits: []record.Edit{record.Set(slot)}}
	}
	return diagnosis.Remedy{Steps: []string{fmt.Sprintf("Delete the TXT record %.80q at %s.", text, record.Display(env.Domain))}}
}

func join(a, b diagnosis.Remedy) diagnosis.Remedy {
	return diagnosis.Remedy{Edits: append(a.Edits, b.Edits...), Steps: append(a.Steps, b.Steps...)}
}

// sorted is the texts of an answer in an order of their own: servers shuffle sets.
func sorted(a resolve.Answer) []string { return slices.Sorted(slices.Values(a.Texts())) }
