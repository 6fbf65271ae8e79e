package report

import (
	"cmp"
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// The shapes of a report in JSON; report.schema.json describes them for others.
type (
	wireDocument struct {
		Schema  string       `json:"schema"`
		Reports []wireReport `json:"reports"`
	}
	wireReport struct {
		Domain    string       `json:"domain"`
		Address   string       `json:"address,omitempty"`
		At        string       `json:"at"`
		TookMS    int64        `json:"took_ms"`
		Questions int          `json:"questions"`
		CutShort  bool         `json:"cut_short"`
		Results   []wireResult `json:"results"`

		Policies []wireJudgement `json:"policies,omitempty"`
		Map      *wireMap        `json:"map,omitempty"`
	}
	wireResult struct {
		ID       string         `json:"id"`
		Title    string         `json:"title"`
		Outcome  string         `json:"outcome"`
		Severity string         `json:"severity"`
		Why      string         `json:"why"`
		Refs     []wireRef      `json:"refs"`
		Seen     []wireEvidence `json:"seen"`
		Findings []wireFinding  `json:"findings"`
		Doubts   []wireDoubt    `json:"doubts"`
		Reason   string         `json:"reason"`
		Cause    string         `json:"cause"`
		TookMS   int64          `json:"took_ms"`

		Waived []wireWaived `json:"waived,omitempty"`
	}
	wireWaived struct {
		Finding wireFinding `json:"finding"`
		By      string      `json:"by"`
		Reason  string      `json:"reason"`
		Until   string      `json:"until"`
	}
	wireRef struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	wireEvidence struct {
		Question     string `json:"question"`
		Answer       string `json:"answer"`
		AnswerBase64 string `json:"answer_base64,omitempty"`
		Absent       bool   `json:"absent,omitempty"`
	}
	wireFinding struct {
		Subject  string         `json:"subject"`
		Message  string         `json:"message"`
		Severity string         `json:"severity"`
		Evidence []wireEvidence `json:"evidence"`
		Places   []string       `json:"places,omitempty"`
		Remedy   wireRemedy     `json:"remedy"`
	}
	wireRemedy struct {
		Edits []wireEdit `json:"edits"`
		Steps []string   `json:"steps"`
	}
	wireEdit struct {
		Slot wireSlot     `json:"slot"`
		Want []wireRecord `json:"want"`
	}
	wireSlot struct {
		Name string `json:"name"`
		Type string `json:"type"`
		Tag  string `json:"tag"`
	}
	wireRecord struct {
		Name       string `json:"name"`
		Type       string `json:"type"`
		TTL        uint32 `json:"ttl"`
		Data       string `json:"data"`
		DataBase64 string `json:"data_base64,omitempty"`
	}
	wireDoubt struct {
		Subject string `json:"subject"`
		Reason  string `json:"reason"`
	}
)

// text is s as a JSON string can hold it: octets that are not UTF-8 become
// visible \xNN. Where they matter, octets carries them too.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		_, size := utf8.DecodeRuneInString(s)
		if piece := s[:size]; utf8.ValidString(piece) {
			b.WriteString(piece)
		} else {
			b.WriteString(Escape(piece))
		}
		s = s[size:]
	}
	return b.String()
}

// octets is s in base64 where text cannot hold it, else empty.
func octets(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// each maps a slice; the result is never nil, so that JSON has [] and not null.
func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, 0, len(list))
	for _, x := range list {
		out = append(out, f(x))
	}
	return out
}

func toReport(r diagnosis.Report) wireReport {
	return wireReport{
		Domain: text(cmp.Or(r.Address, r.Domain)), Address: text(r.Address), At: r.At.UTC().Format(timeLayout), TookMS: max(0, r.Took.Milliseconds()),
		Questions: max(0, r.Questions), CutShort: r.CutShort, Results: each(r.Results, toResult),
		Policies: each(r.Policies, toJudgement), Map: toMap(r.Map),
	}
}

func toResult(r diagnosis.Result) wireResult {
	return wireResult{
		ID: text(r.Rule.ID), Title: text(r.Rule.Title), Why: text(r.Rule.Why), Refs: each(r.Rule.Refs, toRef),
		Outcome: r.Outcome.String(), Severity: r.Severity.String(),
		Seen: each(r.Seen, toEvidence), Findings: each(r.Findings, toFinding), Doubts: each(r.Doubts, toDoubt),
		Reason: text(r.Reason), Cause: text(r.Cause), TookMS: max(0, r.Took.Milliseconds()),
		Waived: each(r.Waived, toWaived),
	}
}

func toWaived(w diagnosis.Waived) wireWaived {
	return wireWaived{toFinding(w.Finding), text(w.By), text(w.Reason), day(w.Until)}
}

// day is a day in UTC; empty for none.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func toRef(r diagnosis.Ref) wireRef { return wireRef{text(r.Name), text(r.URL)} }

func toEvidence(e diagnosis.Evidence) wireEvidence {
	return wireEvidence{Question: text(e.Question), Answer: text(e.Answer), AnswerBase64: octets(e.Answer), Absent: e.Absent}
}

func toDoubt(d diagnosis.Doubt) wireDoubt { return wireDoubt{text(d.Subject), text(d.Reason)} }

func toFinding(f diagnosis.Finding) wireFinding {
	return wireFinding{
		Subject: text(f.Subject), Message: text(f.Message), Severity: f.Severity.String(),
		Evidence: each(f.Evidence, toEvidence), Places: each(f.Places, text),
		Remedy: wireRemedy{Edits: each(f.Remedy.Edits, toEdit), Steps: each(f.Remedy.Steps, text)},
	}
}

func toEdit(e record.Edit) wireEdit {
	return wireEdit{
		Slot: wireSlot{text(e.Slot.Name), text(e.Slot.Type), text(e.Slot.Tag)},
		Want: each(e.Want, toRecord),
	}
}

func toRecord(r record.Record) wireRecord {
	return wireRecord{Name: text(r.Name), Type: text(r.Type), TTL: r.TTL, Data: text(r.Data), DataBase64: octets(r.Data)}
}
