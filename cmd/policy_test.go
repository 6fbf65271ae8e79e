package cmd

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/policy"
)

// TestPoliciesDemandChecks: what a policy demands is a check that there is.
func TestPoliciesDemandChecks(t *testing.T) {
	known := make(map[string]bool)
	for _, c := range suite.All() {
		known[c.ID] = true
	}
	for _, r := range judge.Rules() {
		known[r.ID] = true
	}
	for _, p := range policy.All() {
		for _, d := range slices.Concat(p.Demands, p.Message.Demands) {
			for _, id := range d.Any {
				if !known[id] {
					t.Errorf("policy %s demands %s, which is no check", p.Name, id)
				}
			}
		}
	}
}

// TestPoliciesHaveScenarios: one in which the receiver says no, and one in which
// that cannot be told.
func TestPoliciesHaveScenarios(t *testing.T) {
	for _, p := range policy.All() {
		for file, verb := range map[string]string{p.Name: "no", p.Name + ".unknown": "unknown"} {
			name := "../testdata/scenarios/policy." + file + ".txtar"
			data, err := os.ReadFile(name)
			if want := verb + " policy." + p.Name + ": because of "; err != nil || !bytes.Contains(data, []byte("\n"+want)) {
				t.Errorf("%s: no line of want begins with %q (%v)", name, want, err)
			}
		}
	}
}
