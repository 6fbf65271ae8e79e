package cmd

import (
	"testing"

	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/policy"
)

// TestPoliciesDemandChecks: what a policy demands is a check that there is.
func TestPoliciesDemandChecks(t *testing.T) {
	known := make(map[string]bool)
	for _, c := range suite.All() {
		known[c.ID] = true
	}
	for _, p := range policy.All() {
		for _, d := range p.Demands {
			for _, id := range d.Any {
				if !known[id] {
					t.Errorf("policy %s demands %s, which is no check", p.Name, id)
				}
			}
		}
	}
}
