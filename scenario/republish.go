package scenario

import (
	"slices"

	"github.com/maildoctor/maildoctor/record"
)

// Republished is the same world with other records in one zone: what stands at
// its apex and below is those now. Hosts and pages stay where they are.
func (w *World) Republished(zone string, records []record.Record) *World {
	s, after := *w.Scenario, *w
	s.Records = slices.DeleteFunc(slices.Clone(s.Records), func(r record.Record) bool { return record.Within(r.Name, zone) })
	s.Records = append(s.Records, records...)
	after.Scenario = &s
	return &after
}
