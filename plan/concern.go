package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Concern is what should give pause before the plan is carried out.
type Concern struct {
	// "blast-radius", "deletion", "mx-replaced", "wildcard-shadowed", "proxied-host",
	// "protection-removed", "dmarc-weakened", "spf-weakened", "changed-since".
	ID    string
	Slot  record.Slot
	Text  string
	Needs string // without this consent the plan must not be carried out; empty where the text is enough
}

// YesDelete is the consent that wide plans and deletions need.
const YesDelete = "--yes-delete"

// MaxChanges is how many changes need no consent.
const MaxChanges = 10

// guards are the concerns about changes to what stands in sets.
func guards(changes []Change, sets map[key][]record.Record, g Given) []Concern {
	var list []Concern
	if len(changes) > MaxChanges {
		list = append(list, Concern{ID: "blast-radius", Needs: YesDelete, Text: fmt.Sprintf("the plan has %d changes, more than %d", len(changes), MaxChanges)})
	}
	shadows := newShadows(sets, g.Zone)
	aliased := make(map[string]bool) // what stands at an alias is not known
	for _, c := range changes {
		aliased[c.Slot.Name] = aliased[c.Slot.Name] || c.Slot.Type == "CNAME" && len(c.After) > 0
	}
	for _, c := range changes {
		if n := strangers(c, g.Ours); n > 0 {
			list = append(list, Concern{ID: "deletion", Slot: c.Slot, Needs: YesDelete, Text: deletion(c, n)})
		}
		if gone := goneHosts(c); len(gone) > 0 {
			list = append(list, Concern{ID: "mx-replaced", Slot: c.Slot, Text: fmt.Sprintf(
				"mail for %s stops going to %s", record.Display(c.Slot.Name), strings.Join(gone, ", "))})
		}
		if !aliased[c.Slot.Name] {
			list = append(list, weakened(c, g)...)
		}
		if wildcard, types := shadows.of(c); wildcard != "" {
			list = append(list, Concern{ID: "wildcard-shadowed", Slot: c.Slot, Text: fmt.Sprintf(
				"%s does not answer for %s any more once something stands there (RFC 4592, 2.2.1); its records are %s",
				record.Display(wildcard), record.Display(c.Slot.Name), strings.Join(types, ", "))})
		}
	}
	return list
}

// strangers is how many records go that nothing takes the place of, and that
// are not known to be ours.
func strangers(c Change, ours func(record.Record) bool) int {
	after := contents(c.After)
	gone, foreign := 0, 0
	for _, r := range c.Before {
		if slices.Contains(after, content(r)) {
			continue
		}
		gone++
		if ours == nil || !ours(r) {
			foreign++
		}
	}
	came := 0
	before := contents(c.Before)
	for _, s := range after {
		if !slices.Contains(before, s) {
			came++
		}
	}
	return min(foreign, max(0, gone-came))
}

func deletion(c Change, n int) string {
	records := fmt.Sprintf("%d records of %s go", n, Title(c.Slot))
	if n == 1 {
		records = fmt.Sprintf("a record of %s goes", Title(c.Slot))
	}
	return records + ", and maildoctor is not known to have made it"
}

// goneHosts are the mail hosts that a change takes the mail from.
func goneHosts(c Change) []string {
	if c.Slot.Type != "MX" || len(c.After) == 0 {
		return nil
	}
	var gone []string
	for _, r := range c.Before {
		_, host, ok := r.MX()
		stays := slices.ContainsFunc(c.After, func(a record.Record) bool { _, h, _ := a.MX(); return h == host })
		if ok && host != "." && !stays {
			gone = addNew(gone, record.Display(host))
		}
	}
	return gone
}

// A shadows tells which names a wildcard answers for.
type shadows struct {
	exists map[string]bool // names with records, and those above them
	wild   map[string][]string
}

func newShadows(sets map[key][]record.Record, zone string) shadows {
	s := shadows{exists: make(map[string]bool), wild: make(map[string][]string)}
	for k := range sets {
		if strings.HasPrefix(k.name, "*.") {
			s.wild[k.name] = append(s.wild[k.name], k.typ)
		}
		for name := k.name; !s.exists[name] && name != "." && record.Within(name, zone); name = record.Parent(name) {
			s.exists[name] = true
		}
	}
	for _, types := range s.wild {
		slices.Sort(types)
	}
	return s
}

// of is the wildcard that answers for a change's name until it is made: that of
// the closest name above that exists (RFC 4592, 3.3.1).
func (s shadows) of(c Change) (wildcard string, types []string) {
	if c.Kind() != Create || s.exists[c.Slot.Name] || len(s.wild) == 0 {
		return "", nil
	}
	for above := record.Parent(c.Slot.Name); above != "."; above = record.Parent(above) {
		if types := s.wild["*."+above]; types != nil {
			return "*." + above, types
		}
		if s.exists[above] {
			return "", nil
		}
	}
	return "", nil
}
