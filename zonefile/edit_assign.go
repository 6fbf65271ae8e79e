package zonefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// assign says of each statement what becomes of it, and where what is new shall
// stand. changed is false where the file is as it shall be.
func (e *editor) assign(edits []record.Edit) (changed bool, err error) {
	var order []set
	bySet := make(map[set][]record.Edit)
	for _, edit := range edits {
		edit, err := canonical(edit)
		if err != nil {
			return false, err
		}
		k := set{edit.Slot.Name, edit.Slot.Type}
		if bySet[k] == nil {
			order = append(order, k)
		}
		bySet[k] = append(bySet[k], edit)
	}
	stands := make(map[set][]int)
	lastOf := make(map[string]int) // the last part with a record of a name
	for i, entry := range e.file.Entries {
		k := setOf(entry.Record)
		if bySet[k] != nil {
			stands[k] = append(stands[k], i)
		}
		if at, ok := e.at[i]; ok {
			lastOf[entry.Name] = at
		}
	}
	for _, k := range order {
		did, err := e.settle(bySet[k], stands[k], lastOf)
		if err != nil {
			return false, err
		}
		changed = changed || did
	}
	return changed, nil
}

// canonical is an edit whose records are such as are read from a file.
func canonical(edit record.Edit) (record.Edit, error) {
	slot := record.Slot{Name: record.Canonical(edit.Slot.Name), Type: strings.ToUpper(edit.Slot.Type), Tag: edit.Slot.Tag}
	out := record.Edit{Slot: slot}
	if slot.Type == "SOA" {
		return out, fmt.Errorf("the SOA record of %.80q is not edited but for its serial", record.Display(slot.Name))
	}
	for _, r := range edit.Want {
		got, err := Read(strings.NewReader(r.String()+"\n"), ".")
		if err != nil || len(got) != 1 || r.IsText() && got[0].Data != r.Data {
			return out, fmt.Errorf("%.80q cannot be written as a line of a zone file so that it reads back the same", r.String())
		}
		got[0].TTL = r.TTL
		if !slot.Holds(got[0]) {
			return out, fmt.Errorf("%.80q does not stand in the slot %s %.80q that it is wanted for", r.String(), slot.Type, record.Display(slot.Name))
		}
		if !slices.ContainsFunc(out.Want, func(w record.Record) bool { return w.Data == got[0].Data }) {
			out.Want = append(out.Want, got[0])
		}
	}
	return out, nil
}

// settle assigns the edits of one set, whose entries stand in the file.
func (e *editor) settle(edits []record.Edit, entries []int, lastOf map[string]int) (changed bool, err error) {
	held := make([][]int, len(edits))
	var neighbours, all []int
	for _, i := range entries {
		of := slices.IndexFunc(edits, func(edit record.Edit) bool { return edit.Slot.Holds(e.file.Entries[i].Record) })
		if of < 0 {
			neighbours = append(neighbours, i)
			continue
		}
		held[of] = append(held[of], i)
		all = append(all, i)
	}
	ttl := e.lowest(neighbours)
	if len(neighbours) == 0 {
		ttl = e.lowest(all)
	}
	known := len(entries) > 0
	var want []record.Record
	for _, edit := range edits {
		want = append(want, edit.Want...)
	}
	written := make(map[string]bool) // new data, which two edits may want
	for n, edit := range edits {
		spare, did, err := e.keep(held[n], want)
		if err != nil {
			return false, err
		}
		changed = changed || did || len(spare) > 0
		for _, r := range edit.Want {
			if written[r.Data] || e.contains(all, r) {
				continue
			}
			written[r.Data], changed = true, true
			if r.TTL == 0 && known {
				r.TTL = ttl
				if ttl == 0 {
					e.zero(setOf(r))
				}
			}
			if len(spare) > 0 {
				e.parts[e.at[spare[0]]].wish = &r
				spare = spare[1:]
				continue
			}
			e.insert(r, entries, lastOf)
		}
		for _, i := range spare {
			e.parts[e.at[i]].gone = true
		}
	}
	return changed, nil
}

// keep leaves the entries that are wanted where they stand, with the TTL that is
// wanted, and returns those that are not.
func (e *editor) keep(entries []int, want []record.Record) (spare []int, changed bool, err error) {
	for _, i := range entries {
		entry := e.file.Entries[i]
		w := slices.IndexFunc(want, func(r record.Record) bool { return r.Data == entry.Data })
		if w >= 0 && (want[w].TTL == 0 || want[w].TTL == entry.TTL) {
			continue
		}
		at, ok := e.at[i]
		switch {
		case entry.Generated:
			return nil, false, e.fault(entry.File, entry.Line, "$GENERATE makes %s %.80s, and such records are not edited; write them out as lines of their own in its place", entry.Type, record.Display(entry.Name))
		case !ok:
			return nil, false, e.fault(entry.File, entry.Line, "%s %.80s stands in an included file, which is not edited; change it there by hand, or move it into %s", entry.Type, record.Display(entry.Name), e.title())
		case w >= 0:
			e.parts[at].wish, changed = &want[w], true
		default:
			spare = append(spare, i)
		}
	}
	return spare, changed, nil
}

func (e *editor) title() string {
	if e.options.Name == "" {
		return "the file itself"
	}
	return e.options.Name
}

// insert puts a new record behind the last of its set, or of its name, or at the
// end of the file.
func (e *editor) insert(r record.Record, entries []int, lastOf map[string]int) {
	at, ok := lastOf[r.Name]
	for _, i := range entries {
		if here, inFile := e.at[i]; inFile {
			at = here
		}
	}
	if !ok {
		e.tail = append(e.tail, r)
		return
	}
	e.parts[at].news = append(e.parts[at].news, r)
}

// contains reports whether a record is among entries, TTLs aside.
func (e *editor) contains(entries []int, r record.Record) bool {
	return slices.ContainsFunc(entries, func(i int) bool { return e.file.Entries[i].Data == r.Data })
}

// lowest is the TTL of a set, which is the lowest of its records (RFC 2181, 5.2).
func (e *editor) lowest(entries []int) uint32 {
	var ttl uint32
	for n, i := range entries {
		if t := e.file.Entries[i].TTL; n == 0 || t < ttl {
			ttl = t
		}
	}
	return ttl
}

// zero notes that the TTL of a set is really 0.
func (e *editor) zero(k set) {
	if e.defaults == nil {
		e.defaults = make(map[set]uint32)
	}
	e.defaults[k] = 0
}
