package powerdns

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// defaultTTL is that of a set of which nobody says one, in seconds; the
// default-ttl of PowerDNS is the same.
const defaultTTL = 3600

// A change is what a PATCH says of one set. Comments are not among it: so the
// set keeps its own.
type change struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Kind    string   `json:"changetype"`
	TTL     *uint32  `json:"ttl,omitempty"`
	Entries *[]entry `json:"records,omitempty"`
}

func replace(s set) change {
	return change{Name: s.Name, Type: s.Type, Kind: "REPLACE", TTL: &s.TTL, Entries: &s.Entries}
}

// changed are the sets that a plan changes, as they are to be. Those that go
// come first: the API lets no alias stand beside other records, not even for as
// long as its transaction takes.
func (z zone) changed(p plan.Plan) ([]change, error) {
	now := make(map[key]set)
	for _, s := range z.Sets {
		now[s.key()] = s
	}
	todo := make(map[key][]plan.Change)
	var order []key
	for _, c := range p.Changes {
		k := key{c.Slot.Name, c.Slot.Type}
		if todo[k] == nil {
			order = append(order, k)
		}
		todo[k] = append(todo[k], c)
	}
	var list []change
	for _, k := range order {
		was, ok := now[k]
		if !ok {
			was = set{Name: k.name, Type: k.typ}
		}
		is := was.after(todo[k])
		if len(is.Entries) == 0 {
			list = append(list, change{Name: is.Name, Type: is.Type, Kind: "DELETE"})
			continue
		}
		for _, e := range is.Entries { // what is not UTF-8 was lost on the way here
			if strings.ContainsRune(e.Content, utf8.RuneError) {
				return nil, fmt.Errorf("a record of %s is not UTF-8 text in the API, and would not survive to be written back: %q", plan.Title(record.Slot{Name: k.name, Type: k.typ}), e.Content)
			}
		}
		list = append(list, replace(is))
	}
	if soa, ok := z.raised(now[key{z.canonical(), "SOA"}]); ok {
		list = append(list, replace(soa))
	}
	slices.SortStableFunc(list, func(a, b change) int { return cmp.Compare(a.Kind, b.Kind) }) // DELETE, REPLACE
	return list, nil
}

// after is the set with what changes make of their slots. All else stays as it
// is written, disabled records too: but one of them that is now wanted is that
// record, and is enabled.
func (s set) after(changes []plan.Change) set {
	is := set{Name: s.Name, Type: s.Type, TTL: s.TTL}
	if len(s.Entries) == 0 { // new, or of comments only
		is.TTL = defaultTTL
	}
	var wanted []record.Record
	for _, c := range changes {
		wanted = append(wanted, c.After...)
	}
	neighbours := false
	spelled := make(map[string]string) // how the set writes data now
	for _, e := range s.Entries {
		r := s.record(e)
		ours := slices.ContainsFunc(changes, func(c plan.Change) bool { return c.Slot.Holds(r) })
		again := slices.ContainsFunc(wanted, func(w record.Record) bool { return w.Data == r.Data })
		switch {
		case again:
			spelled[r.Data] = e.Content
		case e.Disabled || !ours:
			is.Entries = append(is.Entries, e)
			neighbours = neighbours || !e.Disabled
		}
	}
	for _, w := range wanted {
		content, ok := spelled[w.Data]
		if !ok {
			content = w.Presentation()
		}
		e := entry{Content: content}
		if !slices.Contains(is.Entries, e) { // the API refuses a record that is there twice
			is.Entries = append(is.Entries, e)
		}
		if w.TTL != 0 && !neighbours { // a set has one TTL (RFC 2181, 5.2): that of what stays
			is.TTL = w.TTL
		}
	}
	return is
}

// raised is the SOA record with the next serial (RFC 1982, 3.1), where the server
// does not see to it: without, no secondary would learn of the change.
func (z zone) raised(soa set) (set, bool) {
	if z.SOAEditAPI != "" && !strings.EqualFold(z.SOAEditAPI, "OFF") || len(soa.Entries) != 1 || soa.Entries[0].Disabled {
		return set{}, false
	}
	fields := strings.Fields(soa.Entries[0].Content)
	if len(fields) != 7 {
		return set{}, false
	}
	serial, err := strconv.ParseUint(fields[2], 10, 32)
	if err != nil || serial == 0 { // 0: old servers make up the serial when asked
		return set{}, false
	}
	next := uint32(serial) + 1
	if next == 0 {
		next = 1
	}
	fields[2] = strconv.FormatUint(uint64(next), 10)
	soa.Entries = []entry{{Content: strings.Join(fields, " ")}}
	return soa, true
}
