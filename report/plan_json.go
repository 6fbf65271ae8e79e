package report

import (
	"io"

	"github.com/maildoctor/maildoctor/plan"
)

// PlanSchemaName stands in the field "schema" of a plan with its rehearsal.
const PlanSchemaName = "maildoctor.rehearsal/v1"

type (
	wirePlanned struct {
		Schema    string         `json:"schema"`
		Plan      plan.Plan      `json:"plan"`
		Conflicts []wireConflict `json:"conflicts"`
		Tasks     []wireTask     `json:"tasks"`
		Rehearsal *wireRehearsal `json:"rehearsal"`
	}
	wireConflict struct {
		Slot wireSlot `json:"slot"`
		Why  string   `json:"why"`
		From []string `json:"from"`
	}
	wireTask struct {
		Subject string `json:"subject"`
		Text    string `json:"text"`
	}
	wireRehearsal struct {
		Gone     []wireShift   `json:"gone"`
		Came     []wireShift   `json:"came"`
		Dark     []wireShift   `json:"dark"`
		Measures []wireMeasure `json:"measures"`
		Answers  []wireAnswer  `json:"answers"`
		Before   wireReport    `json:"before"`
		After    wireReport    `json:"after"`
	}
	wireShift struct {
		Check    string      `json:"check"`
		Unjudged bool        `json:"unjudged"`
		Instead  string      `json:"instead"`
		Accepted bool        `json:"accepted"`
		Finding  wireFinding `json:"finding"`
	}
	wireMeasure struct {
		Name   string `json:"name"`
		Before string `json:"before"`
		After  string `json:"after"`
	}
	wireAnswer struct {
		Policy   string `json:"policy"`
		Question string `json:"question"`
		Before   string `json:"before"`
		After    string `json:"after"`
	}
)

// PlanJSON writes a plan and its rehearsal for a machine:
// {"schema":"maildoctor.rehearsal/v1","plan":{...},"conflicts":[{"slot","why","from"}],"tasks":[{"subject","text"}],"rehearsal":{...}}.
// The plan is as a plan file has it. The rehearsal, null if there was none, has
// the findings that are "gone", that "came" and that are "dark" (no longer told),
// "measures" and "answers" before and after, and both reports whole.
func PlanJSON(w io.Writer, d Planned) error {
	doc := wirePlanned{
		Schema: PlanSchemaName, Plan: d.Plan,
		Conflicts: each(d.Conflicts, func(c plan.Conflict) wireConflict {
			return wireConflict{wireSlot{text(c.Slot.Name), text(c.Slot.Type), text(c.Slot.Tag)}, text(c.Why), each(c.From, text)}
		}),
		Tasks: each(d.Tasks, func(t Task) wireTask { return wireTask{text(t.Subject), text(t.Text)} }),
	}
	if d.Rehearsal != nil {
		doc.Rehearsal = toRehearsal(*d.Rehearsal, d.Accepted)
	}
	return writeJSON(w, doc)
}

func toRehearsal(r plan.Rehearsal, accepted []string) *wireRehearsal {
	taken := make(map[string]bool)
	for _, id := range accepted {
		taken[id] = true
	}
	shift := func(s plan.Shift) wireShift {
		return wireShift{Check: text(s.Check), Unjudged: s.Unjudged, Instead: text(s.Instead), Finding: toFinding(s.Finding)}
	}
	return &wireRehearsal{
		Gone: each(r.Gone, shift), Dark: each(r.Dark, shift),
		Came: each(r.Came, func(s plan.Shift) wireShift {
			w := shift(s)
			w.Accepted = taken[s.Check]
			return w
		}),
		Measures: each(r.Measures, func(m plan.Measure) wireMeasure { return wireMeasure{text(m.Name), text(m.Before), text(m.After)} }),
		Answers: each(r.Answers, func(a plan.Answer) wireAnswer {
			return wireAnswer{text(a.Policy), text(a.Question), answers[a.Before], answers[a.After]}
		}),
		Before: toReport(r.Before), After: toReport(r.After),
	}
}
