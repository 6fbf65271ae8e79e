package plan

import (
	"slices"

	"github.com/maildoctor/maildoctor/record"
)

// Progress compares a plan with the records that are there now: what of it is
// still to be done, what is done already, and the sets that are neither as they
// were nor as the plan makes them. A plan that was carried out in part is not
// stale: the next run does what is left. The basis of todo is what is there now.
func (p Plan) Progress(current []record.Record) (todo Plan, done []Change, stale []Set) {
	now := index(current)
	todo = p
	todo.Changes, todo.Concerns = nil, nil
	for _, c := range p.Changes {
		if c.done(held(c.Slot, now[key{c.Slot.Name, c.Slot.Type}])) {
			done = append(done, c)
		} else {
			todo.Changes = append(todo.Changes, c)
		}
	}
	left := make(map[record.Slot]bool, len(todo.Changes))
	for _, c := range todo.Changes {
		left[c.Slot] = true
	}
	for _, c := range p.Concerns {
		if c.Slot == (record.Slot{}) || left[c.Slot] {
			todo.Concerns = append(todo.Concerns, c)
		}
	}
	about := p.bySet()
	for _, was := range p.Basis {
		is := Set{was.Name, was.Type, record.Sorted(now[key{was.Name, was.Type}])}
		if !about[key{was.Name, was.Type}].explains(was.Records, is.Records) {
			stale = append(stale, is)
		}
	}
	todo.Basis = basis(todo.Changes, now)
	return todo, done, stale
}

// done reports whether what a slot holds is what the change makes of it.
func (c Change) done(is []record.Record) bool {
	if !same(is, c.After) {
		return false
	}
	if !same(c.Before, c.After) {
		return true
	}
	return !slices.ContainsFunc(is, func(r record.Record) bool { return r.TTL != c.After[0].TTL }) // only the TTL changes
}

// explains reports whether a set can have become another by some of the changes
// of p, all of which are about it, and by nothing else.
func (p Plan) explains(was, is []record.Record) bool {
	for _, c := range p.Changes {
		if now := held(c.Slot, is); !same(now, c.After) && !same(now, held(c.Slot, was)) {
			return false
		}
	}
	return same(p.untouched(was), p.untouched(is))
}

// untouched are the records that no change is about.
func (p Plan) untouched(records []record.Record) []record.Record {
	var list []record.Record
	for _, r := range records {
		if !slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Slot.Holds(r) }) {
			list = append(list, r)
		}
	}
	return list
}
