package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// Make compares what is wished with what is there. current holds all records
// at the names of the wishes at least, and of wildcards above them what is known.
//
// Records are compared by content; the order, and how a text is split, do not
// count. All records of a set have one TTL (RFC 2181, 5.2): where neighbours stay
// it is theirs; else the one wished; else the one that was there. A TTL alone is
// a change only where one is wished and those of the zone are known. One that the
// limits do not allow is brought within them; that of a proxied record is the proxy's.
//
// What cannot be done stands in the conflicts, and is not part of the plan.
func Make(current []record.Record, wishes []Wish, g Given) (Plan, []Conflict) {
	g.Zone = canonical(g.Zone)
	if !g.TTLs {
		current = withTTL(current, 0)
	}
	sets := index(current)
	drafts, conflicts := merged(wishes, g.Zone)
	drafts, more := withoutAliases(drafts, sets, g.Zone)
	conflicts = append(conflicts, more...)
	drafts, more = withoutLocked(drafts, sets, g.Locked)
	conflicts = append(conflicts, more...)
	drafts, more = withoutOverlong(drafts, sets, g.Limits)
	conflicts = append(conflicts, more...)

	p := Plan{Zone: g.Zone}
	bySet := make(map[key][]*draft)
	for _, d := range drafts {
		k := key{d.slot.Name, d.slot.Type}
		bySet[k] = append(bySet[k], d)
	}
	for k, list := range bySet {
		p.Changes = append(p.Changes, settle(list, sets[k], g)...)
	}
	names := make(nameOrder)
	slices.SortFunc(p.Changes, func(a, b Change) int {
		return cmp.Or(names.compare(a.Slot.Name, b.Slot.Name), strings.Compare(a.Slot.Type, b.Slot.Type), strings.Compare(a.Slot.Tag, b.Slot.Tag))
	})
	p.Basis = basis(p.Changes, sets)
	p.Concerns = append(guards(p.Changes, sets, g), proxied(p, current, drafts, g)...)
	slices.SortStableFunc(conflicts, func(a, b Conflict) int { return compareSlots(a.Slot, b.Slot) })
	return p, conflicts
}

func canonical(zone string) string {
	if zone == "" {
		return ""
	}
	return record.Canonical(zone)
}

func compareSlots(a, b record.Slot) int {
	return cmp.Or(record.CompareNames(a.Name, b.Name), strings.Compare(a.Type, b.Type), strings.Compare(a.Tag, b.Tag))
}

// A nameOrder compares as record.CompareNames does, and takes each name apart
// once: a zone has thousands.
type nameOrder map[string]string

func (o nameOrder) compare(a, b string) int {
	if a == b {
		return 0
	}
	return strings.Compare(o.of(a), o.of(b))
}

// of is the labels from the right, between octets below all that names have.
func (o nameOrder) of(name string) string {
	turned, ok := o[name]
	if !ok {
		labels := record.Labels(name)
		slices.Reverse(labels)
		turned = strings.Join(labels, "\x00")
		o[name] = turned
	}
	return turned
}

// A draft is what is wished of one slot.
type draft struct {
	slot    record.Slot
	want    []record.Record
	reasons []string
	from    []string
}

// settle is the changes of one set. What no draft is about are the neighbours.
func settle(drafts []*draft, set []record.Record, g Given) []Change {
	before := make([][]record.Record, len(drafts))
	var neighbours, wanted, replaced []record.Record
	for _, r := range set {
		i := slices.IndexFunc(drafts, func(d *draft) bool { return d.slot.Holds(r) })
		if i < 0 {
			neighbours = append(neighbours, r)
			continue
		}
		before[i] = append(before[i], r)
		replaced = append(replaced, r)
	}
	for _, d := range drafts {
		wanted = append(wanted, g.Limits.within(d.want)...)
	}
	said := slices.DeleteFunc(slices.Clone(wanted), func(r record.Record) bool { return r.TTL == 0 })
	ttl := lowest(replaced)
	switch {
	case len(neighbours) > 0:
		ttl = lowest(neighbours)
	case len(said) > 0:
		ttl = lowest(said)
	}
	var changes []Change
	for i, d := range drafts {
		strays := g.TTLs && len(said) > 0 && slices.ContainsFunc(before[i], func(r record.Record) bool { return r.TTL != ttl && (g.Proxied == nil || !g.Proxied(r)) })
		if same(before[i], d.want) && !strays {
			continue
		}
		changes = append(changes, Change{Slot: d.slot, Before: record.Sorted(before[i]), After: withTTL(d.want, ttl), Reasons: d.reasons, From: d.from})
	}
	return changes
}

// basis is the sets that changes rest on: their own and, where something is to
// stand at a name, that no alias stands there. Names are in the order of the
// changes.
func basis(changes []Change, sets map[key][]record.Record) []Set {
	types := make(map[string][]string)
	var names []string
	for _, c := range changes {
		name := c.Slot.Name
		if types[name] == nil {
			names = append(names, name)
		}
		types[name] = addNew(types[name], c.Slot.Type)
		if len(c.After) > 0 {
			types[name] = addNew(types[name], "CNAME")
		}
	}
	var list []Set
	for _, name := range names {
		slices.Sort(types[name])
		for _, typ := range types[name] {
			list = append(list, Set{name, typ, record.Sorted(sets[key{name, typ}])})
		}
	}
	return list
}
