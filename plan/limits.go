package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// ttl is the nearest TTL that is allowed. 0 stays: then nobody says one.
func (l Limits) ttl(ttl uint32) uint32 {
	if ttl == 0 {
		return 0
	}
	if l.MaxTTL != 0 {
		ttl = min(ttl, l.MaxTTL)
	}
	return max(ttl, l.MinTTL)
}

// within is records with TTLs that are allowed.
func (l Limits) within(records []record.Record) []record.Record {
	list := slices.Clone(records)
	for i := range list {
		list[i].TTL = l.ttl(list[i].TTL)
	}
	return list
}

// withoutLocked leaves out the drafts that would change what the provider lets
// nobody change. Those that want what is there have nothing to do.
func withoutLocked(drafts []*draft, sets map[key][]record.Record, locked func(record.Record) string) ([]*draft, []Conflict) {
	if locked == nil {
		return drafts, nil
	}
	var conflicts []Conflict
	kept := slices.DeleteFunc(slices.Clone(drafts), func(d *draft) bool {
		before := held(d.slot, sets[key{d.slot.Name, d.slot.Type}])
		whose, hosts := "", []string(nil)
		for _, r := range before {
			if owner := locked(r); owner != "" {
				whose = owner
				if _, host, ok := r.MX(); ok {
					hosts = addNew(hosts, record.Display(host))
				}
			}
		}
		if whose == "" {
			return false
		}
		if !same(before, d.want) {
			conflicts = append(conflicts, Conflict{d.slot, lockedBy(whose, d.slot, hosts), d.from})
		}
		return true
	})
	return kept, conflicts
}

// lockedBy is why a slot cannot be changed.
func lockedBy(whose string, slot record.Slot, hosts []string) string {
	if len(hosts) > 0 {
		return fmt.Sprintf("%s takes the mail of %s (%s), and its MX records cannot be changed or joined by others: switch %s off at the provider first, or leave the mail to it",
			whose, record.Display(slot.Name), strings.Join(hosts, ", "), whose)
	}
	return fmt.Sprintf("what stands there is of %s, and the provider lets nobody change it; switch %s off there first", whose, whose)
}

// withoutOverlong leaves out the drafts whose texts the provider does not take:
// one that is too long, or too many at a name. What is there already may stay.
func withoutOverlong(drafts []*draft, sets map[key][]record.Record, l Limits) ([]*draft, []Conflict) {
	if l.MaxText == 0 && l.MaxTextAtName == 0 {
		return drafts, nil
	}
	why := make(map[*draft]string)
	names := make(map[string][]*draft)
	for _, d := range drafts {
		if d.slot.Type != "TXT" {
			continue
		}
		if r, over := overlong(d, sets, l.MaxText); over {
			why[d] = fmt.Sprintf("the text has %d octets, and the provider takes %d at most", len(r.Data), l.MaxText)
			continue
		}
		names[d.slot.Name] = append(names[d.slot.Name], d)
	}
	if l.MaxTextAtName > 0 {
		for name, list := range names {
			crowded(name, list, sets[key{name, "TXT"}], l.MaxTextAtName, why)
		}
	}
	var conflicts []Conflict
	kept := slices.DeleteFunc(slices.Clone(drafts), func(d *draft) bool {
		if why[d] != "" {
			conflicts = append(conflicts, Conflict{d.slot, why[d], d.from})
		}
		return why[d] != ""
	})
	return kept, conflicts
}

// overlong is a text that a draft brings and that is longer than most octets.
func overlong(d *draft, sets map[key][]record.Record, most int) (record.Record, bool) {
	before := contents(sets[key{d.slot.Name, d.slot.Type}])
	for _, r := range d.want {
		if most > 0 && len(r.Data) > most && !slices.Contains(before, content(r)) {
			return r, true
		}
	}
	return record.Record{}, false
}

// crowded says of the drafts of a name that bring octets why they cannot, where
// all texts together are too many.
func crowded(name string, drafts []*draft, set []record.Record, most int, why map[*draft]string) {
	total := octets(set)
	var growing []*draft
	for _, d := range drafts {
		growth := octets(d.want) - octets(held(d.slot, set))
		total += growth
		if growth > 0 {
			growing = append(growing, d)
		}
	}
	if total <= most {
		return
	}
	for _, d := range growing {
		why[d] = fmt.Sprintf("all texts at %s would have %d octets together, and the provider takes %d at most at one name", record.Display(name), total, most)
	}
}

// octets is how long the texts of records are together.
func octets(records []record.Record) int {
	n := 0
	for _, r := range records {
		n += len(r.Data)
	}
	return n
}
