package waiver_test

import (
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/waiver"
)

var now = time.Date(2026, 11, 22, 23, 59, 0, 0, time.UTC)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func sample() diagnosis.Report {
	f := func(subject string, s diagnosis.Severity) diagnosis.Finding {
		return diagnosis.Finding{Subject: subject, Message: subject + " is listed", Severity: s}
	}
	return diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		{Rule: diagnosis.Rule{ID: "mx.exists"}},
		{Rule: diagnosis.Rule{ID: "dnsbl.ip-listed"}, Outcome: diagnosis.Failed, Severity: diagnosis.Critical,
			Findings: []diagnosis.Finding{f("192.0.2.25", diagnosis.Critical), f("2001:db8::25", diagnosis.Warning)}},
		{Rule: diagnosis.Rule{ID: "ptr.exists"}, Outcome: diagnosis.Failed, Severity: diagnosis.Critical,
			Findings: []diagnosis.Finding{f("mail.example.org.", diagnosis.Critical)}, Doubts: []diagnosis.Doubt{{Subject: "192.0.2.26", Reason: "SERVFAIL"}}},
	}}
}

func TestApply(t *testing.T) {
	for name, test := range map[string]struct {
		waiver   waiver.Waiver
		outcomes [3]diagnosis.Outcome
		severity diagnosis.Severity // of dnsbl.ip-listed
		waived   int
	}{
		"nothing":            {waiver.Waiver{Check: "spf.exists"}, [3]diagnosis.Outcome{0, diagnosis.Failed, diagnosis.Failed}, diagnosis.Critical, 0},
		"one subject":        {waiver.Waiver{Check: "dnsbl.ip-listed", Subject: "192.0.2.25"}, [3]diagnosis.Outcome{0, diagnosis.Failed, diagnosis.Failed}, diagnosis.Warning, 1},
		"a topic":            {waiver.Waiver{Check: "dnsbl"}, [3]diagnosis.Outcome{0, diagnosis.Skipped, diagnosis.Failed}, diagnosis.Critical, 2},
		"its domain":         {waiver.Waiver{Check: "dnsbl", Domain: "example.org."}, [3]diagnosis.Outcome{0, diagnosis.Skipped, diagnosis.Failed}, diagnosis.Critical, 2},
		"another domain":     {waiver.Waiver{Check: "dnsbl", Domain: "example.net."}, [3]diagnosis.Outcome{0, diagnosis.Failed, diagnosis.Failed}, diagnosis.Critical, 0},
		"beside a doubt":     {waiver.Waiver{Check: "ptr.exists", Subject: "MAIL.example.org"}, [3]diagnosis.Outcome{0, diagnosis.Failed, diagnosis.Unknown}, diagnosis.Critical, 1},
		"part of an ID":      {waiver.Waiver{Check: "dns"}, [3]diagnosis.Outcome{0, diagnosis.Failed, diagnosis.Failed}, diagnosis.Critical, 0},
		"another subject":    {waiver.Waiver{Check: "dnsbl", Subject: "192.0.2.2"}, [3]diagnosis.Outcome{0, diagnosis.Failed, diagnosis.Failed}, diagnosis.Critical, 0},
		"over since a day":   {waiver.Waiver{Check: "dnsbl", Until: day("2026-11-21")}, [3]diagnosis.Outcome{0, diagnosis.Failed, diagnosis.Failed}, diagnosis.Critical, 0},
		"on its last minute": {waiver.Waiver{Check: "dnsbl", Until: day("2026-11-22")}, [3]diagnosis.Outcome{0, diagnosis.Skipped, diagnosis.Failed}, diagnosis.Critical, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := test.waiver
			if w.Until.IsZero() {
				w.Until = day("2027-01-31")
			}
			w.Owner, w.Reason = "ann", "it is not ours"
			r, before := sample(), sample()
			waiver.Apply(&r, []waiver.Waiver{w}, now)
			waived := 0
			for i, result := range r.Results {
				waived += len(result.Waived)
				if result.Outcome != test.outcomes[i] {
					t.Errorf("%s %s, want %s", result.Rule.ID, result.Outcome, test.outcomes[i])
				}
				if n := len(result.Findings) + len(result.Waived); n != len(before.Results[i].Findings) {
					t.Errorf("%s has %d findings, waived and not", result.Rule.ID, n)
				}
			}
			if waived != test.waived || r.Results[1].Severity != test.severity {
				t.Errorf("%d waived, %s", waived, r.Results[1].Severity)
			}
			if r.Results[1].Outcome == diagnosis.Skipped && r.Results[1].Reason != "waived until "+w.Until.Format(time.DateOnly)+" by ann: it is not ours" {
				t.Error(r.Results[1].Reason)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	list := []waiver.Waiver{
		{Check: "dnsbl", Owner: "ann", Reason: "not ours", Until: day("2026-11-22")},
		{Check: "ptr.exists", Subject: "192.0.2.25", Owner: "bob", Reason: "moves", Until: day("2026-11-01"), At: "maildoctor.yaml:12"},
		{Check: "spf", Domain: "example.net.", Until: day("2026-11-01")},
	}
	got := waiver.Judge(sample(), list, now)
	if len(got) != 1 || got[0].Outcome != diagnosis.Failed || len(got[0].Findings) != 1 || len(got[0].Seen) != 1 {
		t.Fatalf("%+v", got)
	}
	f := got[0].Findings[0]
	if f.Message != "the waiver of ptr.exists of 192.0.2.25 ended on 2026-11-01 (bob: moves)" || f.Places[0] != "maildoctor.yaml:12" {
		t.Errorf("%+v", f)
	}
	if got := waiver.Judge(sample(), list[:1], now); len(got) != 1 || got[0].Outcome != diagnosis.Passed {
		t.Errorf("%+v", got)
	}
	if got := waiver.Judge(sample(), nil, now); got != nil {
		t.Errorf("%+v", got)
	}
}
