package desired

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// A Change is one edit, and why.
type Change struct {
	Edit   record.Edit
	Level  Level
	Reason string
	From   []string // profile, services or keys of the file that want it
	Domain string   // in whose zone it is, canonical
}

// A Task is what must hold besides, and no record of these zones can bring about.
type Task struct {
	Subject, Text string
	// Record is what the task brings about in a zone that is somebody else's; the
	// zero Record where that is nothing that the DNS shows. No other record of its type stands beside it.
	Record record.Record
	// Missing tells that records are left out until the task is done (Given.Incomplete).
	Missing bool
}

// Wanted is what follows from a State.
type Wanted struct {
	Changes []Change // by domain in the order of the file, then by name and type
	Tasks   []Task
}

// Edits are the edits of all changes.
func (w Wanted) Edits() []record.Edit {
	var list []record.Edit
	for _, c := range w.Changes {
		list = append(list, c.Edit)
	}
	return list
}

// Records are the records that the changes want, each once.
func (w Wanted) Records() []record.Record {
	var list []record.Record
	for _, c := range w.Changes {
		list = append(list, c.Edit.Want...)
	}
	return list
}

// Given is what the caller knows of the world. The zero Given knows nothing.
type Given struct {
	// Incomplete leaves out a service whose account has values that the file does
	// not say, with a task; else that is a problem.
	Incomplete bool

	Now time.Time // chooses among the stages of DMARC; before all of them if zero
	// MTASTS is what was found of MTA-STS, by domain (canonical). The record of a
	// domain that is here and serves no policy is not wanted yet: senders would
	// look for one in vain.
	MTASTS map[string]Announced
}

// Announced is the MTA-STS of a domain as it was found.
type Announced struct {
	ID     string         // of the record; empty if there is none
	Served *mtasts.Policy // at the URL; nil if there is none
}

// Edits joins what the profile, the services and the settings of each domain ask
// for: one SPF record, one DMARC record and one MX set a domain, and selectors
// side by side. Problems are values that are missing, and sides that cannot have
// both what they want; with any, the edits are not complete.
//
// The same State and Given make the same edits in the same order. The edits
// remove nothing but what stands in the slots that they fill.
func (s State) Edits(given Given) (Wanted, []Problem) {
	b := s.builder(given)
	for _, d := range s.Domains {
		b.domain(d)
	}
	b.hosts()
	b.spfRecords()
	order := b.sorted()
	b.aliases(order)
	return Wanted{b.changes(order), b.tasks}, inOrder(b.problems)
}

// Policy is the MTA-STS policy that a domain shall serve; ok is false where it
// shall have none. The domain is canonical.
func (s State) Policy(domain string, given Given) (policy mtasts.Policy, ok bool) {
	b := s.builder(given)
	for _, d := range s.Domains {
		if d.Name == domain {
			return b.policy(b.mail(d))
		}
	}
	return mtasts.Policy{}, false
}

// A builder gathers what all domains want, slot by slot.
type builder struct {
	state    State
	given    Given
	slots    map[record.Slot]*draft
	senders  map[string][]sender // what SPF records hold, by name
	zones    map[string]*mail    // of what was asked of zoneOf, by domain
	problems []Problem
	tasks    []Task
}

func (s State) builder(given Given) *builder {
	return &builder{state: s, given: given, slots: make(map[record.Slot]*draft), senders: make(map[string][]sender), zones: make(map[string]*mail)}
}

// A source is who wants something, and where the file says so.
type source struct{ who, path string }

// A draft is a slot being filled.
type draft struct {
	want   []record.Record
	level  Level
	reason []string
	from   []source
	domain string
}

func (b *builder) problem(path, format string, args ...any) {
	if len(b.problems) < 4*maxProblems {
		b.problems = append(b.problems, Problem{b.state.At(path), path, fmt.Sprintf(format, args...)})
	}
}

func (b *builder) task(subject, format string, args ...any) {
	b.addTask(Task{Subject: display(subject), Text: fmt.Sprintf(format, args...)})
}

