package report

import (
	"fmt"
	"io"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
)

// A MoveResidue is what is left of a provider, and the plan that removes it.
type MoveResidue struct {
	Domain string // canonical
	Old    string // who was left, for a reader
	Left   []migration.Remain
	Plan   plan.Plan
	Not    []plan.Conflict // what cannot be in the plan
	Notes  []string        // what else a reader should know
	Next   string          // where the move stands; empty without one
}

// MoveLeft writes it for a person.
func MoveLeft(w io.Writer, m MoveResidue, o TextOptions) error {
	p := newPage(o)
	p.header("what is left of " + flat(m.Old) + " at " + title(m.Domain))
	for _, one := range m.Left {
		s := warning
		if one.Act != "" && one.Kind == "verification" {
			s = advice
		}
		p.gap()
		p.para(p.mark(s)+" ", flat(one.Kind)+"  "+title(one.Subject), strong)
		seen := flat(one.Seen)
		if !p.verbose {
			seen = clip(seen, p.width-4)
		}
		p.line("    " + seen)
		p.para("    ", flat(one.Costs)+".", plain)
		if one.Act != "" {
			p.para("    → ", flat(one.Act), plain)
		}
	}
	if !m.Plan.Empty() {
		p.gap()
		p.header("plan")
		p.gap()
		p.changes(m.Plan)
		p.concerns(m.Plan.Concerns)
	}
	p.listed("Not in the plan, as it cannot be:", each(m.Not, func(c plan.Conflict) Task { return Task{plan.Title(c.Slot), c.Why} }))
	for _, note := range m.Notes {
		p.gap()
		p.para(p.mark(unknown)+" ", flat(note), plain)
	}
	p.gap()
	p.para("", residueVerdict(m), strong)
	if m.Next != "" {
		p.gap()
		p.para("", flat(m.Next), plain)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func residueVerdict(m MoveResidue) string {
	if len(m.Left) == 0 {
		return "Nothing is left of " + flat(m.Old) + "."
	}
	acts := 0
	for _, one := range m.Left {
		if one.Act != "" {
			acts++
		}
	}
	s := fmt.Sprintf("%s left", plural(len(m.Left), "thing"))
	if removed := len(m.Left) - acts; removed > 0 {
		s += fmt.Sprintf("; the plan removes %d, and maildoctor apply carries it out (--save)", removed)
	}
	if acts > 0 {
		s += fmt.Sprintf("; %d for you to see to", acts)
	}
	return s + "."
}

type (
	wireRemain struct {
		Kind    string `json:"kind"`
		Subject string `json:"subject"`
		Seen    string `json:"seen"`
		Costs   string `json:"costs"`
		Act     string `json:"act,omitempty"`
	}
	wireConflictLeft struct {
		Slot string `json:"slot"`
		Why  string `json:"why"`
	}
)

// MoveLeftJSON writes it for a program.
func MoveLeftJSON(w io.Writer, m MoveResidue) error {
	return writeJSON(w, struct {
		Schema    string             `json:"schema"`
		Domain    string             `json:"domain"`
		Old       string             `json:"old"`
		Left      []wireRemain       `json:"left"`
		Plan      plan.Plan          `json:"plan"`
		Conflicts []wireConflictLeft `json:"conflicts"`
		Notes     []string           `json:"notes"`
		Next      string             `json:"next,omitempty"`
	}{
		"maildoctor.move-residue/v1", title(m.Domain), text(m.Old),
		each(m.Left, func(r migration.Remain) wireRemain {
			return wireRemain{text(r.Kind), title(r.Subject), text(r.Seen), text(r.Costs), text(r.Act)}
		}),
		m.Plan, each(m.Not, func(c plan.Conflict) wireConflictLeft { return wireConflictLeft{text(plan.Title(c.Slot)), text(c.Why)} }),
		each(m.Notes, text), text(m.Next),
	})
}
