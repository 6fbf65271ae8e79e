package cmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/score"
)

// TestScoreKnowsAll: whatever can be found out about a message has its weight, and
// every weight is of something.
func TestScoreKnowsAll(t *testing.T) {
	weights := make(map[string]bool)
	for _, w := range score.Weights() {
		weights[w.Check] = true
	}
	known := make(map[string]bool)
	for _, c := range authRules() {
		known[c.ID] = true
	}
	for _, c := range checks.About(checks.Messages, suite.All()) {
		known[c.ID] = true
	}
	for id := range known {
		if !weights[id] {
			t.Errorf("%s has no weight in the score", id)
		}
	}
	for id := range weights {
		if !known[id] {
			t.Errorf("the score has a weight for %s, which does not exist", id)
		}
	}
}

// scoreDoc is the page about the score and about the rules of authentication.
func scoreDoc() string {
	var b strings.Builder
	b.WriteString("# The score of a message\n\n" + generated)
	b.WriteString(prose(score.About))
	for _, l := range score.Limits() {
		fmt.Fprintf(&b, "\n## %s: %s at most\n\n%s\n\n| Rule | critical | warning | advice | if there is none | Why | Not where this counts already |\n|---|---|---|---|---|---|---|\n", l.Group, score.Points(l.Most), markdown(l.Reason))
		for _, w := range score.Weights() {
			if w.Group == l.Group {
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", ruleLink(w.Check), cost(w.Cost.Critical), cost(w.Cost.Warning), cost(w.Cost.Advice), cost(w.Cost.Absent), markdown(w.Reason), strings.Join(w.Unless, ", "))
			}
		}
		if l.Group == score.Small {
			b.WriteString("| what is advice in header and body | | | as above | | | |\n")
		}
	}
	return b.String() + "\n" + rulesDoc("# The rules of authentication and of a session\n\nWhat `maildoctor message` and `maildoctor inbox` judge beside [the checks](checks.md).\n", ruleSet(authRules()))
}

// ruleLink leads to where a rule is explained.
func ruleLink(id string) string {
	if strings.HasPrefix(id, "auth.") || strings.HasPrefix(id, "session.") {
		return "[" + id + "](#" + id + ")"
	}
	return "[" + id + "](checks.md#" + id + ")"
}

func cost(tenths int) string {
	if tenths == 0 {
		return ""
	}
	return "−" + score.Points(tenths)
}
