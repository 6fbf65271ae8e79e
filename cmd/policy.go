package cmd

import (
	"io"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/report"
)

// receivers are those of which is asked whether they would accept the mail.
type receivers []policy.Policy

// answer adds the answers to a report of all results, so it comes before some
// of them are left out.
func (list receivers) answer(report *diagnosis.Report) {
	for _, p := range list {
		report.Policies = append(report.Policies, p.Judge(report.Results))
	}
}

// refused reports whether some receiver would not accept the mail.
func refused(report diagnosis.Report) bool {
	for _, j := range report.Policies {
		if j.Answer == diagnosis.Failed {
			return true
		}
	}
	return false
}

// policy prints what a receiver asks for.
func (o *output) policy(p policy.Policy, all []*checks.Check) error {
	titles := make(map[string]string, len(all))
	for _, c := range all {
		titles[c.ID] = c.Title
	}
	return o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.PolicyJSON(w, p)
		}
		return report.Policy(w, p, titles, o.text())
	})
}

// policyNames is the names that --policy takes.
func policyNames() []string {
	var names []string
	for _, p := range policy.All() {
		names = append(names, p.Name)
	}
	return names
}
