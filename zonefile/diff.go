package zonefile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Change is what differs between two zones in one slot: all records of a
// name and type or, of TXT records that begin with a version, those with the
// same.
type Change struct {
	Slot           record.Slot
	Removed, Added []record.Record // in order
	// Before and After are the TTLs of the set where they differ, and no record
	// came or went; else 0.
	Before, After uint32
}

// DiffOptions say what does not count.
type DiffOptions struct {
	Serial bool // the serial of the SOA record does not count
	TTL    bool // TTLs do not count
}

// Diff returns what has to change in the records of a zone so that it holds
// those of b in place of those of a, slot by slot in the order of the zone. A
// record that is there twice counts once. The spelling of TXT records, as one
// string or several, does not count.
func Diff(a, b []record.Record, o DiffOptions) []Change {
	slots := make(map[record.Slot]*[2]map[record.Record]uint32)
	for side, list := range [2][]record.Record{a, b} {
		for _, r := range list {
			ttl := r.TTL
			r.TTL = 0
			if o.Serial && r.Type == "SOA" {
				r.Data = withoutSerial(r.Data)
			}
			slot := slotOf(r)
			if slots[slot] == nil {
				slots[slot] = &[2]map[record.Record]uint32{{}, {}}
			}
			have := slots[slot][side]
			if old, twice := have[r]; twice {
				ttl = min(ttl, old) // RFC 2181, 5.2
			}
			have[r] = ttl
		}
	}
	var changes []Change
	for slot, sides := range slots {
		if c := compare(slot, sides[0], sides[1], o); c != nil {
			changes = append(changes, *c)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(record.CompareNames(a.Slot.Name, b.Slot.Name), cmp.Compare(a.Slot.Type, b.Slot.Type), cmp.Compare(a.Slot.Tag, b.Slot.Tag))
	})
	return changes
}

// compare is nil where the sides of a slot are the same.
func compare(slot record.Slot, a, b map[record.Record]uint32, o DiffOptions) *Change {
	c := &Change{Slot: slot, Removed: absentFrom(b, a), Added: absentFrom(a, b)}
	c.Removed, c.Added = record.Sorted(c.Removed), record.Sorted(c.Added)
	if len(c.Removed)+len(c.Added) > 0 {
		return c
	}
	if c.Before, c.After = lowest(a), lowest(b); o.TTL || c.Before == c.After {
		return nil
	}
	return c
}

// absentFrom is what is in b and not in a, with its TTLs.
func absentFrom(a, b map[record.Record]uint32) []record.Record {
	var list []record.Record
	for r, ttl := range b {
		if _, ok := a[r]; !ok {
			r.TTL = ttl
			list = append(list, r)
		}
	}
	return list
}

// lowest is the TTL of a set, which is the lowest of its records (RFC 2181, 5.2).
func lowest(set map[record.Record]uint32) uint32 {
	ttls := slices.Collect(maps.Values(set))
	return slices.Min(ttls)
}

// slotOf is the slot that r fills.
func slotOf(r record.Record) record.Slot {
	slot := record.Slot{Name: r.Name, Type: r.Type}
	if r.Type != "TXT" || len(r.Data) < 2 || !strings.EqualFold(r.Data[:2], "v=") {
		return slot
	}
	tag := r.Data[:min(len(r.Data), 32)]
	if i := strings.IndexAny(tag, " \t;"); i >= 0 {
		tag = tag[:i]
	}
	slot.Tag = strings.ToLower(tag)
	return slot
}

// withoutSerial is the data of a SOA record with the serial 0.
func withoutSerial(data string) string {
	fields := strings.Fields(data)
	if len(fields) == 7 {
		fields[2] = "0"
	}
	return strings.Join(fields, " ")
}