func (b *builder) addTask(t Task) {
	if !slices.Contains(b.tasks, t) {
		b.tasks = append(b.tasks, t)
	}
}

// add puts records into a slot. What the same source put there before stays
// beside them; another source must want the same.
func (b *builder) add(by source, domain string, slot record.Slot, level Level, reason string, want ...record.Record) {
	d := b.slots[slot]
	if d == nil {
		b.slots[slot] = &draft{want, level, []string{reason}, []source{by}, domain}
		return
	}
	switch last := d.from[len(d.from)-1]; {
	case last.who == by.who:
		for _, r := range want {
			if !slices.Contains(d.want, r) {
				d.want = append(d.want, r)
			}
		}
	case !slices.Equal(record.Sorted(d.want), record.Sorted(want)):
		ours, theirs := shown(want), shown(d.want)
		if ours == theirs { // a set has one TTL (RFC 2181, 5.2)
			ours, theirs = fmt.Sprintf("the TTL %d", want[0].TTL), fmt.Sprintf("the TTL %d", d.want[0].TTL)
		}
		b.problem(by.path, "%s %s: %s wants %s, and %s%s wants %s; both cannot be", display(slot.Name), slot.Type, by.who, ours, last.who, b.line(last.path), theirs)
		return
	default:
		d.from = append(d.from, by)
	}
	d.level = max(d.level, level)
	if !slices.Contains(d.reason, reason) {
		d.reason = append(d.reason, reason)
	}
}

// line is " (line 12)".
func (b *builder) line(path string) string {
	if at := b.state.At(path); at.Line > 0 {
		return fmt.Sprintf(" (line %d)", at.Line)
	}
	return ""
}

// shown is the data of records in a message, not much of it.
func shown(records []record.Record) string {
	const most = 60
	var list []string
	for _, r := range records {
		data := r.Data
		if len(data) > most {
			data = data[:most] + "..."
		}
		list = append(list, fmt.Sprintf("%q", data))
	}
	return strings.Join(list, " and ")
}

// aliases finds names that shall be an alias and hold records as well, which the
// DNS cannot have (RFC 1034, 3.6.2).
func (b *builder) aliases(slots []record.Slot) {
	others := make(map[string]record.Slot)
	for _, slot := range slots {
		if slot.Type != "CNAME" {
			others[slot.Name] = slot
		}
	}
	for _, slot := range slots {
		other, both := others[slot.Name]
		if slot.Type != "CNAME" || !both {
			continue
		}
		alias, beside := b.slots[slot].from[0], b.slots[other].from[0]
		b.problem(alias.path, "%s: %s wants an alias here, and %s%s wants a %s record; a name cannot have both (RFC 1034, 3.6.2)",
			display(slot.Name), alias.who, beside.who, b.line(beside.path), other.Type)
	}
}

// sorted is the slots in the order of changes.
func (b *builder) sorted() []record.Slot {
	rank := make(map[string]int)
	for i, d := range b.state.Domains {
		rank[d.Name] = i
	}
	var slots []record.Slot
	for slot := range b.slots {
		slots = append(slots, slot)
	}
	slices.SortFunc(slots, func(x, y record.Slot) int {
		return cmp.Or(
			cmp.Compare(rank[b.slots[x].domain], rank[b.slots[y].domain]),
			record.CompareNames(x.Name, y.Name), strings.Compare(x.Type, y.Type), strings.Compare(x.Tag, y.Tag))
	})
	return slots
}

func (b *builder) changes(slots []record.Slot) []Change {
	var list []Change
	for _, slot := range slots {
		d := b.slots[slot]
		c := Change{Edit: record.Set(slot, record.Sorted(d.want)...), Level: d.level, Reason: strings.Join(d.reason, "; "), Domain: d.domain}
		for _, by := range d.from {
			if !slices.Contains(c.From, by.who) {
				c.From = append(c.From, by.who)
			}
		}
		list = append(list, c)
	}
	return list
}
