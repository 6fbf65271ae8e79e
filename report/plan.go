package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// A Planned is a plan with what belongs to it.
type Planned struct {
	Plan      plan.Plan
	Conflicts []plan.Conflict // what is wished and not in the plan
	Tasks     []Task
	Rehearsal *plan.Rehearsal // nil if there was none
	Accepted  []string        // IDs of checks whose new findings are accepted
}

// A Task is what no record of the zone can bring about.
type Task struct{ Subject, Text string }

// Plan writes a plan for a person: what changes, slot by slot (~ replaced, +
// added, - removed), why, what should give pause, what is not in it, and the
// rehearsal. Long texts are clipped unless the text is verbose.
func Plan(w io.Writer, d Planned, o TextOptions) error {
	p := newPage(o)
	name := "plan"
	if d.Plan.Zone != "" {
		name = "plan for " + title(d.Plan.Zone)
	}
	p.header(name)
	p.gap()
	p.changes(d.Plan)
	p.concerns(d.Plan.Concerns)
	p.listed("Not in the plan, as it cannot be:", each(d.Conflicts, func(c plan.Conflict) Task { return Task{plan.Title(c.Slot), c.Why} }))
	p.listed("What no record here can bring about:", d.Tasks)
	if d.Rehearsal != nil {
		p.rehearsal(*d.Rehearsal, d.Accepted)
	}
	p.gap()
	p.para("", planned(d), plain)
	_, err := io.WriteString(w, p.String())
	return err
}

// planned is the plan in a sentence.
func planned(d Planned) string {
	counts := make(map[plan.Kind]int)
	for _, c := range d.Plan.Changes {
		counts[c.Kind()]++
	}
	var parts []string
	for _, k := range []struct {
		kind plan.Kind
		word string
	}{{plan.Create, "to add"}, {plan.Replace, "to replace"}, {plan.Delete, "to remove"}} {
		if n := counts[k.kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k.word))
		}
	}
	s := "nothing to change"
	if len(parts) > 0 {
		s = strings.Join(parts, ", ")
	}
	if n := len(d.Conflicts); n > 0 {
		s += " · " + plural(n, "conflict")
	}
	if d.Rehearsal == nil {
		return s
	}
	if rest := count(d.Rehearsal.After.Results).verdict(d.Rehearsal.After.CutShort); !d.Plan.Empty() {
		s += " · then " + rest
	} else {
		s += " · " + rest
	}
	if worse := d.Rehearsal.Worse(d.Accepted); len(worse) > 0 {
		s += " · " + plural(len(worse), "new finding") + " above advice"
	}
	return s
}

// changes puts what changes.
func (p *page) changes(d plan.Plan) {
	if d.Empty() {
		text := "Nothing to change."
		if d.Source != "" {
			text = "Nothing to change in " + flat(d.Source) + "."
		}
		p.para("  "+p.mark(passed)+" ", text, plain)
		return
	}
	for i, c := range d.Changes {
		if i > 0 {
			p.gap()
		}
		p.change(c)
	}
}

// signs are the marks of what a change does, and their tones.
var signs = map[plan.Kind]struct {
	sign string
	tone tone
}{plan.Create: {"+", good}, plan.Replace: {"~", warn}, plan.Delete: {"-", bad}}

func (p *page) change(c plan.Change) {
	s := signs[c.Kind()]
	p.para(p.in(s.tone, s.sign)+" ", shortTitle(c.Slot), strong)
	if len(c.Before) > 0 && len(c.After) > 0 && slices.EqualFunc(c.Before, c.After, func(a, b record.Record) bool { return a.Data == b.Data }) {
		p.para("  ", fmt.Sprintf("TTL %d becomes %d", c.Before[0].TTL, c.After[0].TTL), plain)
	} else {
		p.side("-", bad, c.Before, c.After)
		p.side("+", good, c.After, c.Before)
	}
	for _, reason := range c.Reasons {
		p.para("    ", flat(reason), faint)
	}
	if len(c.From) > 0 {
		p.para("    ", "wanted by "+flat(strings.Join(c.From, ", ")), faint)
	}
}

// shortTitle is a slot for a reader; a tag that is a whole text is clipped.
func shortTitle(s record.Slot) string {
	const most = 32
	s.Tag = clip(flat(s.Tag), most)
	return flat(plan.Title(s))
}

