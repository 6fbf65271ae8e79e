package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// SingleRecord: no name on the way holds two policy records.
var SingleRecord = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.single-record",
		Title:    "Only one policy record is published",
		Severity: diagnosis.Critical,
		Why:      "Receivers discard all of several policy records, so the domain is as unprotected as without one, and no report is sent.",
		Doc: `At most one TXT record at _dmarc may begin with v=DMARC1. Of two, receivers take neither: those of RFC 9989 go on to the parent domain, those of RFC 7489 stop and apply no policy at all.

To fix it, replace them by one record. The one proposed here has all report addresses and the weaker of the policies, so that no mail is lost at once that is delivered today; make it stricter when the reports show that your own mail passes.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.10"}, {Name: "RFC 7489, 6.6.3"}},
	},
	Needs: []*checks.Check{LookupConclusive},
	Run:   singleRecord,
})

func singleRecord(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, err := facts.DMARC.Of(ctx, env)
	if err != nil {
		return v, err
	}
	listed := dmarc.ListedOrganizational(env.Domain)
	for i, step := range p.Steps {
		switch {
		case step.Beyond || !record.Within(step.Domain, listed):
			continue // a public suffix is not the owner's
		case len(step.Texts) > 1:
			v.Findings = append(v.Findings, several(env, i, step))
		case step.Err == nil:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: step.Answer.Question.String(), Answer: held(len(step.Texts))})
		}
	}
	return v, nil
}

func several(env *checks.Env, i int, step dmarc.Step) diagnosis.Finding {
	var records []dmarc.Record
	for _, text := range step.Texts {
		r, _ := dmarc.Parse(text)
		records = append(records, r)
	}
	f := diagnosis.Finding{
		Subject: record.Display(env.Domain), Severity: diagnosis.Critical, Evidence: []diagnosis.Evidence{answer(step)},
		Message: fmt.Sprintf("_dmarc.%s holds %d policy records; receivers discard them all", record.Display(step.Domain), len(step.Texts)),
		Remedy:  diagnosis.Remedy{Edits: []record.Edit{publish(step, dmarc.Merge(records...))}},
	}
	if i > 0 {
		f.Subject = record.Display(step.Domain)
	}
	return f
}

// held is how many policy records stand at a name, for readers.
func held(n int) string {
	switch n {
	case 0:
		return "no policy record"
	case 1:
		return "1 policy record"
	}
	return fmt.Sprintf("%d policy records", n)
}
