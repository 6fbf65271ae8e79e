package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

// lines are records, "name type data" each, with whatever data.
func lines(text string) []record.Record {
	var list []record.Record
	for line := range strings.SplitSeq(text, "\n") {
		parts := strings.SplitN(line, " ", 3)
		if len(parts) == 3 && parts[1] != "" {
			list = append(list, rr(record.Canonical(parts[0]+"."+zone), strings.ToUpper(parts[1]), uint32(len(line)%3)*300, parts[2]))
		}
	}
	return list
}

// FuzzApply: whatever stands in a zone, every record that no change is about
// comes out of a plan octet for octet, in its order, with its TTL; what is new is
// of the plan, and stands once.
func FuzzApply(f *testing.F) {
	f.Add("a txt v=spf1 -all\na txt verify=1\na a 192.0.2.1\nb cname a", "a txt v=spf1 mx -all\nb txt x", "v=spf1")
	f.Add("a txt \xff\x00\\\"\na txt V=SPF1;\na txt v=spf1\t~all\na txt v=spf10", "a txt v=spf1 +all", "V=spf1")
	f.Add("a mx 10 b\na mx 20 c\na mx 10 b", "a mx 10 c", "")
	f.Fuzz(func(t *testing.T, there, wanted, tag string) {
		current := lines(there)
		var wishes []Wish
		for _, r := range lines(wanted) {
			slot := record.Slot{Name: r.Name, Type: r.Type}
			if r.Type == "TXT" {
				slot.Tag = tag
			}
			wishes = append(wishes, wish("a", slot, r))
		}
		p, _ := Make(current, wishes, Given{Zone: zone, TTLs: true})
		after := p.Apply(current)
		touched := func(r record.Record) bool {
			return slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Slot.Holds(r) })
		}
		neighbours := slices.DeleteFunc(slices.Clone(current), touched)
		if len(after) < len(neighbours) || !slices.Equal(after[:len(neighbours)], neighbours) {
			t.Errorf("neighbours changed:\n%q\n%q", neighbours, after)
		}
		brought := 0
		for _, c := range p.Changes {
			brought += len(c.After)
			for _, r := range c.After {
				if !slices.Contains(after, r) {
					t.Errorf("%s is not there afterwards", r)
				}
			}
		}
		if len(after) != len(neighbours)+brought {
			t.Errorf("%d records afterwards, want %d", len(after), len(neighbours)+brought)
		}
		if again, _ := Make(after, wishes, Given{Zone: zone, TTLs: true}); !again.Empty() {
			t.Errorf("a second plan is not empty:\n%s\nafter:\n%s", shown(again, nil), shown(p, nil))
		}
	})
}
