package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Conflict is what is wished and cannot be: it is left out of the plan.
type Conflict struct {
	Slot record.Slot
	Why  string   // names both sides where there are two
	From []string // who wishes it
}

// never are the types that no plan touches, and whose they are.
var never = map[string]string{
	"SOA": "the name server's", "NS": "the delegation's",
	"DNSKEY": "the signer's", "DS": "the signer's", "CDS": "the signer's", "CDNSKEY": "the signer's",
	"RRSIG": "the signer's", "NSEC": "the signer's", "NSEC3": "the signer's", "NSEC3PARAM": "the signer's",
}

// merged is wishes by slot. Those that want the same of one are joined; those
// that do not are a conflict, and neither is planned: which is right nobody said.
func merged(wishes []Wish, zone string) (drafts []*draft, conflicts []Conflict) {
	bySlot := make(map[record.Slot]*draft)
	clash := make(map[record.Slot]string)
	for _, w := range wishes {
		slot, want, why := prepared(w.Edit, zone)
		if why != "" {
			conflicts = append(conflicts, Conflict{slot, why, []string{w.From}})
			continue
		}
		folded := slot // a tag is matched without regard to case
		folded.Tag = strings.ToLower(slot.Tag)
		d, ok := bySlot[folded]
		switch {
		case !ok:
			d = &draft{slot: slot, want: want}
			bySlot[folded], drafts = d, append(drafts, d)
		case !same(d.want, want):
			clash[d.slot] = fmt.Sprintf("%s and %s do not want the same of it", who(d.from), who([]string{w.From}))
		case lowest(d.want) == 0:
			d.want = want // who says a TTL says more
		}
		d.reasons = addNew(d.reasons, w.Reason)
		d.from = addNew(d.from, w.From)
	}
	for slot, with := range overlaps(drafts) {
		clash[slot] = with
	}
	return slices.DeleteFunc(drafts, func(d *draft) bool {
		why, clashes := clash[d.slot]
		if clashes {
			conflicts = append(conflicts, Conflict{d.slot, why, d.from})
		}
		return clashes
	}), conflicts
}

// prepared is an edit in canonical form, or why it cannot be planned.
func prepared(e record.Edit, zone string) (slot record.Slot, want []record.Record, why string) {
	slot = record.Slot{Name: record.Canonical(e.Slot.Name), Type: strings.ToUpper(e.Slot.Type), Tag: e.Slot.Tag}
	for _, r := range e.Want {
		r.Name, r.Type = record.Canonical(r.Name), strings.ToUpper(r.Type)
		if !slot.Holds(r) {
			return slot, nil, fmt.Sprintf("the record %s does not stand in this slot", r)
		}
		want = append(want, r)
	}
	why = forbidden(slot, zone)
	switch {
	case why != "":
		return slot, nil, why
	case slot.Type == "CNAME" && slot.Name == zone && len(want) > 0:
		return slot, nil, "a CNAME cannot stand at the apex of a zone, beside SOA and NS (RFC 1034, 3.6.2); a provider's ALIAS or addresses can"
	case slot.Type == "CNAME" && len(distinct(want)) > 1:
		return slot, nil, "a name has one CNAME at most (RFC 2181, 10.1)"
	}
	return slot, distinct(want), ""
}

// forbidden is why no plan for a zone may touch a slot; empty if one may.
func forbidden(slot record.Slot, zone string) string {
	if whose, ok := never[slot.Type]; ok {
		return fmt.Sprintf("%s records are %s; no plan touches them", slot.Type, whose)
	}
	if zone != "" && !record.Within(slot.Name, zone) {
		return fmt.Sprintf("%s is not in the zone %s; who has its zone can publish it there", record.Display(slot.Name), record.Display(zone))
	}
	return ""
}

// overlaps tells of slots that would hold each other's records: then what one
// wants the other takes away.
func overlaps(drafts []*draft) map[record.Slot]string {
	found := make(map[record.Slot]string)
	byKey := make(map[key][]*draft)
	for _, d := range drafts {
		k := key{d.slot.Name, d.slot.Type}
		for _, other := range byKey[k] {
			if holdsAny(d.slot, other) || holdsAny(other.slot, d) {
				why := fmt.Sprintf("%s (%s) and %s (%s) would take each other's records", Title(d.slot), who(d.from), Title(other.slot), who(other.from))
				found[d.slot], found[other.slot] = why, why
			}
		}
		byKey[k] = append(byKey[k], d)
	}
	return found
}

// holdsAny reports whether slot may hold something of another draft's.
func holdsAny(slot record.Slot, d *draft) bool {
	return slot.Tag == "" || slot.Holds(record.Record{Name: slot.Name, Type: slot.Type, Data: d.slot.Tag}) || slices.ContainsFunc(d.want, slot.Holds)
}

// besideCNAME may stand beside a CNAME (RFC 4035, 2.5).
var besideCNAME = map[string]bool{"CNAME": true, "RRSIG": true, "NSEC": true}

// withoutAliases leaves out the drafts of names at which a CNAME would stand
// beside other records (RFC 1034, 3.6.2).
func withoutAliases(drafts []*draft, sets map[key][]record.Record, zone string) ([]*draft, []Conflict) {
	edited := make(map[key][]*draft)
	for _, d := range drafts {
		k := key{d.slot.Name, d.slot.Type}
		edited[k] = append(edited[k], d)
	}
	types := make(map[string]map[string]bool) // what stands at a name afterwards
	stands := func(k key) {
		if types[k.name] == nil {
			types[k.name] = make(map[string]bool)
		}
		types[k.name][k.typ] = true
	}
	for k, set := range sets {
		if slices.ContainsFunc(set, func(r record.Record) bool {
			return !slices.ContainsFunc(edited[k], func(d *draft) bool { return d.slot.Holds(r) })
		}) {
			stands(k)
		}
	}
	for _, d := range drafts {
		if len(d.want) > 0 {
			stands(key{d.slot.Name, d.slot.Type})
		}
	}
	beside := func(name string) string {
		if !types[name]["CNAME"] {
			return ""
		}
		others := slices.DeleteFunc(slices.Sorted(maps.Keys(types[name])), func(typ string) bool { return besideCNAME[typ] })
		return strings.Join(others, ", ")
	}
	var conflicts []Conflict
	kept := slices.DeleteFunc(slices.Clone(drafts), func(d *draft) bool {
		others := beside(d.slot.Name)
		if others == "" {
			return false
		}
		conflicts = append(conflicts, Conflict{d.slot, fmt.Sprintf(
			"a CNAME cannot stand beside %s at %s (RFC 1034, 3.6.2); which of them shall stay is not said", others, record.Display(d.slot.Name)), d.from})
		return true
	})
	return kept, conflicts
}

// Title is a slot for a reader: "TXT example.org (v=spf1)".
func Title(s record.Slot) string {
	title := s.Type + " " + record.Display(s.Name)
	if s.Tag != "" {
		title += " (" + s.Tag + ")"
	}
	return title
}

// who is the names of those that want something.
func who(from []string) string {
	from = slices.DeleteFunc(slices.Clone(from), func(s string) bool { return s == "" })
	if len(from) == 0 {
		return "a wish"
	}
	return strings.Join(from, ", ")
}

// addNew is list with s at its end, unless it is empty or there.
func addNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
