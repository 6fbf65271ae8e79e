package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mta/spam"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/score"
)

// judgedMessage is a message in which every text is hostile.
func judgedMessage() report.Message {
	const evil = "a\x1b]2;b\u202e\xff" // a title for the terminal, an override, no UTF-8
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	failed := diagnosis.Failed
	return report.Message{
		Subject: "subject " + evil, From: "from " + evil, ID: evil, Size: 9, Client: "192.0.2.25", HELO: evil, MailFrom: evil, FromKnown: true, At: at, Received: 1,
		Assumed: []string{"assumed " + evil}, Summary: "This mail fails DMARC: " + evil + ".", Outcome: failed,
		Readings: []report.Reading{{Name: "RFC 9989", Result: "fail (reject)", Fate: "rejected", Author: evil, Cause: evil, Trace: []string{"step " + evil, "  below " + evil}},
			{Name: "RFC 7489", Result: "fail (quarantine)", Fate: "quarantined", Cause: "other", Trace: []string{"another step"}}},
		Methods: []report.Method{{Name: "SPF", Result: "pass", Outcome: diagnosis.Passed, Subject: evil, Aligned: "aligned", Why: "only verbose " + evil, More: []string{"more " + evil}},
			{Name: "DKIM", Result: "fail", Outcome: failed, Subject: evil, Why: "why " + evil, Changes: []report.Change{{Field: evil, Text: "changed " + evil, Was: "was " + evil, Is: "is " + evil}}, Domain: evil, Selector: evil, Algorithm: evil},
			{Name: "DKIM", Result: "fail", Outcome: failed, Subject: "again", Why: "why " + evil, Changes: []report.Change{{Field: evil, Text: "changed " + evil, Was: "was " + evil, Is: "is " + evil}}}},
		Hops: []report.Hop{{From: evil, Address: "192.0.2.25", By: evil, With: evil, TLS: evil, At: at, Boundary: true}, {By: "b", At: at.Add(-time.Minute), Delay: -time.Minute},
			{By: "c", At: at.Add(3 * 24 * time.Hour), Delay: 3 * 24 * time.Hour}, {}},
		Said: []string{"auth.dmarc"}, Authentication: []diagnosis.Result{
			{Rule: diagnosis.Rule{ID: "auth.dmarc"}, Outcome: failed, Findings: []diagnosis.Finding{{Subject: "dmarc", Severity: diagnosis.Critical, Message: "the verdict again", Remedy: diagnosis.Remedy{Steps: []string{"step " + evil}}}}},
			{Rule: diagnosis.Rule{ID: "auth.dkim"}, Outcome: failed, Findings: []diagnosis.Finding{{Subject: "dkim", Severity: diagnosis.Warning, Message: "finding " + evil, Remedy: diagnosis.Remedy{Steps: []string{"step " + evil}}}}},
			{Rule: diagnosis.Rule{ID: "auth.arc"}, Outcome: diagnosis.Unknown, Doubts: []diagnosis.Doubt{{Subject: "arc", Reason: "doubt " + evil}}},
			{Rule: diagnosis.Rule{ID: "auth.readings"}, Outcome: diagnosis.Unknown, Cause: "auth.arc", Doubts: []diagnosis.Doubt{{Reason: "a doubt that follows"}}},
		},
		Findings: []diagnosis.Finding{{Subject: "ehlo", Severity: diagnosis.Warning, Message: "beside " + evil}}, Story: "It was changed: " + evil + ".",
		Score: score.Score{Tenths: 15, Deductions: []score.Deduction{
			{Check: "auth.dmarc", Message: "deducted " + evil, Group: score.Authentication, Full: 60, Cost: 60},
			{Check: "auth.authenticated", Message: "x", More: 2, Group: score.Authentication, Full: 60, Cost: 20, Cut: score.AtLimit},
			{Check: "message.date", Message: "y", Group: score.Header, Full: 20, Cost: 5, Cut: score.NothingLeft},
		}, Open: []diagnosis.Ground{{Check: "auth.arc", Message: "doubt " + evil}}},
		Filters: []spam.Answer{{Filter: "SpamAssassin at x", Verdict: &spam.Verdict{Spam: true, Score: 7.25, Threshold: 5, Rules: []spam.Rule{{Name: evil, Points: 2.5, Told: true, Text: evil}, {Name: "FREE", Told: true}, {Name: "UNTOLD"}}}},
			{Filter: "rspamd at y", Verdict: &spam.Verdict{Score: -0.001, Threshold: 15, Action: "no action" + evil}}, {Filter: "z", Error: "error " + evil}},
		Policies: []diagnosis.Judgement{{Policy: "gmail", Question: "Would Gmail take it? " + evil, Answer: failed, Against: []diagnosis.Ground{{Check: "auth.dmarc", Message: "ground " + evil}}, Unseen: []string{evil}, AsOf: "2024-02-01", Source: diagnosis.Ref{Name: evil}}},
		Results:  []diagnosis.Result{{Rule: diagnosis.Rule{ID: "message.date", Title: "t", Severity: diagnosis.Advice}, Outcome: failed, Findings: []diagnosis.Finding{{Subject: "Date", Message: "checked " + evil}}}},
		Header:   "Authentication-Results: x;\r\n\tspf=pass\r\n", Questions: 3, Took: time.Second,
	}
}

