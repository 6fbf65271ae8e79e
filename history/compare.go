// Package history holds an examination against an earlier one: what is new, what is
// fixed, what has changed.
//
// What could not be told today is not fixed, and what could not be told then is not
// new because of that alone: it is said so.
package history

import (
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/waiver"
)

// Changes is what became different between two reports on one subject.
type Changes struct {
	Subject string    // domain or address
	Before  time.Time // zero: there is no earlier report
	After   time.Time

	New, Fixed []Change
	Changed    []Change // other words or another severity
	Untold     []Change // were there, and could not be told now
	Same       int      // findings that are as they were
}

// A Change is one finding, as it was and as it is.
type Change struct {
	Rule    diagnosis.Rule
	Was, Is *diagnosis.Finding // nil where it was not, or is not, there
	Why     string             // of Untold
}

// Worse reports whether a change is for the worse: new, or graver than it was.
func (c Change) Worse() bool {
	return c.Is != nil && (c.Was == nil || c.Is.Severity > c.Was.Severity)
}

// identity tells a finding among others of its subject.
type identity struct {
	check, subject string
	nth            int
}

// findings is those of a report, waived ones among them, and their order.
func findings(r diagnosis.Report) (map[identity]diagnosis.Finding, []identity) {
	all := make(map[identity]diagnosis.Finding)
	var order []identity
	for _, result := range r.Results {
		times := make(map[string]int)
		add := func(f diagnosis.Finding) {
			id := identity{result.Rule.ID, f.Subject, times[f.Subject]}
			times[f.Subject]++
			all[id] = f
			order = append(order, id)
		}
		for _, f := range result.Findings {
			add(f)
		}
		for _, w := range result.Waived {
			add(w.Finding)
		}
	}
	return all, order
}

// Compare holds a report against an earlier one on the same subject.
func Compare(before, after diagnosis.Report) Changes {
	c := Changes{Subject: Subject(after), Before: before.At, After: after.At}
	was, order := findings(before)
	is, now := findings(after)
	rules := make(map[string]diagnosis.Result)
	for _, r := range before.Results {
		rules[r.Rule.ID] = r
	}
	results := make(map[string]diagnosis.Result)
	for _, r := range after.Results {
		rules[r.Rule.ID], results[r.Rule.ID] = r, r
	}
	for _, id := range now {
		f := is[id]
		old, there := was[id]
		change := Change{Rule: rules[id.check].Rule, Is: &f}
		switch {
		case !there:
			c.New = append(c.New, change)
		case old.Message != f.Message || old.Severity != f.Severity:
			change.Was = &old
			c.Changed = append(c.Changed, change)
		default:
			c.Same++
		}
	}
	for _, id := range order {
		if _, there := is[id]; there {
			continue
		}
		f := was[id]
		change := Change{Rule: rules[id.check].Rule, Was: &f}
		if why, told := told(results, id, after.CutShort); !told {
			change.Why = why
			c.Untold = append(c.Untold, change)
			continue
		}
		c.Fixed = append(c.Fixed, change)
	}
	return c
}

// told reports whether a check had its say about a subject this time.
func told(results map[string]diagnosis.Result, id identity, cutShort bool) (why string, ok bool) {
	r, ran := results[id.check]
	switch {
	case !ran && cutShort:
		return "the examination was cut short", false
	case !ran:
		return id.check + " was left out", false
	case r.Outcome == diagnosis.Unknown || r.Outcome == diagnosis.Skipped && r.Cause != "":
		return r.Reason, false
	}
	for _, d := range r.Doubts {
		if d.Subject == id.subject || d.Subject == "" {
			return d.Reason, false
		}
	}
	return "", true
}

// Subject is what a report is about.
func Subject(r diagnosis.Report) string {
	if r.Address != "" {
		return r.Address
	}
	return r.Domain
}

// Of is the last of several reports on a subject.
func Of(reports []diagnosis.Report, subject string) (diagnosis.Report, bool) {
	for _, r := range slices.Backward(reports) {
		if Subject(r) == subject {
			return r, true
		}
	}
	return diagnosis.Report{}, false
}

// Accept waives in a report what an earlier one found already, unless it is graver
// now: what is left is new.
func Accept(r *diagnosis.Report, before diagnosis.Report) {
	was, _ := findings(before)
	nth := make(map[[2]string]int)
	waiver.Move(r, func(check string, f diagnosis.Finding) (diagnosis.Waived, bool) {
		key := [2]string{check, f.Subject}
		id := identity{check, f.Subject, nth[key]}
		nth[key]++
		old, there := was[id]
		if !there || f.Severity > old.Severity {
			return diagnosis.Waived{}, false
		}
		return diagnosis.Waived{Finding: f, Reason: "known since " + before.At.UTC().Format("2 January 2006")}, true
	})
}
