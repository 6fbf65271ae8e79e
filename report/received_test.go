package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

func received() report.Message {
	return report.Message{Summary: "fine", Saw: []report.Sight{
		{Name: "EHLO", Said: `"mx.example.org": it leads to the client`},
		{Name: "TLS", Said: "none\x1b[31m", Outcome: diagnosis.Failed, Severity: diagnosis.Warning},
		{Name: "lines", Said: "3 bare LF", Outcome: diagnosis.Failed, Severity: diagnosis.Critical},
		{Name: "time", Said: "0.10 s", Outcome: diagnosis.Skipped},
		{Name: "client", Said: "no answer", Outcome: diagnosis.Unknown},
	}}
}

func TestReceivedText(t *testing.T) {
	var b strings.Builder
	if err := report.MessageText(&b, received(), report.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	want := `What the receiving side saw
  ✓ EHLO      "mx.example.org": it leads to the client
  ! TLS       none\x1b[31m
  ✗ lines     3 bare LF
  – time      0.10 s
  ? client    no answer
`
	if !strings.Contains(b.String(), want) {
		t.Errorf("want\n%s\nin\n%s", want, b.String())
	}
	b.Reset()
	if err := report.MessageText(&b, report.Message{Summary: "fine"}, report.TextOptions{}); err != nil || strings.Contains(b.String(), "receiving side") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestReceivedJSON(t *testing.T) {
	var b strings.Builder
	if err := report.MessageJSON(&b, received()); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Saw []map[string]string `json:"receiving_side"`
	}
	if err := json.Unmarshal([]byte(b.String()), &doc); err != nil || len(doc.Saw) != 5 {
		t.Fatalf("%v: %s", err, b.String())
	}
	if s := doc.Saw[1]; s["name"] != "TLS" || s["outcome"] != "failed" || s["severity"] != "warning" {
		t.Errorf("%v", s)
	}
	if _, there := doc.Saw[0]["severity"]; there {
		t.Error("a severity without a fault")
	}
}