// side puts the records of one side of a change; those on both sides stay.
func (p *page) side(sign string, t tone, list, other []record.Record) {
	for _, r := range list {
		mark := p.in(t, sign)
		if slices.ContainsFunc(other, func(o record.Record) bool { return o.Data == r.Data }) {
			if sign == "+" {
				continue
			}
			mark = " "
		}
		data := Escape(r.Presentation())
		if !p.verbose {
			data = clip(data, p.width-4)
		}
		p.line("  " + mark + " " + data)
	}
}

func (p *page) concerns(list []plan.Concern) {
	if len(list) == 0 {
		return
	}
	p.gap()
	p.para("", "Before it is carried out:", strong)
	for _, c := range list {
		text := flat(c.Text)
		if c.Needs != "" {
			text += " (needs " + flat(c.Needs) + ")"
		}
		p.para("  "+p.mark(warning)+" ", text, plain)
	}
}

// listed puts a list of subjects and texts, or nothing.
func (p *page) listed(head string, list []Task) {
	if len(list) == 0 {
		return
	}
	p.gap()
	p.para("", head, strong)
	for _, t := range list {
		text := flat(t.Text)
		if s := flat(t.Subject); s != "" {
			text = s + ": " + text
		}
		p.para("  – ", text, plain)
	}
}

// rehearsal puts the examination before and after.
func (p *page) rehearsal(r plan.Rehearsal, accepted []string) {
	p.gap()
	p.header("rehearsal")
	p.gap()
	if r.Before.CutShort || r.After.CutShort {
		p.para("  "+p.in(strongWarn, "!")+" ", cutShort, strongWarn)
		p.gap()
	}
	p.table(rows(r))
	p.shifts("Goes:", p.mark(passed), r.Gone, nil)
	p.shifts("Comes:", "", r.Came, accepted)
	p.shifts("Can no longer be told:", p.mark(unknown), r.Dark, nil)
}

// rows is the numbers and answers of a rehearsal.
func rows(r plan.Rehearsal) [][3]string {
	list := [][3]string{{"", "before", "after"}}
	before, after := severities(r.Before), severities(r.After)
	for _, s := range []struct {
		severity diagnosis.Severity
		name     string
	}{{diagnosis.Critical, "critical findings"}, {diagnosis.Warning, "warnings"}, {diagnosis.Advice, "advice"}} {
		list = append(list, [3]string{s.name, fmt.Sprint(before[s.severity]), fmt.Sprint(after[s.severity])})
	}
	list = append(list, [3]string{"could not be told", fmt.Sprint(count(r.Before.Results).unknown()), fmt.Sprint(count(r.After.Results).unknown())})
	for _, m := range r.Measures {
		list = append(list, [3]string{flat(m.Name), dash(m.Before), dash(m.After)})
	}
	for _, a := range r.Answers {
		list = append(list, [3]string{flat(a.Policy) + " would accept", answers[a.Before], answers[a.After]})
	}
	return list
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return flat(s)
}

// severities counts findings by severity.
func severities(r diagnosis.Report) map[diagnosis.Severity]int {
	n := make(map[diagnosis.Severity]int)
	for _, result := range r.Results {
		for _, f := range result.Findings {
			n[f.Severity]++
		}
	}
	return n
}

// table puts rows of three columns, the first of them a head; what changes is strong.
func (p *page) table(rows [][3]string) {
	var widest [3]int
	for _, row := range rows {
		for i, s := range row {
			widest[i] = max(widest[i], cells(s))
		}
	}
	left := (p.width - 2 - widest[0] - 4) / 2
	for i, row := range rows {
		row[1], row[2] = clip(row[1], left), clip(row[2], left)
		t := plain
		switch {
		case i == 0:
			t = faint
		case row[1] != row[2]:
			t = strong
		}
		p.line("  " + pad(row[0], widest[0]) + "  " + p.in(t, pad(row[1], min(widest[1], left))) + "  " + p.in(t, row[2]))
	}
}

// shifts puts findings that are on one side only; with no mark that of each severity.
func (p *page) shifts(head, mark string, list []plan.Shift, accepted []string) {
	if len(list) == 0 {
		return
	}
	p.gap()
	p.para("", head, strong)
	for _, s := range list {
		m := mark
		if m == "" {
			m = p.mark(stateOfSeverity(s.Finding.Severity))
		}
		text := fmt.Sprintf("%s: %s", flat(s.Check), message(s.Finding, s.Finding.Severity))
		switch {
		case s.Unjudged:
			text += " (before, this could not be told)"
		case s.Instead != "":
			text += " (in place of " + flat(s.Instead) + ")"
		case slices.Contains(accepted, s.Check):
			text += " (accepted)"
		}
		p.para("  "+m+" ", text, plain)
	}
}
