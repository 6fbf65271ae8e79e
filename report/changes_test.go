package report_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/history"
	"github.com/maildoctor/maildoctor/report"
)

// changed is two reports on one domain, with a change of every kind.
func changed() (before, after diagnosis.Report) {
	before, after = sick(), sick()
	before.At = at.Add(-48 * time.Hour)
	after.Results[1].Findings[0].Message = "MX 20 of sick.example is the address 192.0.2.26; it must be a host name"
	after.Results[2] = pass("spf.single-record", "One SPF record", "TXT sick.example", "v=spf1 mx -all")
	after.Results[6] = doubt("spf.record-size", "", "sick.example", "TXT sick.example: SERVFAIL")
	after.Results[7].Findings[1].Severity = diagnosis.Critical
	after.Results = append(after.Results, fail("ptr.exists", diagnosis.Critical, "Why.", diagnosis.Finding{
		Subject: "192.0.2.25", Message: "192.0.2.25 has no PTR record", Severity: diagnosis.Critical, Remedy: diagnosis.Remedy{Steps: []string{"Set it."}},
	}))
	return before, after
}

func TestChanges(t *testing.T) {
	before, after := changed()
	none := history.Changes{Subject: "xn--bcher-kva.example", After: at}
	for name, width := range map[string]int{"changes-60": 60, "changes-100": 100} {
		var b bytes.Buffer
		if err := report.Changes(&b, []history.Changes{history.Compare(before, after), none}, report.TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
	var b bytes.Buffer
	if err := report.Changes(&b, []history.Changes{history.Compare(healthy(), hostile())}, report.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if bad := firstControl(b.String(), true); bad != "" {
		t.Errorf("it holds %s", bad)
	}
}