func messageText(t *testing.T, m report.Message, o report.TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.MessageText(&b, m, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The verdict comes first and what to do last, whatever the width, and nothing in it
// makes a terminal act.
func TestMessageText(t *testing.T) {
	for _, verbose := range []bool{false, true} {
		for _, width := range []int{40, 80, 120} {
			text := messageText(t, judgedMessage(), report.TextOptions{Width: width, Verbose: verbose})
			for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
				if lipgloss.Width(line) > width || report.Escape(line) != line {
					t.Errorf("width %d: line %q", width, line)
				}
			}
		}
	}
	text := messageText(t, judgedMessage(), report.TextOptions{Width: 120})
	last := -1
	for _, want := range []string{"✗ This mail fails DMARC", "It was changed: a", "it is rejected by RFC 9989, quarantined by RFC 7489.",
		"What to do", "→ step", "! finding", "! beside", "Score at most 1.5/10, because of", "−6    auth.dmarc: deducted a", "−2    auth.authenticated: x (+2 more) (of 6; authentication costs 8 at most)",
		"−0.5  message.date: y (of 2; no more is left)", "? not counted, as it could not be told: auth.arc", "Spam filters", "! SpamAssassin at x: 7.25 of 5, spam", "2.5  a", "?  UNTOLD", "and 1 more rule", "✓ rspamd at y: 0, not spam (no action", "✗ Would Gmail take it?", "– auth.dmarc: ground", "MAIL FROM <a", "– assumed",
		"  ✓ SPF       pass · a", "! DKIM      fail", "~ changed", "- was", "+ is", "for the same reason",
		"DMARC by RFC 9989: fail (reject)", "DMARC by RFC 7489: fail (quarantine)", "The way it took", "the boundary", "1 min 0 s before the hop before it", "(+3 days)", "no date that can be read",
		"What could not be told", "? arc: doubt", "Header and body", "! ADVICE  message.date", "1 critical finding · 2 warnings · 1 advice · 1 could not be told · 3 questions in 1.0 s"} {
		i := strings.Index(text, want)
		if i < last {
			t.Errorf("%q is missing or stands before what should precede it, in\n%s", want, text)
		}
		last = max(last, i)
	}
	if n := strings.Count(text, "→ step"); n != 1 {
		t.Errorf("a step is told %d times", n)
	}
	if strings.Contains(text, "the verdict again") || strings.Contains(text, "a doubt that follows") {
		t.Errorf("it is told twice:\n%s", text)
	}
	if strings.Contains(text, "only verbose") || strings.Contains(text, "more a") || strings.Contains(text, "As a receiver writes it") {
		t.Errorf("it is verbose:\n%s", text)
	}
}

// What is in order or not known reads so.
func TestMessageTextOutcomes(t *testing.T) {
	for _, c := range []struct {
		m    report.Message
		want []string
	}{
		{report.Message{Summary: "This mail passes DMARC.", Readings: []report.Reading{{Name: "RFC 9989", Fate: "delivered"}, {Name: "RFC 7489", Fate: "delivered"}}},
			[]string{"── message ──", "✓ This mail passes DMARC.", "As far as DMARC decides, it is delivered.", "MAIL FROM not known", "client    not known", "RFC 7489 comes to the same", "nothing wrong · 0 questions"}},
		{report.Message{Summary: "Not told.", Outcome: diagnosis.Unknown, CutShort: true, FromKnown: true, Readings: []report.Reading{{Name: "RFC 9989", Fate: "open"}}},
			[]string{"? Not told.", "is open", "MAIL FROM <>", "Cut short"}},
		{report.Message{Methods: []report.Method{{Name: "SPF", Outcome: diagnosis.Skipped, Why: "no client"}}}, []string{"– SPF       not evaluated\n", "no client"}},
	} {
		text := messageText(t, c.m, report.TextOptions{})
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
	}
}

// For a program there are no nulls but one: MAIL FROM that is not known.
func TestMessageJSON(t *testing.T) {
	for name, m := range map[string]report.Message{"hostile": judgedMessage(), "empty": {}} {
		var b bytes.Buffer
		if err := report.MessageJSON(&b, m); err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil || doc["schema"] != report.MessageSchema {
			t.Errorf("%s: %v, schema %v", name, err, doc["schema"])
		}
		for _, raw := range []string{"\x1b", "\u202e", "\xff"} {
			if bytes.Contains(b.Bytes(), []byte(raw)) {
				t.Errorf("%s: %q stands in it as it is: %q", name, raw, b.String())
			}
		}
		nulls := strings.Count(b.String(), "null")
		if want := map[string]int{"hostile": 0, "empty": 1}[name]; nulls != want {
			t.Errorf("%s: %d nulls in %s", name, nulls, b.String())
		}
	}
}

func TestMessageWriteError(t *testing.T) {
	full := errors.New("full")
	for name, write := range map[string]func(failing) error{
		"text": func(w failing) error { return report.MessageText(w, report.Message{}, report.TextOptions{}) },
		"json": func(w failing) error { return report.MessageJSON(w, report.Message{}) },
	} {
		if err := write(failing{full}); !errors.Is(err, full) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
