package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
)

func result(id string, outcome diagnosis.Outcome, findings ...diagnosis.Finding) diagnosis.Result {
	return diagnosis.Result{Rule: diagnosis.Rule{ID: id}, Outcome: outcome, Findings: findings}
}

func finding(subject, message string, s diagnosis.Severity) diagnosis.Finding {
	return diagnosis.Finding{Subject: subject, Message: message, Severity: s}
}

func TestRehearse(t *testing.T) {
	const failed, passed, skipped, unknown = diagnosis.Failed, diagnosis.Passed, diagnosis.Skipped, diagnosis.Unknown
	bad, mild, hint := finding("a", "bad", diagnosis.Critical), finding("a", "mild", diagnosis.Warning), finding("a", "hint", diagnosis.Advice)
	caused := result("x.y", skipped)
	caused.Cause = "z"
	partly := result("x.y", failed, finding("b", "other", diagnosis.Warning))
	partly.Doubts = []diagnosis.Doubt{{Subject: "a"}}
	tests := []struct {
		name          string
		before, after diagnosis.Result
		want          string
	}{
		{"cured", result("x.y", failed, bad), result("x.y", passed), "gone bad"},
		{"no more asked for", result("x.y", failed, bad), result("x.y", skipped), "gone bad"},
		{"hidden by a cause", result("x.y", failed, bad), caused, "dark bad"},
		{"not told any more", result("x.y", failed, bad), result("x.y", unknown), "dark bad"},
		{"not told of this one", result("x.y", failed, bad, finding("b", "other", diagnosis.Warning)), partly, "dark bad"},
		{"stays", result("x.y", failed, bad), result("x.y", failed, bad), ""},
		{"in other words", result("x.y", failed, bad), result("x.y", failed, finding("a", "as bad", diagnosis.Critical)), ""},
		{"milder", result("x.y", failed, bad), result("x.y", failed, mild), "gone bad"},
		{"graver", result("x.y", failed, mild), result("x.y", failed, bad), "came bad, worse bad"},
		{"new", result("x.y", passed), result("x.y", failed, mild), "came mild, worse mild"},
		{"new and no matter", result("x.y", passed), result("x.y", failed, hint), "came hint"},
		{"new to us", result("x.y", unknown), result("x.y", failed, bad), "came bad"},
		{"another subject", result("x.y", failed, bad), result("x.y", failed, finding("b", "bad", diagnosis.Critical)), "gone bad, came bad, worse bad"},
		{"one of two", result("x.y", failed, bad, bad), result("x.y", failed, bad), "gone bad"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Rehearse(diagnosis.Report{Results: []diagnosis.Result{tt.before}}, diagnosis.Report{Results: []diagnosis.Result{tt.after}})
			var got []string
			for _, list := range []struct {
				name   string
				shifts []Shift
			}{{"gone", r.Gone}, {"dark", r.Dark}, {"came", r.Came}, {"worse", r.Worse([]string{"other"})}} {
				for _, s := range list.shifts {
					got = append(got, fmt.Sprint(list.name, " ", s.Finding.Message))
				}
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
			if left := r.Worse([]string{"x.y"}); len(left) > 0 {
				t.Errorf("accepted, and still there: %v", left)
			}
		})
	}
}

func TestRehearseNumbers(t *testing.T) {
	seen := func(answer string) diagnosis.Report {
		r := result("spf.lookup-limit", diagnosis.Passed)
		r.Seen = []diagnosis.Evidence{{Question: "SPF lookups", Answer: answer}}
		return diagnosis.Report{Results: []diagnosis.Result{r}, Policies: []diagnosis.Judgement{{Policy: "gmail", Answer: diagnosis.Failed}}}
	}
	before, after := seen("needs 9 of 10"), seen("needs 11 of 10 (at most)")
	after.Policies[0].Answer = diagnosis.Passed
	r := Rehearse(before, after)
	if len(r.Measures) != 1 || r.Measures[0] != (Measure{"SPF lookups", "9 of 10", "11 of 10"}) {
		t.Errorf("measures %v", r.Measures)
	}
	if len(r.Answers) != 1 || r.Answers[0].Before != diagnosis.Failed || r.Answers[0].After != diagnosis.Passed {
		t.Errorf("answers %v", r.Answers)
	}
}

func TestRehearseUncovers(t *testing.T) {
	hidden := result("dmarc.policy", diagnosis.Skipped)
	hidden.Cause = "dmarc.exists"
	none := result("dmarc.exists", diagnosis.Failed, finding("a", "none", diagnosis.Warning))
	for severity, worse := range map[diagnosis.Severity]int{diagnosis.Warning: 0, diagnosis.Critical: 1} {
		r := Rehearse(
			diagnosis.Report{Results: []diagnosis.Result{none, hidden}},
			diagnosis.Report{Results: []diagnosis.Result{result("dmarc.exists", diagnosis.Passed), result("dmarc.policy", diagnosis.Failed, finding("a", "weak", severity))}})
		if len(r.Came) != 1 || len(r.Worse(nil)) != worse {
			t.Errorf("%v: %+v, worse %v", severity, r.Came, r.Worse(nil))
		}
	}
}
