// Package score makes one figure of what was found out about a message: ten
// points, less what each finding costs by a table (Weights) that says why. Every
// deduction is listed. What could not be told costs nothing, and is listed too.
//
// It is an opinion in figures, not a forecast: no receiver counts so, and none
// says how it does. Policies and the DMARC verdict say what is refused.
package score

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Full is the score of a message in which nothing is wrong, in tenths.
const Full = 100

// A Score is what a message comes to.
type Score struct {
	Tenths     int // of a point, from 0 to Full
	Deductions []Deduction
	Open       []diagnosis.Ground // what could not be told, and might have cost something
}

// A Deduction is what one rule costs.
type Deduction struct {
	Check    string
	Message  string // of the gravest finding
	More     int    // findings beside that one
	Severity diagnosis.Severity
	Group    Group // whose limit holds
	Full     int   // tenths that the fault costs by itself
	Cost     int   // tenths that it costs here
	Cut      Cut   // why it costs less
}

// A Cut is why a fault costs less than it does by itself.
type Cut int

const (
	Whole       Cut = iota // it does not
	AtLimit                // its group has reached its limit
	NothingLeft            // no more is left of the score
)

// String is the score for a reader: "7.3/10", or "at most 7.3/10" where something
// could not be told.
func (s Score) String() string {
	text := Points(s.Tenths) + "/10"
	if len(s.Open) > 0 {
		return "at most " + text
	}
	return text
}

// Points is tenths as points: "7.3", "10".
func Points(tenths int) string {
	if tenths%10 == 0 {
		return fmt.Sprint(tenths / 10)
	}
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}

// Of counts results, each rule once. Their order does not matter.
func Of(results []diagnosis.Result) Score {
	byID := make(map[string]diagnosis.Result, len(results))
	for _, r := range results {
		byID[r.Rule.ID] = r
	}
	s := Score{Tenths: Full}
	counted := make(map[string]bool)
	for _, w := range weights {
		r, there := byID[w.Check]
		if !there {
			continue
		}
		s.doubt(r)
		if d, costs := w.deduction(r); costs && !slices.ContainsFunc(w.Unless, func(id string) bool { return counted[id] }) {
			counted[w.Check] = true
			s.Deductions = append(s.Deductions, d)
		}
	}
	s.count()
	return s
}

// doubt lists what a rule could not tell, unless another rule explains it.
func (s *Score) doubt(r diagnosis.Result) {
	if (r.Outcome == diagnosis.Unknown || r.Outcome == diagnosis.Failed) && r.Cause == "" && r.Reason != "" {
		s.Open = append(s.Open, diagnosis.Ground{Check: r.Rule.ID, Message: r.Reason})
	}
}

// deduction is what a rule costs that ended so.
func (w Weight) deduction(r diagnosis.Result) (Deduction, bool) {
	d := Deduction{Check: w.Check, Group: w.Group}
	switch r.Outcome {
	case diagnosis.Failed:
		worst := gravest(r.Findings)
		d.Message, d.Severity, d.More = worst.Message, worst.Severity, len(r.Findings)-1
		d.Full = map[diagnosis.Severity]int{diagnosis.Critical: w.Cost.Critical, diagnosis.Warning: w.Cost.Warning, diagnosis.Advice: w.Cost.Advice}[worst.Severity]
		if worst.Severity == diagnosis.Advice && (w.Group == Header || w.Group == Body) {
			d.Group = Small
		}
	case diagnosis.Passed:
		for _, e := range r.Seen {
			if e.Absent {
				d.Message, d.Full = e.Answer, w.Cost.Absent
				break
			}
		}
	}
	return d, d.Full > 0
}

func gravest(list []diagnosis.Finding) diagnosis.Finding {
	return slices.MaxFunc(list, func(a, b diagnosis.Finding) int { return cmp.Compare(a.Severity, b.Severity) })
}

// count takes the deductions from the score, group by group, the greatest first.
func (s *Score) count() {
	at := func(g Group) int { return slices.IndexFunc(limits, func(l Limit) bool { return l.Group == g }) }
	slices.SortStableFunc(s.Deductions, func(a, b Deduction) int {
		return cmp.Or(cmp.Compare(at(a.Group), at(b.Group)), cmp.Compare(b.Full, a.Full))
	})
	left := make(map[Group]int)
	for _, l := range limits {
		left[l.Group] = l.Most
	}
	for i := range s.Deductions {
		d := &s.Deductions[i]
		d.Cost = min(d.Full, left[d.Group], s.Tenths)
		switch {
		case d.Cost == d.Full:
		case d.Cost == s.Tenths:
			d.Cut = NothingLeft
		default:
			d.Cut = AtLimit
		}
		left[d.Group] -= d.Cost
		s.Tenths -= d.Cost
	}
	slices.SortStableFunc(s.Deductions, func(a, b Deduction) int { return cmp.Compare(b.Cost, a.Cost) })
}
