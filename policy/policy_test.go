package policy

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// healthy is results in which every demand of p is met.
func healthy(p Policy) map[string]diagnosis.Result {
	results := make(map[string]diagnosis.Result)
	for _, d := range p.Demands {
		for _, id := range d.Any {
			results[id] = diagnosis.Result{Rule: diagnosis.Rule{ID: id}}
		}
	}
	return results
}

func list(results map[string]diagnosis.Result) []diagnosis.Result {
	var out []diagnosis.Result
	for _, r := range results {
		out = append(out, r)
	}
	return out
}

func failed(id string, severity diagnosis.Severity, message string) diagnosis.Result {
	return diagnosis.Result{
		Rule: diagnosis.Rule{ID: id}, Outcome: diagnosis.Failed, Severity: severity,
		Findings: []diagnosis.Finding{{Message: "lesser"}, {Message: message, Severity: severity}},
	}
}

func TestJudge(t *testing.T) {
	unknown := diagnosis.Result{Outcome: diagnosis.Unknown, Reason: "timed out"}
	tests := []struct {
		name, policy string
		change       map[string]diagnosis.Result
		answer       diagnosis.Outcome
		says         string // of the first ground
	}{
		{"all is well", "gmail-bulk", nil, diagnosis.Passed, ""},
		{"SPF is broken", "gmail-bulk", map[string]diagnosis.Result{"spf.lookup-limit": failed("spf.lookup-limit", diagnosis.Critical, "11 lookups")}, diagnosis.Failed, "11 lookups"},
		{"a weak key is enough", "gmail-bulk", map[string]diagnosis.Result{"dkim.key-strength": failed("dkim.key-strength", diagnosis.Warning, "1024 bits")}, diagnosis.Passed, ""},
		{"no selector is known", "gmail-bulk", map[string]diagnosis.Result{"dkim.selector-found": unknown}, diagnosis.Unknown, "timed out"},
		{"broken goes before open", "gmail-bulk", map[string]diagnosis.Result{
			"dkim.selector-found": unknown, "dmarc.exists": failed("dmarc.exists", diagnosis.Warning, "no DMARC"),
		}, diagnosis.Failed, "no DMARC"},
		{"DKIM alone does for a few mails", "gmail", map[string]diagnosis.Result{"spf.exists": failed("spf.exists", diagnosis.Warning, "no SPF")}, diagnosis.Passed, ""},
		{"neither SPF nor DKIM", "gmail", map[string]diagnosis.Result{
			"spf.exists": failed("spf.exists", diagnosis.Warning, "no SPF"), "dkim.selector-found": failed("dkim.selector-found", diagnosis.Warning, "no key"),
		}, diagnosis.Failed, "no SPF"},
		{"DKIM may yet do", "gmail", map[string]diagnosis.Result{
			"spf.exists": failed("spf.exists", diagnosis.Warning, "no SPF"), "dkim.selector-found": unknown,
		}, diagnosis.Unknown, "timed out"},
		{"the cause is named", "yahoo", map[string]diagnosis.Result{
			"ptr.exists":            failed("ptr.exists", diagnosis.Critical, "no PTR"),
			"ptr.forward-confirmed": {Outcome: diagnosis.Skipped, Cause: "ptr.exists", Reason: "because of ptr.exists"},
		}, diagnosis.Failed, "no PTR"},
		{"no sender is known", "yahoo", map[string]diagnosis.Result{
			"ptr.exists": {Outcome: diagnosis.Skipped, Reason: "give --ip"},
		}, diagnosis.Unknown, "give --ip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := Find([]string{tt.policy})
			if err != nil {
				t.Fatal(err)
			}
			results := healthy(found[0])
			for id, r := range tt.change {
				r.Rule.ID = id
				results[id] = r
			}
			j := found[0].Judge(list(results))
			if j.Answer != tt.answer {
				t.Errorf("answer %v (against %v, open %v), want %v", j.Answer, j.Against, j.Open, tt.answer)
			}
			grounds := append(j.Against, j.Open...)
			if tt.says != "" && (len(grounds) == 0 || grounds[0].Message != tt.says) {
				t.Errorf("grounds %v, want first %q", grounds, tt.says)
			}
			seen := make(map[diagnosis.Ground]bool)
			for _, g := range grounds {
				if seen[g] {
					t.Errorf("%v stands twice", g)
				}
				seen[g] = true
			}
		})
	}
}

func TestFind(t *testing.T) {
	if found, err := Find([]string{"yahoo", "gmail", "yahoo"}); err != nil || len(found) != 2 || found[0].Name != "gmail" {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := Find([]string{"gmial"}); err == nil || !strings.Contains(err.Error(), `no policy "gmial"; there are gmail, gmail-bulk`) {
		t.Errorf("%v", err)
	}
}

// TestPolicies: each has a source, a day, and names no check twice.
func TestPolicies(t *testing.T) {
	for _, p := range Known() {
		if p.Source.URL == "" || len(p.AsOf) != len("2006-01-02") || len(p.Unseen) == 0 || !strings.HasSuffix(p.Question, "?") {
			t.Errorf("%s is incomplete: %+v", p.Name, p)
		}
		seen := make(map[string]bool)
		for _, d := range p.Demands {
			key := strings.Join(d.Any, " ")
			if seen[key] {
				t.Errorf("%s demands %s twice", p.Name, key)
			}
			seen[key] = true
		}
	}
}
