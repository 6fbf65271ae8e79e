package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

func TestChaos(t *testing.T) {
	list := []report.Ordeal{
		{Fault: "greylist", Does: "it puts off mail", Did: "tried again: 2 attempts", Became: "delivered, encrypted"},
		{Fault: "4xx", Case: "MAIL", Did: "tried again: 2 attempts", Became: "delivered, encrypted"},
		{Fault: "4xx", Case: "DATA\x1b[m", Did: "gave up at once", Became: "nothing", Outcome: diagnosis.Failed, Why: "the message is still in the queue"},
	}
	v := report.Chaos(list)
	if v.Outcome != diagnosis.Failed || v.Result != "2 of 3" || v.Text != "4xx DATA\x1b[m: the message is still in the queue" {
		t.Errorf("%+v", v)
	}
	if v := report.Chaos(list[:2]); v.Outcome != diagnosis.Passed || v.Result != "2 of 2" {
		t.Errorf("%+v", v)
	}
	one := trial(diagnosis.Passed)
	one.Ordeals = list
	for _, width := range []int{40, 60, 80, 120} {
		var b bytes.Buffer
		if err := report.TrialText(&b, one, report.TextOptions{Width: width, Verbose: true}); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if strings.Contains(got, "\x1b") || strings.Count(got, "\n  4xx\n") != 1 || !strings.Contains(got, "      it puts off mail\n") {
			t.Errorf("at %d columns:\n%s", width, got)
		}
		for line := range strings.Lines(got) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width {
				t.Errorf("%d columns of %d: %q", n, width, line)
			}
		}
		if width == 80 && !strings.Contains(got, "  ✗ DATA\\x1b[m  gave up at once: the message is  nothing\n                still in the queue\n") {
			t.Errorf("no such rows in\n%s", got)
		}
	}
	var b bytes.Buffer
	if err := report.TrialJSON(&b, one); err != nil || !strings.Contains(b.String(), `"sender": "gave up at once"`) {
		t.Errorf("%v\n%s", err, b.String())
	}
}
