package migration

import (
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// Given is what a move is made of.
type Given struct {
	Domain, Zone string
	// Today is all that has to do with mail, with the TTLs of the zone. It may be
	// half of a move already: what is there is not done again.
	Today []record.Record
	// Before is as it was when the move began; nil where it begins now.
	Before []record.Record
	// Done are the steps that are over: they are left out.
	Done []string
	// Wanted is what shall be in the end: the edits of maildoctor.yaml.
	Wanted   []record.Edit
	Old, New Side
	Now      time.Time
	Switch   time.Time // zero: as early as it is safe
	// Negative is for how many seconds resolvers remember that something is not
	// there (RFC 2308, 5).
	Negative uint32
	// Served is the MTA-STS policy of today, and Next that of the end; nil for none.
	Served, Next *mtasts.Policy
	// Known are mail services, and Senders who is known to send besides what is
	// published: of use to Inventory alone.
	Known   []Known
	Senders []Sender
}

// Times that a move is made of.
const (
	day = 24 * time.Hour

	// lowTTL is what TTLs are lowered to: short enough that a switch can be taken
	// back at once, and what every provider allows.
	lowTTL = 300
	// usualTTL is that of records of which nobody says one.
	usualTTL = 3600
	// queueLife is for how long senders try: 4 to 5 days at least (RFC 5321,
	// 4.5.4.1).
	queueLife = 5 * day
	// mostTTL is for how long resolvers keep anything, at most (RFC 8767, 4).
	mostTTL = 7 * day
)

// The days of the steps where nothing wants more.
const (
	lowerDay      = -7 * day
	rehearseDay   = -1 * day
	retireDay     = 7 * day
	strengthenDay = 14 * day
	raiseDay      = 30 * day
)

// order is the steps as they follow each other.
var order = []string{LowerTTLs, Prepare, Policies, Rehearse, SwitchMX, Watch, Retire, Strengthen, RaiseTTLs}

// StepIDs are the IDs of all steps, in their order.
func StepIDs() []string { return slices.Clone(order) }

// Make makes the move: its steps with the plans as foreseen, in order. A step that
// has nothing to do is left out, and the log says why. What cannot be planned is in
// the conflicts.
//
// The plans of the steps, applied one after the other to Before, give the states of
// the zone (Move.After).
func Make(g Given) (Move, []plan.Conflict) {
	b := newBuilder(g)
	b.sort()
	m := Move{Domain: b.Domain, Zone: b.Zone, Begun: g.Now.UTC().Truncate(time.Second), Old: b.Old, New: b.New, Before: slices.Clone(g.Today)}
	conflicts := b.steps(&m)
	b.schedule(&m)
	return m, conflicts
}

// After is the records as they are after a step, if everything goes as foreseen;
// after all steps if it is empty.
func (m Move) After(step string) []record.Record {
	records := slices.Clone(m.Before)
	for _, s := range m.Steps {
		records = s.Plan.Apply(records)
		if s.ID == step {
			break
		}
	}
	return records
}

// Step is the step of that ID; nil if the move has none.
func (m *Move) Step(id string) *Step {
	for i := range m.Steps {
		if m.Steps[i].ID == id {
			return &m.Steps[i]
		}
	}
	return nil
}

// Next is the first step that is not done; nil if all are.
func (m *Move) Next() *Step {
	for i := range m.Steps {
		if m.Steps[i].Done.IsZero() {
			return &m.Steps[i]
		}
	}
	return nil
}

// Due is when a step is to be done.
func (m Move) Due(s Step) time.Time { return m.Switch.Add(s.Offset) }

// A builder sorts what has to change into steps.
type builder struct {
	Given
	wanted []record.Edit          // merged by slot, canonical
	wishes map[string][]plan.Wish // by step
	tasks  map[string][]string    // by step
	fates  map[record.Slot]fate   // what becomes of what is there today
	notes  []Entry

	both      *mtasts.Policy            // that names both sides; nil if none is needed
	serves    map[string]*mtasts.Policy // from which step on, by its ID
	signsAnew bool                      // a key comes that is not there today
	eases     bool                      // DMARC asks for nothing while both sides are in use
	sameKey   []string                  // selectors that change their key
}

// A fate is what becomes of what stands in a slot.
type fate struct {
	fate Fate
	why  string
	step string
}

func newBuilder(g Given) *builder {
	b := &builder{Given: g, wishes: make(map[string][]plan.Wish), serves: make(map[string]*mtasts.Policy), tasks: make(map[string][]string), fates: make(map[record.Slot]fate)}
	b.Domain, b.Zone = record.Canonical(g.Domain), record.Canonical(g.Zone)
	if g.Zone == "" {
		b.Zone = b.Domain
	}
	b.Today = slices.Clone(g.Today)
	if b.Before == nil {
		b.Before = b.Today
	}
	b.wanted = slices.Clone(g.Wanted)
	if len(b.New.Hosts) == 0 {
		b.New.Hosts = hostsOf(b.finally(record.MXSet(b.Domain)))
	}
	if len(b.Old.Hosts) == 0 {
		b.Old.Hosts = hostsOf(held(record.MXSet(b.Domain), b.Before))
		if len(b.Old.Services) > 0 { // where the MX records lead to the new side already, none is left
			b.Old.Hosts = slices.DeleteFunc(b.Old.Hosts, b.newHosts)
		}
	}
	if len(b.Old.Addrs) == 0 {
		b.Old.Addrs = addressesOf(b.Old.Hosts, b.Today)
	}
	if len(b.New.Addrs) == 0 {
		for _, e := range b.wanted {
			b.New.Addrs = append(b.New.Addrs, addressesOf(b.New.Hosts, e.Want)...)
		}
		if len(b.New.Addrs) == 0 {
			b.New.Addrs = addressesOf(b.New.Hosts, b.Today)
		}
	}
	return b
}

// finally is what a slot shall hold in the end: what is wanted of it, or what is
// there.
func (b *builder) finally(slot record.Slot) []record.Record {
	for _, e := range b.wanted {
		if e.Slot.Name == slot.Name && e.Slot.Type == slot.Type && strings.EqualFold(e.Slot.Tag, slot.Tag) {
			return e.Want
		}
	}
	return held(slot, b.Today)
}

// isWanted reports whether the end says something of a slot that holds r.
func (b *builder) isWanted(r record.Record) bool {
	return slices.ContainsFunc(b.wanted, func(e record.Edit) bool { return e.Slot.Holds(r) })
}

// wish puts an edit into a step.
func (b *builder) wish(step string, slot record.Slot, reason string, want ...record.Record) {
	b.wishes[step] = append(b.wishes[step], plan.Wish{Edit: record.Set(slot, want...), Reason: reason, From: "migrate"})
}

func (b *builder) task(step, text string) {
	if text != "" && !slices.Contains(b.tasks[step], text) {
		b.tasks[step] = append(b.tasks[step], text)
	}
}

func (b *builder) note(step, text string) {
	b.notes = append(b.notes, Entry{At: b.Now.UTC().Truncate(time.Second), Step: step, Text: text})
}

// steps makes the steps that have something to do, each plan from the state before.
func (b *builder) steps(m *Move) []plan.Conflict {
	var conflicts []plan.Conflict
	records := slices.Clone(m.Before)
	for _, id := range order {
		if slices.Contains(b.Done, id) {
			continue
		}
		p, not := plan.Make(records, b.wishes[id], plan.Given{Zone: b.Zone, TTLs: true, Ours: func(record.Record) bool { return true }})
		p.Source = "the state before, as foreseen"
		conflicts = append(conflicts, not...)
		if p.Empty() && len(b.tasks[id]) == 0 && !b.needed(id) {
			b.note(id, b.idle(id))
			continue
		}
		s := b.step(id)
		s.Plan, s.Tasks, s.Policy = p, append(s.Tasks, b.tasks[id]...), b.serves[id]
		records = p.Apply(records)
		m.Steps = append(m.Steps, s)
	}
	m.Log = append(m.Log, b.notes...)
	return conflicts
}

// needed reports whether a step is there although the DNS stays as it is: what is
// switched has to be tried before, and watched.
func (b *builder) needed(id string) bool {
	switch id {
	case SwitchMX:
		return b.relayed()
	case Rehearse, Watch:
		return len(b.wishes[SwitchMX]) > 0 || b.relayed()
	}
	return false
}

// relayed reports whether the hosts stay and mail goes out by another way: no
// record switches then, and the server has to.
func (b *builder) relayed() bool {
	return slices.Equal(b.Old.Hosts, b.New.Hosts) && b.signsAnew && len(b.wishes[SwitchMX]) == 0
}

// held is those of records that stand in a slot, sorted.
func held(slot record.Slot, records []record.Record) []record.Record {
	var list []record.Record
	for _, r := range records {
		if slot.Holds(r) {
			list = append(list, r)
		}
	}
	return record.Sorted(list)
}
