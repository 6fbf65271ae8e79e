package report_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

func TestHistory(t *testing.T) {
	before, after := changed()
	cured := healthy()
	cured.Domain, cured.At = after.Domain, at.Add(24*time.Hour)
	stopped := interrupted()
	stopped.Domain, stopped.At = after.Domain, at.Add(48*time.Hour)
	all := []diagnosis.Report{stopped, cured, after, before}
	for name, width := range map[string]int{"history-60": 60, "history-100": 100} {
		var b bytes.Buffer
		if err := report.History(&b, all, report.TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
	var b bytes.Buffer
	if err := report.HistoryJSON(&b, after.Domain, all); err != nil {
		t.Fatal(err)
	}
	golden(t, "history.json", b.String())
	b.Reset()
	if err := report.History(&b, []diagnosis.Report{hostile(), hostile(), sick()}, report.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if bad := firstControl(b.String(), true); bad != "" {
		t.Errorf("it holds %s", bad)
	}
}
