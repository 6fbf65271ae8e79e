package cmd

import (
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/policy"
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

// policyNames is the names that --policy takes.
func policyNames() []string {
	var names []string
	for _, p := range policy.All() {
		names = append(names, p.Name)
	}
	return names
}
