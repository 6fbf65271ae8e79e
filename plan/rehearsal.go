package plan

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A Rehearsal is what a plan does to the examination of a domain: the report as
// it is compared with the report as the plan would have it.
type Rehearsal struct {
	Before, After diagnosis.Report
	// Gone are the findings that the plan cures, Came those that it brings, or
	// makes graver, and Dark those of which it can no longer be told.
	Gone, Came, Dark []Shift
	Measures         []Measure
	Answers          []Answer
}

// A Shift is a finding that is on one side only.
type Shift struct {
	Check    string // ID
	Finding  diagnosis.Finding
	Unjudged bool // of Came: before, it could not be told, so that the plan need not be the cause
	// Instead is, of Came, the check whose finding hid this one until now, was as
	// grave, and is gone: a policy that is weak in place of none.
	Instead string
}

// A Measure is a number that an examination shows, before and after; empty
// where there is none.
type Measure struct{ Name, Before, After string }

// An Answer is what a receiver asks, answered before and after.
type Answer struct {
	Policy, Question string
	Before, After    diagnosis.Outcome
}

// measured are the checks whose first evidence is a number to compare.
var measured = []struct{ check, name string }{{"spf.lookup-limit", "SPF lookups"}, {"spf.void-limit", "SPF void lookups"}}

// Rehearse compares two reports on one domain. Findings are the same where check
// and subject are, and the severity is no higher.
func Rehearse(before, after diagnosis.Report) Rehearsal {
	r := Rehearsal{Before: before, After: after}
	was, is := byCheck(before), byCheck(after)
	for _, b := range before.Results {
		a, there := is[b.Rule.ID]
		for _, f := range unmatched(b.Findings, a.Findings) {
			if dark := !there || a.Outcome == diagnosis.Unknown || a.Outcome == diagnosis.Skipped && a.Cause != "" || doubted(a, f.Subject); dark {
				r.Dark = append(r.Dark, Shift{Check: b.Rule.ID, Finding: f})
				continue
			}
			r.Gone = append(r.Gone, Shift{Check: b.Rule.ID, Finding: f})
		}
	}
	for _, a := range after.Results {
		b := was[a.Rule.ID]
		for _, f := range unmatched(a.Findings, b.Findings) {
			s := Shift{Check: a.Rule.ID, Finding: f, Unjudged: doubted(b, f.Subject)}
			if b.Outcome == diagnosis.Skipped && r.cured(b.Cause, f.Severity) {
				s.Instead = b.Cause
			}
			r.Came = append(r.Came, s)
		}
	}
	for _, m := range measured {
		row := Measure{m.name, number(was[m.check]), number(is[m.check])}
		if row.Before != "" || row.After != "" {
			r.Measures = append(r.Measures, row)
		}
	}
	for _, j := range after.Policies {
		i := slices.IndexFunc(before.Policies, func(b diagnosis.Judgement) bool { return b.Policy == j.Policy })
		if i >= 0 {
			r.Answers = append(r.Answers, Answer{j.Policy, j.Question, before.Policies[i].Answer, j.Answer})
		}
	}
	return r
}

// cured reports whether a finding of a check, of this severity at least, is gone.
func (r Rehearsal) cured(check string, least diagnosis.Severity) bool {
	return slices.ContainsFunc(r.Gone, func(s Shift) bool { return s.Check == check && s.Finding.Severity >= least })
}

// Worse are the findings above advice that the plan brings, without those of
// the checks accepted, and without warnings in the place of what is as bad.
func (r Rehearsal) Worse(accepted []string) []Shift {
	return slices.DeleteFunc(slices.Clone(r.Came), func(s Shift) bool {
		lesser := s.Instead != "" && s.Finding.Severity < diagnosis.Critical
		return s.Unjudged || lesser || s.Finding.Severity == diagnosis.Advice || slices.Contains(accepted, s.Check)
	})
}

func byCheck(r diagnosis.Report) map[string]diagnosis.Result {
	results := make(map[string]diagnosis.Result, len(r.Results))
	for _, result := range r.Results {
		results[result.Rule.ID] = result
	}
	return results
}

// doubted reports whether it could not be told how it is with a subject.
func doubted(r diagnosis.Result, subject string) bool {
	if r.Outcome == diagnosis.Unknown {
		return true
	}
	return slices.ContainsFunc(r.Doubts, func(d diagnosis.Doubt) bool { return d.Subject == subject })
}

// unmatched are the findings of list that other has none for: one of the same
// subject, each used once, of the same or a higher severity, those with the same
// message first.
func unmatched(list, other []diagnosis.Finding) []diagnosis.Finding {
	used := make([]bool, len(other))
	match := func(f diagnosis.Finding, fits func(diagnosis.Finding) bool) bool {
		for i, o := range other {
			if !used[i] && o.Subject == f.Subject && o.Severity >= f.Severity && fits(o) {
				used[i] = true
				return true
			}
		}
		return false
	}
	var left []diagnosis.Finding
	for _, f := range list {
		if !match(f, func(o diagnosis.Finding) bool { return o.Message == f.Message }) {
			left = append(left, f)
		}
	}
	return slices.DeleteFunc(left, func(f diagnosis.Finding) bool { return match(f, func(diagnosis.Finding) bool { return true }) })
}

// number is what a check counted, "7 of 10"; empty where it did not.
func number(r diagnosis.Result) string {
	if len(r.Seen) == 0 || r.Outcome == diagnosis.Skipped {
		return ""
	}
	n, _, _ := strings.Cut(strings.TrimPrefix(r.Seen[0].Answer, "needs "), " (")
	return n
}
