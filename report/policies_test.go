package report

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

func TestPolicies(t *testing.T) {
	reports := []diagnosis.Report{{
		Domain: "example.org", At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		Policies: []diagnosis.Judgement{
			{
				Policy: "big", Question: "Would Big accept mail?", Answer: diagnosis.Failed, AsOf: "2026-01-02",
				Against: []diagnosis.Ground{{Check: "spf.exists", Message: "no \x1bSPF"}}, Unseen: []string{"volume"},
				Source: diagnosis.Ref{Name: "Big's rules", URL: "https://big.example/rules"},
			},
			{Policy: "small", Question: "Would Small?", Answer: diagnosis.Unknown, Open: []diagnosis.Ground{{Check: "dkim.selector-found", Message: "no selector"}}, Unseen: []string{"volume"}},
			{Policy: "tiny", Question: "Would Tiny?", Unseen: []string{"volume"}},
		},
	}}
	var b bytes.Buffer
	if err := Text(&b, reports, TextOptions{Width: 80}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"✗ Would Big accept mail? No.", `spf.exists: no \x1bSPF`, "By the rules of 2026-01-02: Big's rules",
		"? Would Small? That could not be told.", "dkim.selector-found: no selector", "✓ Would Tiny? As far as can be seen, yes.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := JSON(&b, reports); err != nil {
		t.Fatal(err)
	}
	again, err := ReadJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i, j := range again[0].Policies {
		was := reports[0].Policies[i]
		if j.Answer != was.Answer || j.Question != was.Question || len(j.Against) != len(was.Against) || len(j.Open) != len(was.Open) || !reflect.DeepEqual(j.Source, was.Source) {
			t.Errorf("reads back as %+v, was %+v", j, was)
		}
	}
}
