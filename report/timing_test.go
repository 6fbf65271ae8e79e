package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

func TestTimingGolden(t *testing.T) {
	const server = "udp://192.0.2.53:53"
	asked := []report.Asked{
		{Question: "MX example.org", Server: server, Took: 12 * time.Millisecond},
		{Question: "TXT example.org", Server: server, Took: 20 * time.Millisecond},
		{Question: "TXT slow.example.org", Server: server, Took: 1200 * time.Millisecond},
		{Question: "A 2.0.0.127.list.example", Server: "udp://198.51.100.53:53", Took: 5 * time.Second, Failure: "timed out"},
		{Question: "A evil\x1b[2J.example", Failure: "cut\nshort", Took: time.Millisecond},
		{Question: "A fastest.example.org", Server: server, Took: time.Microsecond},
	}
	r := healthy()
	r.Results[2].Took = 1300 * time.Millisecond
	var b bytes.Buffer
	if err := report.Timing(&b, []diagnosis.Report{r}, asked, report.TextOptions{Width: 60}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "fastest") {
		t.Error("the fastest question is among the slowest")
	}
	golden(t, "timing.60.txt", b.String())
}

func TestTimingOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := report.Timing(&b, nil, nil, report.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := report.Timing(broken{}, nil, nil, report.TextOptions{}); err == nil {
		t.Error("Timing passes over a writer's error")
	}
}
