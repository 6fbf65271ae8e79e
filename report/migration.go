package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// A Moving is a move as it was looked at.
type Moving struct {
	Move      migration.Move
	File      string           // that keeps it; empty if it is not kept
	Today     diagnosis.Report // on the domain as it is
	Both      *plan.Rehearsal  // of the time in which both sides are in use; nil if it was not rehearsed
	Final     *plan.Rehearsal  // of the end
	Accepted  []string         // IDs of checks whose new findings are accepted
	Conflicts []plan.Conflict  // what is wanted and cannot be
	Brief     bool             // without the inventory
}

// Worse is the findings above advice that the move brings and nobody accepted: for
// the time of both sides, or for good.
func (m Moving) Worse() []plan.Shift {
	var list []plan.Shift
	for _, r := range []*plan.Rehearsal{m.Both, m.Final} {
		if r == nil {
			continue
		}
		for _, s := range r.Worse(m.Accepted) {
			if !slices.ContainsFunc(list, func(o plan.Shift) bool { return o.Check == s.Check && o.Finding.Subject == s.Finding.Subject }) {
				list = append(list, s)
			}
		}
	}
	return list
}

// MoveStands is where a move stands and what is next, with the command for it where
// the file is known that keeps the move. Each command of migrate ends with it.
func MoveStands(m migration.Move, file string) string {
	s := MoveState(m)
	next := m.Next()
	if file == "" || next == nil {
		return s
	}
	file = flat(file)
	switch {
	case !next.Plan.Empty():
		return s + fmt.Sprintf(" See it with maildoctor migrate plan %s %s.", file, next.ID)
	case next.ID == migration.Rehearse:
		return s + fmt.Sprintf(" Begin with maildoctor migrate rehearse %s.", file)
	case next.ID == migration.Watch:
		return s + fmt.Sprintf(" Begin with maildoctor migrate watch %s.", file)
	}
	return s + fmt.Sprintf(" When it is done: maildoctor migrate done %s %s.", file, next.ID)
}

// Move writes a move for a person: what there is and what becomes of it, what stands
// in the way, and the plan.
func Move(w io.Writer, d Moving, o TextOptions) error {
	p := newPage(o)
	m := d.Move
	p.header("move of the mail of " + title(m.Domain))
	p.gap()
	p.para("  from    ", sideOf(m.Old), plain)
	p.para("  to      ", sideOf(m.New), plain)
	if !m.Switch.IsZero() {
		p.para("  switch  ", moveDate(m.Switch), plain)
	}
	if m.Source != "" {
		p.para("  read    ", "from "+flat(m.Source)+", "+moveDate(m.Begun), plain)
	}
	if !d.Brief {
		p.inventory(m)
	}
	p.ways(d)
	p.itinerary(d)
	p.gap()
	p.para("", MoveStands(m, d.File), strong)
	_, err := io.WriteString(w, p.String())
	return err
}

// MoveFoot writes where a move stands and what is next, behind something else.
func MoveFoot(w io.Writer, m migration.Move, file string, o TextOptions) error {
	p := newPage(o)
	p.line("")
	p.para("", MoveStands(m, file), strong)
	_, err := io.WriteString(w, p.String())
	return err
}

func sideOf(s migration.Side) string {
	text := flat(s.Name)
	var hosts []string
	for _, h := range s.Hosts {
		if !strings.Contains(s.Name, record.Display(h)) {
			hosts = append(hosts, title(h))
		}
	}
	if len(hosts) > 0 {
		text += " (" + listedShort(hosts, 3) + ")"
	}
	return text
}

