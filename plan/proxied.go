package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// proxied are the concerns about hosts that mail needs direct, and that a proxy
// answers for: those that records of the zone lead to once the plan is carried out,
// and those whose addresses are wished.
func proxied(p Plan, current []record.Record, drafts []*draft, g Given) []Concern {
	if g.Proxied == nil {
		return nil
	}
	after := p.Apply(current)
	stays := make(map[key]bool)
	for _, r := range after {
		stays[key{r.Name, r.Type}] = true
	}
	direct := zonefile.Direct(slices.DeleteFunc(after, forWeb))
	wished := make(map[string]bool)
	for _, d := range drafts {
		if d.slot.Type == "A" || d.slot.Type == "AAAA" {
			wished[d.slot.Name] = true
		}
	}
	told := make(map[key]bool)
	var list []Concern
	for _, r := range current {
		k := key{r.Name, r.Type}
		if told[k] || !stays[k] || !zonefile.Proxiable(r) || !g.Proxied(r) {
			continue
		}
		why, needed := direct.Why(r)
		switch {
		case needed && !visited(r.Name):
		case wished[r.Name]:
			why = "is a host of yours"
		default:
			continue
		}
		told[k] = true
		list = append(list, Concern{ID: "proxied-host", Slot: record.Slot{Name: r.Name, Type: r.Type}, Text: fmt.Sprintf(
			"%s %s, and is proxied: the proxy answers with its own addresses and passes on web traffic only, so mail to it goes nowhere; switch the proxy off for it", record.Display(r.Name), why)})
	}
	slices.SortFunc(list, func(a, b Concern) int { return compareSlots(a.Slot, b.Slot) })
	return list
}

// visited reports whether a name is asked over HTTPS alone, which a proxy passes on.
func visited(name string) bool {
	labels := record.Labels(name)
	return len(labels) > 0 && (labels[0] == "mta-sts" || labels[0] == "autoconfig" || labels[0] == "autodiscover")
}

// forWeb reports whether a record leads to a port that proxies pass on.
func forWeb(r record.Record) bool {
	fields := strings.Fields(r.Data)
	return r.Type == "SRV" && len(fields) == 4 && (fields[2] == "443" || fields[2] == "80")
}
