// Package policy is what large receivers ask of those who send to them, as data:
// which checks have to hold for mail of a domain to be accepted there. It asks
// nothing by itself and judges the results of an examination.
//
// What only mail shows (alignment, unsubscribe links) is asked of one message, by
// Policy.ForMessage. Volume and complaints nobody can see here; each policy says so.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A Policy is the rules of one receiver, as of a day.
type Policy struct {
	Name     string // as --policy takes it
	Question string // that Judge answers
	AsOf     string // the day on which the rules were read, 2006-01-02
	Source   diagnosis.Ref
	Demands  []Demand
	Unseen   []string // rules that no examination of a domain can show
	Message  OfMessage
}

// A Demand is one rule: one of Any has to hold.
type Demand struct {
	Any []string // IDs of checks
	// From is the severity from which a failure breaks the rule: a warning about a
	// key of 1024 bits breaks none that asks for 1024.
	From diagnosis.Severity
	// Present asks for what the check is about to be there, where it would pass
	// without: a zone that is valid because it is not signed does not do.
	Present bool
	// Moot is what else meets the demand, beside that the rule holds.
	Moot Moot
}

// Moot is what a demand can do without.
type Moot int

const (
	Never     Moot = iota // the rule has to hold
	IfSkipped             // or its question did not arise: IPv6 lists for an IPv4 address
	IfUnknown             // or that, or it could not be told: only a failure counts
)

// Outcomes is those that meet the demand as well as a pass does.
func (m Moot) Outcomes() []diagnosis.Outcome {
	return []diagnosis.Outcome{diagnosis.Skipped, diagnosis.Unknown}[:m]
}

// met reports whether what became of a check is moot. What was skipped for the
// sake of another check is not: its question arose.
func (m Moot) met(r diagnosis.Result) bool {
	return slices.Contains(m.Outcomes(), r.Outcome) && !(r.Outcome == diagnosis.Skipped && r.Cause != "")
}

// all is a demand for each of ids.
func all(from diagnosis.Severity, ids ...string) []Demand {
	list := make([]Demand, len(ids))
	for i, id := range ids {
		list[i] = Demand{Any: []string{id}, From: from}
	}
	return list
}

// present is all, of what has to be there too.
func present(from diagnosis.Severity, ids ...string) []Demand {
	list := all(from, ids...)
	for i := range list {
		list[i].Present = true
	}
	return list
}

// Find returns the policies that names name, each once, in the order of All.
func Find(names []string) ([]Policy, error) {
	var found []Policy
	known := make([]string, 0, len(All()))
	for _, p := range All() {
		known = append(known, p.Name)
		if slices.Contains(names, p.Name) {
			found = append(found, p)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no policy %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return found, nil
}

// Judge answers the policy's question from the results of an examination of
// every check: yes, no, or not to be told.
func (p Policy) Judge(results []diagnosis.Result) diagnosis.Judgement {
	j := diagnosis.Judgement{Policy: p.Name, Question: p.Question, AsOf: p.AsOf, Source: p.Source, Unseen: p.Unseen}
	byID := make(map[string]diagnosis.Result, len(results))
	for _, r := range results {
		byID[r.Rule.ID] = r
	}
	for _, d := range p.Demands {
		broken, open := d.judge(byID)
		j.Against = appendNew(j.Against, broken...)
		j.Open = appendNew(j.Open, open...)
	}
	switch {
	case len(j.Against) > 0:
		j.Answer = diagnosis.Failed
	case len(j.Open) > 0:
		j.Answer = diagnosis.Unknown
	}
	return j
}

// judge says what breaks the demand, or what leaves it open; neither where it
// is met.
func (d Demand) judge(results map[string]diagnosis.Result) (broken, open []diagnosis.Ground) {
	for _, id := range d.Any {
		r, ok := results[id]
		missing := absent(r)
		switch {
		case !ok:
			open = append(open, diagnosis.Ground{Check: id, Message: "it was not examined"})
		case d.Present && r.Outcome == diagnosis.Passed && missing != "":
			broken = append(broken, diagnosis.Ground{Check: id, Message: missing})
		case r.Outcome == diagnosis.Passed, r.Outcome == diagnosis.Failed && r.Severity < d.From, d.Moot.met(r):
			return nil, nil
		case r.Outcome == diagnosis.Failed:
			broken = append(broken, diagnosis.Ground{Check: id, Message: gravest(r)})
		case r.Outcome == diagnosis.Skipped && r.Cause != "":
			cause, open2 := root(results, r.Cause, d.From)
			broken, open = append(broken, cause...), append(open, open2...)
		case r.Outcome == diagnosis.Unknown && results[r.Cause].Reason != "":
			open = append(open, diagnosis.Ground{Check: r.Cause, Message: results[r.Cause].Reason})
		default:
			open = append(open, diagnosis.Ground{Check: id, Message: r.Reason})
		}
	}
	if len(open) > 0 {
		return nil, open // one that may yet hold is enough
	}
	return broken, nil
}

// absent says what of that a check is about is not there; empty if all is.
func absent(r diagnosis.Result) string {
	var missing []string
	for _, e := range r.Seen {
		if text := e.Question + ": " + e.Answer; e.Absent && !slices.Contains(missing, text) {
			missing = append(missing, text)
		}
	}
	return strings.Join(missing, "; ")
}

// root is the demand's end where the check was skipped because of another: that
// one's failure, if it is grave enough.
func root(results map[string]diagnosis.Result, id string, from diagnosis.Severity) (broken, open []diagnosis.Ground) {
	r, ok := results[id]
	if ok && r.Outcome == diagnosis.Failed && r.Severity >= from {
		return []diagnosis.Ground{{Check: id, Message: gravest(r)}}, nil
	}
	return nil, []diagnosis.Ground{{Check: id, Message: "what depends on it was not judged"}}
}

func gravest(r diagnosis.Result) string {
	best := r.Findings[0]
	for _, f := range r.Findings {
		if f.Severity > best.Severity {
			best = f
		}
	}
	return best.Message
}

func appendNew(list []diagnosis.Ground, more ...diagnosis.Ground) []diagnosis.Ground {
	for _, g := range more {
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list
}