// listedShort is some of a list, and how many more there are.
func listedShort(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// kindWords are the kinds of items for a reader.
var kindWords = map[string]string{
	"mx": "MX", "host": "host", "spf": "SPF", "dkim": "DKIM key", "dmarc": "DMARC", "mta-sts": "MTA-STS", "tls-rpt": "TLS reports",
	"dane": "DANE", "bimi": "BIMI", "client": "mail programs", "caa": "CAA", "verification": "verification", "subdomain": "sender", "service": "service", "ptr": "reverse name",
}

// inventory puts what there is. Items that differ by their names alone are one.
func (p *page) inventory(m migration.Move) {
	if len(m.Items) == 0 {
		return
	}
	p.gap()
	p.para("", "What there is, and what becomes of it:", strong)
	for i := 0; i < len(m.Items); {
		one := m.Items[i]
		names := []string{title(one.Subject)}
		j := i + 1
		for ; j < len(m.Items) && one.Kind == "client" && sameButName(one, m.Items[j]); j++ {
			names = append(names, title(m.Items[j].Subject))
		}
		i = j
		p.item(m, one, names)
	}
}

func sameButName(a, b migration.Item) bool {
	return a.Kind == b.Kind && a.Who == b.Who && a.Fate == b.Fate && a.Why == b.Why && a.Step == b.Step
}

// moveFates are the marks of what becomes of something, and their tones.
var moveFates = map[migration.Fate]struct {
	sign string
	tone tone
}{migration.Keep: {"=", good}, migration.Change: {"~", warn}, migration.Later: {"-", bad}, migration.Ask: {"?", hint}}

func (p *page) item(m migration.Move, i migration.Item, names []string) {
	f := moveFates[i.Fate]
	text := kindWords[i.Kind]
	if text == "" {
		text = flat(i.Kind)
	}
	text += " " + listedShort(names, 4)
	if len(names) == 1 && i.Seen != "" {
		text += ": " + flat(i.Seen)
	}
	if i.Who != "" && !strings.Contains(i.Seen, i.Who) {
		text += " (" + flat(i.Who) + ")"
	}
	if i.From != "" && i.From != "published" {
		text += ", by " + flat(i.From)
	}
	p.para("  "+p.in(f.tone, f.sign)+" ", text, plain)
	fate := string(i.Fate)
	if s := m.Step(i.Step); s != nil {
		fate += " at " + moveOffset(s.Offset)
	}
	if i.Why != "" {
		fate += ": " + flat(i.Why)
	}
	p.para("      ", fate, faint)
}

// ways puts what stands in the way, and what the plan waits for.
func (p *page) ways(d Moving) {
	m := d.Move
	var open, waits, doubts []migration.Blocker
	for _, b := range m.Blockers {
		switch {
		case b.Unknown:
			doubts = append(doubts, b)
		case m.Waits(b):
			waits = append(waits, b)
		default:
			open = append(open, b)
		}
	}
	p.blockers(m, "In the way:", open)
	p.blockers(m, "Could not be told:", doubts)
	p.blockers(m, "What the plan waits for:", waits)
	p.listed("Not in the plan, as it cannot be:", each(d.Conflicts, func(c plan.Conflict) Task { return Task{plan.Title(c.Slot), c.Why} }))
	if len(open)+len(doubts) == 0 {
		p.gap()
		p.para(p.mark(passed)+" ", "Nothing stands in the way but what the plan waits for.", plain)
	}
}

func (p *page) blockers(m migration.Move, head string, list []migration.Blocker) {
	if len(list) == 0 {
		return
	}
	p.gap()
	p.para("", head, strong)
	for _, b := range list {
		text := sentence(flat(b.Text))
		if name := title(b.Subject); b.Subject != "" && name != title(m.Domain) && !strings.Contains(text, name) {
			text = name + ": " + text
		}
		mark := p.mark(blockedState(b))
		if !b.Unknown && m.Waits(b) {
			mark = p.in(faint, "–")
		}
		p.para("  "+mark+" ", text, plain)
		switch {
		case !b.Until.IsZero() && m.Waits(b):
			p.para("    ", "over on "+moveDate(b.Until), faint)
		case !b.Until.IsZero():
			p.para("    ", "over on "+moveDate(b.Until)+", and the step is planned for before that", plain)
			p.para("    ", "holds up the step "+flat(b.Step)+" · "+flat(b.ID), faint)
		case b.Act != "":
			p.para("    ", flat(b.Act), plain)
			p.para("    ", "holds up the step "+flat(b.Step)+" · "+flat(b.ID), faint)
		}
	}
}

// itinerary puts the steps with their times.
func (p *page) itinerary(d Moving) {
	m := d.Move
	if len(m.Steps) == 0 {
		p.gap()
		p.para("  "+p.mark(passed)+" ", "Nothing is to be done: what is there is what is wanted.", plain)
		return
	}
	p.gap()
	p.header("plan")
	for i, s := range m.Steps {
		p.gap()
		mark, when := fmt.Sprintf("%d", i+1), moveOffset(s.Offset)+", "+moveDate(moveAt(m, s))
		if !s.Done.IsZero() {
			mark, when = p.mark(passed), "done "+moveDate(s.Done)
		}
		p.para(mark+"  ", flat(s.Title)+" ("+s.ID+")", strong)
		p.para("   ", when, plain)
		if !s.Done.IsZero() && !p.verbose {
			continue
		}
		p.stage(d, s)
	}
}

// stage puts what is done in a step.
func (p *page) stage(d Moving, s migration.Step) {
	const most = 8
	if s.Why != "" {
		p.para("   ", sentence(flat("or else "+s.Why)), faint)
	}
	for n, c := range s.Plan.Changes {
		if n == most && !p.verbose && len(s.Plan.Changes) > most+1 {
			p.para("   ", fmt.Sprintf("  and %d more changes (--verbose)", len(s.Plan.Changes)-most), faint)
			break
		}
		p.passing(c)
	}
	for _, c := range s.Plan.Concerns {
		if p.verbose && c.ID != "blast-radius" {
			p.para("     "+p.mark(warning)+" ", flat(c.Text), plain)
		}
	}
	for _, t := range s.Tasks {
		p.work(t)
	}
	if r := s.Rehearsal; r != nil {
		text := "Rehearsed: the state after it has no finding above advice that today has not."
		if n := len(r.Worse(d.Accepted)); n > 0 {
			text = "Rehearsed: the state after it has " + plural(n, "new finding") + " above advice."
		}
		p.para("   ", text, plain)
		for _, w := range r.Worse(d.Accepted) {
			p.para("     "+p.mark(stateOfSeverity(w.Finding.Severity))+" ", w.Check+": "+flat(w.Finding.Message), plain)
		}
	}
	if p.verbose {
		if len(s.Before) > 0 {
			p.para("   ", "before it: "+strings.Join(s.Before, ", "), faint)
		}
		if len(s.After) > 0 {
			p.para("   ", "green after it: "+strings.Join(s.After, ", "), faint)
		}
		p.para("   ", "back: "+flat(s.Rollback), faint)
	}
	if w := moveWait(s); w != "" {
		p.para("   ", w, plain)
	}
}

// passing puts a change in one line or two.
func (p *page) passing(c plan.Change) {
	s := signs[c.Kind()]
	head := "   " + p.in(s.tone, s.sign) + " "
	what := shortTitle(record.Slot{Name: c.Slot.Name, Type: c.Slot.Type})
	switch {
	case c.Kind() == plan.Replace && slices.EqualFunc(c.Before, c.After, func(a, b record.Record) bool { return a.Data == b.Data }):
		p.line(head + clip(fmt.Sprintf("%s TTL %d becomes %d", what, c.Before[0].TTL, c.After[0].TTL), p.room(5)))
	case c.Kind() == plan.Delete:
		p.line(head + clip(what, p.room(5)))
	default:
		p.line(head + clip(what, p.room(5)))
		for _, r := range c.After {
			data := Escape(r.Presentation())
			if !p.verbose {
				data = clip(data, p.room(7))
			}
			p.line("       " + data)
		}
	}
}

func (p *page) room(indent int) int { return p.width - indent }

// work puts a task. One with lines of its own keeps them.
func (p *page) work(task string) {
	lines := strings.Split(strings.TrimRight(task, "\n"), "\n")
	p.para("   □ ", flat(lines[0]), plain)
	for _, l := range lines[1:] {
		p.line("       " + Escape(l))
	}
}
