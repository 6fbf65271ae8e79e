// Package waiver takes out of a report what its owner has decided to live with for
// a time: a listed address that he does not send from, a record that goes next
// month. Who answers for it, why and until when stands in the report; a waiver that
// has ended is a finding of its own.
//
// It does not decide what may be waived, and it forgets nothing: what is waived is
// still in the report.
package waiver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// A Waiver says which findings count for nothing, and until when.
type Waiver struct {
	Check   string // ID of a check, or a topic
	Domain  string // canonical; empty: of any report
	Subject string // a name or an address; empty: any
	Owner   string // who answers for it
	Reason  string
	Until   time.Time // the last day, UTC
	At      string    // where it stands: "maildoctor.yaml:12"
}

// ended reports whether the last day is over.
func (w Waiver) ended(now time.Time) bool {
	return !now.Before(w.Until.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour))
}

// covers reports whether a waiver is about a finding.
func (w Waiver) covers(r diagnosis.Report, id string, f diagnosis.Finding) bool {
	topic, _, _ := strings.Cut(id, ".")
	return (w.Check == id || w.Check == topic) &&
		(w.Domain == "" || record.Canonical(r.Domain) == w.Domain) &&
		(w.Subject == "" || record.Canonical(f.Subject) == record.Canonical(w.Subject))
}

// Grade gives findings the severity that their check has for the owner, by its ID.
func Grade(r *diagnosis.Report, grades map[string]diagnosis.Severity) {
	r.Results = slices.Clone(r.Results)
	for i := range r.Results {
		result := &r.Results[i]
		s, graded := grades[result.Rule.ID]
		if !graded {
			continue
		}
		result.Severity = s
		result.Findings = slices.Clone(result.Findings)
		for j := range result.Findings {
			result.Findings[j].Severity = s
		}
	}
}

// Apply moves the findings that waivers in force cover from each result to its
// Waived. Of a result without other findings and without doubts it makes one that
// was skipped.
func Apply(r *diagnosis.Report, list []Waiver, now time.Time) {
	Move(r, func(id string, f diagnosis.Finding) (diagnosis.Waived, bool) {
		for _, w := range list {
			if !w.ended(now) && w.covers(*r, id, f) {
				return diagnosis.Waived{Finding: f, By: w.Owner, Reason: w.Reason, Until: w.Until}, true
			}
		}
		return diagnosis.Waived{}, false
	})
}

// Move waives the findings that a function says are to be.
func Move(r *diagnosis.Report, waived func(id string, f diagnosis.Finding) (diagnosis.Waived, bool)) {
	r.Results = slices.Clone(r.Results)
	for i := range r.Results {
		result := &r.Results[i]
		var left []diagnosis.Finding
		moved := slices.Clone(result.Waived)
		for _, f := range result.Findings {
			if w, ok := waived(result.Rule.ID, f); ok {
				moved = append(moved, w)
			} else {
				left = append(left, f)
			}
		}
		if len(moved) > len(result.Waived) {
			result.Findings, result.Waived = left, moved
			settle(result)
		}
	}
}

// settle makes the outcome of a result what its findings and doubts say.
func settle(r *diagnosis.Result) {
	v := diagnosis.Verdict{Findings: r.Findings, Doubts: r.Doubts, Skip: why(r.Waived)}
	switch r.Outcome = v.Outcome(); r.Outcome {
	case diagnosis.Failed:
		r.Severity = diagnosis.Advice
		for _, f := range r.Findings {
			r.Severity = max(r.Severity, f.Severity)
		}
	case diagnosis.Skipped:
		r.Reason = v.Skip
	}
}

// why is the reason of a result whose findings are all waived.
func why(list []diagnosis.Waived) string {
	if len(list) == 0 {
		return ""
	}
	w := list[0]
	s := "waived"
	if !w.Until.IsZero() {
		s += " until " + w.Until.UTC().Format(time.DateOnly)
	}
	if w.By != "" {
		s += " by " + w.By
	}
	if w.Reason != "" {
		s += ": " + w.Reason
	}
	return s
}

// Expired is the rule that waivers end. It is judged by [Judge].
func Expired() diagnosis.Rule {
	return diagnosis.Rule{
		ID: "waiver.expired", Severity: diagnosis.Warning,
		Title: "Every waiver is in force",
		Why:   "A waiver that has ended hides nothing any more, and tells that what it was meant to bridge is still there.",
		Doc: `A waiver in maildoctor.yaml names a check, who answers for its findings, why, and the last day (UTC). After that day its findings count again, and the waiver itself is a finding as long as it stands in the file.

Look at what it was for. If that is mended, take the waiver out; if it has to be lived with for longer, give it another day, and ask whoever answers for it.`,
	}
}

// Judge is the result about the waivers of one report: none where there are no
// waivers about it.
func Judge(r diagnosis.Report, list []Waiver, now time.Time) []diagnosis.Result {
	about := slices.DeleteFunc(slices.Clone(list), func(w Waiver) bool { return w.Domain != "" && w.Domain != record.Canonical(r.Domain) })
	if len(about) == 0 {
		return nil
	}
	result := diagnosis.Result{Rule: Expired(), Severity: diagnosis.Warning}
	for _, w := range about {
		if !w.ended(now) {
			result.Seen = append(result.Seen, diagnosis.Evidence{Question: w.name(), Answer: why([]diagnosis.Waived{{By: w.Owner, Reason: w.Reason, Until: w.Until}})})
			continue
		}
		f := diagnosis.Finding{
			Subject: w.name(), Severity: diagnosis.Warning,
			Message: fmt.Sprintf("the waiver of %s ended on %s (%s: %s)", w.name(), w.Until.UTC().Format(time.DateOnly), w.Owner, w.Reason),
			Remedy:  diagnosis.Remedy{Steps: []string{"Take it out of the file if its cause is gone; else ask " + w.Owner + " for another day."}},
		}
		if w.At != "" {
			f.Places = []string{w.At}
		}
		result.Findings = append(result.Findings, f)
	}
	result.Outcome = diagnosis.Verdict{Findings: result.Findings}.Outcome()
	return []diagnosis.Result{result}
}

// name is what a waiver is of.
func (w Waiver) name() string {
	if w.Subject == "" {
		return w.Check
	}
	return w.Check + " of " + record.Display(w.Subject)
}
