// Package plan compares what is wanted of a zone with what is there. A Plan is
// data: what changes, slot by slot, with reasons, what stood there before, and
// what should give pause. It can be printed, saved, rehearsed over a resolver,
// applied, and inverted.
//
// The package is pure: records in, a plan out. It asks no DNS, and who carries
// out a plan are the providers.
package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// A Wish is one edit that somebody wants, and why.
type Wish struct {
	Edit   record.Edit
	Reason string
	From   string // who wants it: "maildoctor.yaml", or the ID of a check
}

// Given is what the maker of a plan knows of the records that are there.
type Given struct {
	// Zone is the apex of the zone, canonical; edits outside of it are conflicts.
	// Empty where it is not known: then every name is inside, and none the apex.
	Zone string
	// TTLs tells that the TTLs are those of the zone. Those that a resolver gives
	// are what is left in its cache, and say nothing.
	TTLs bool
	// Ours reports whether an earlier run made a record; nil if nothing is known of that.
	Ours func(record.Record) bool
	// Proxied reports whether a proxy answers for a record with its own addresses; nil if none can.
	Proxied func(record.Record) bool
	// Locked says whose a record is that the provider lets nobody change, empty for
	// any other; nil if there are none.
	Locked func(record.Record) string
	Limits Limits
}

// Limits are those of whoever carries out a plan; 0 for none.
type Limits struct {
	MinTTL, MaxTTL uint32 // seconds
	MaxText        int    // octets of one TXT record, joined
	MaxTextAtName  int    // octets of all TXT records of a name
}

// A Plan is what has to change in the records of one zone.
type Plan struct {
	Zone     string    // canonical; empty if not known
	Source   string    // where what is there was read, for a reader: "the DNS"
	Provider string    // who can carry it out, as --provider takes it; empty if not said. Never a secret
	TSIGKey  string    // path of the file with the key that the provider needs; empty for none
	Made     time.Time // in UTC; zero if not said
	Changes  []Change  // by name (parents first), type and tag
	Concerns []Concern
	// Basis is the record sets of all changes as they were, neighbours included:
	// where one of them is another now, the plan is stale.
	Basis []Set
}

// A Change is what happens to one slot. A replacement is one change, never a
// removal and an addition: for the time between, two SPF records would be a
// permanent error, and none no policy.
type Change struct {
	Slot record.Slot
	// Before and After are what the slot holds, sorted. A TTL of 0 is that of the
	// set: in Before it is not known, in After it stays or is the zone's default.
	Before, After []record.Record
	Reasons       []string
	From          []string
}

// Kind is what a change does.
type Kind string

const (
	Create  Kind = "create"
	Replace Kind = "replace"
	Delete  Kind = "delete"
)

// Kind is what the change does.
func (c Change) Kind() Kind {
	switch {
	case len(c.Before) == 0:
		return Create
	case len(c.After) == 0:
		return Delete
	}
	return Replace
}

// Edit is the change as an edit.
func (c Change) Edit() record.Edit { return record.Set(c.Slot, c.After...) }

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Changes) == 0 }

// Edits are the changes as edits, for whoever overlays or carries them out.
func (p Plan) Edits() []record.Edit {
	edits := make([]record.Edit, len(p.Changes))
	for i, c := range p.Changes {
		edits[i] = c.Edit()
	}
	return edits
}

// Apply returns current as it is after the plan: what no change is about stays
// as it is, octet for octet and in its order; what is new stands at the end.
func (p Plan) Apply(current []record.Record) []record.Record {
	about := p.bySet()
	var after []record.Record
	for _, r := range current {
		if !slices.ContainsFunc(about[key{r.Name, r.Type}].Changes, func(c Change) bool { return c.Slot.Holds(r) }) {
			after = append(after, r)
		}
	}
	for _, c := range p.Changes {
		after = append(after, c.After...)
	}
	return after
}

// Invert is the plan that takes p back, made of what p says was there.
func (p Plan) Invert() Plan {
	inverse := p
	inverse.Changes, inverse.Concerns, inverse.Basis = nil, nil, nil
	for _, c := range p.Changes {
		reasons := make([]string, len(c.Reasons))
		for i, r := range c.Reasons {
			reasons[i] = "takes back: " + strings.TrimPrefix(r, "takes back: ")
		}
		inverse.Changes = append(inverse.Changes, Change{Slot: c.Slot, Before: c.After, After: c.Before, Reasons: reasons, From: c.From})
	}
	about := p.bySet()
	for _, s := range p.Basis {
		s.Records = record.Sorted(about[key{s.Name, s.Type}].Apply(s.Records))
		inverse.Basis = append(inverse.Basis, s)
	}
	made := func(record.Record) bool { return true } // what goes is what p brought
	inverse.Concerns = guards(inverse.Changes, nil, Given{Zone: p.Zone, Ours: made})
	return inverse
}

// bySet is p in parts, one for each set, with the changes alone.
func (p Plan) bySet() map[key]Plan {
	parts := make(map[key]Plan, len(p.Changes))
	for _, c := range p.Changes {
		k := key{c.Slot.Name, c.Slot.Type}
		part := parts[k]
		part.Changes = append(part.Changes, c)
		parts[k] = part
	}
	return parts
}
