package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

func trial(outcomes ...diagnosis.Outcome) report.Trial {
	t := report.Trial{Domain: "example.org.", Source: "zone\x1b[31m", At: time.Unix(0, 0), Notes: []string{"a note"}, Passages: []report.Passage{{
		From: "a@example.org", To: "b@elsewhere.test", Client: "192.0.2.1", HELO: "mx.example.org", Header: "A: b\n c",
		Stages: []report.Stage{{Name: "message", Outcome: diagnosis.Failed, Said: "550 no\x07", Why: "refused"}},
	}}}
	for i, o := range outcomes {
		t.Verdicts = append(t.Verdicts, report.Verdict{Name: []string{"spf", "dkim", "dmarc"}[i], Result: "result", Outcome: o, Text: "why"})
	}
	return t
}

func TestTrialText(t *testing.T) {
	for want, outcomes := range map[string][]diagnosis.Outcome{
		"The mail of example.org goes all the way.":          {diagnosis.Passed, diagnosis.Skipped},
		"The mail of example.org does not pass: spf, dmarc.": {diagnosis.Failed, diagnosis.Unknown, diagnosis.Failed},
		"Nothing fails, but not all could be told: dkim.":    {diagnosis.Passed, diagnosis.Unknown},
	} {
		var b bytes.Buffer
		if err := report.TrialText(&b, trial(outcomes...), report.TextOptions{Verbose: true}); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		for _, part := range []string{want, "Mind: a note", "✗ message   550 no\\x07: refused", "    A: b\n     c\n", "zone\\x1b[31m"} {
			if !strings.Contains(got, part) {
				t.Errorf("no %q in\n%s", part, got)
			}
		}
		if strings.ContainsAny(got, "\x1b\x07") {
			t.Errorf("controls in %q", got)
		}
	}
}

func TestTrialJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.TrialJSON(&b, trial(diagnosis.Passed, diagnosis.Failed)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema, Domain string
		Passed         bool
		Verdicts       []struct{ Name, Outcome string }
		Passages       []struct{ Stages []struct{ Said, Why string } }
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != report.TrialSchemaName || got.Domain != "example.org" || got.Passed || got.Verdicts[1].Outcome != "failed" || got.Passages[0].Stages[0].Why != "refused" {
		t.Errorf("%+v", got)
	}
}
