package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// SnapshotSchema stands in the field "schema" of a snapshot.
const SnapshotSchema = "maildoctor.snapshot/v1"

// A Snapshot is what there was before a plan was carried out, and that plan.
type Snapshot struct {
	Zone     string    // canonical
	Provider string    // as --provider takes it; never a secret
	Taken    time.Time // in UTC
	Records  []record.Record
	Plan     Plan // what was about to be done
}

// NewSnapshot is a snapshot of records, taken before p is carried out.
func NewSnapshot(zone, provider string, at time.Time, records []record.Record, p Plan) Snapshot {
	return Snapshot{Zone: canonical(zone), Provider: provider, Taken: at.UTC(), Records: record.Sorted(records), Plan: p}
}

// Undo is what is wished of the zone so that it is again as it was before the plan.
func (s Snapshot) Undo() []Wish {
	var wishes []Wish
	for _, c := range s.Plan.Changes {
		wishes = append(wishes, Wish{
			Edit:   record.Set(c.Slot, c.Before...),
			Reason: "takes back what was applied at " + s.Taken.Format(time.RFC3339),
			From:   FromRollback,
		})
	}
	return wishes
}

// FromRollback is who wishes what Undo wishes.
const FromRollback = "rollback"

// Rollback reports whether the plan that was about to be carried out was one to
// take back another.
func (s Snapshot) Rollback() bool {
	return len(s.Plan.Changes) > 0 && slices.Equal(s.Plan.Changes[0].From, []string{FromRollback})
}

// Concerns are those about p, made of Undo: what the plan of the snapshot brought
// may go without a consent; where a slot is neither as that left it nor as it was before,
// somebody else's change would go too.
func (s Snapshot) Concerns(p Plan, current []record.Record) []Concern {
	now := index(current)
	var list []Concern
	strange := make(map[record.Slot]bool)
	for _, c := range s.Plan.Changes {
		is := held(c.Slot, now[key{c.Slot.Name, c.Slot.Type}])
		if !same(is, c.After) && !same(is, c.Before) {
			strange[c.Slot] = true
			list = append(list, Concern{ID: "changed-since", Slot: c.Slot, Needs: YesDelete, Text: Title(c.Slot) + " was changed since, and not by the plan that is taken back"})
		}
	}
	for _, c := range p.Concerns {
		if c.ID == "deletion" || c.ID == "blast-radius" {
			continue
		}
		if !strange[c.Slot] {
			c.Needs = ""
		}
		list = append(list, c)
	}
	return list
}

// Began are those of changes that the plan of the snapshot was about to bring.
func (s Snapshot) Began(changes []Change) []Change {
	var began []Change
	for _, c := range changes {
		if slices.ContainsFunc(s.Plan.Changes, func(d Change) bool { return d.Slot == c.Slot && same(d.After, c.After) }) {
			began = append(began, c)
		}
	}
	return began
}

type wireSnapshot struct {
	Schema   string       `json:"schema"`
	Zone     string       `json:"zone"`
	Provider string       `json:"provider"`
	Taken    string       `json:"taken"`
	Plan     Plan         `json:"plan"`
	Records  []wireRecord `json:"records"`
}

// Write writes a snapshot as a file holds it.
func (s Snapshot) Write(w io.Writer) error {
	enc := json.NewEncoder(printable{w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(wireSnapshot{
		SnapshotSchema, s.Zone, s.Provider, s.Taken.UTC().Format(time.RFC3339), s.Plan, each(s.Records, toRecord),
	})
}

// ReadSnapshot reads a snapshot that Write wrote.
func ReadSnapshot(r io.Reader) (Snapshot, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Snapshot{}, err
	}
	if len(text) > maxFile {
		return Snapshot{}, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	var w wireSnapshot
	if err := json.Unmarshal(text, &w); err != nil {
		return Snapshot{}, fmt.Errorf("it is no snapshot: %w", err)
	}
	if w.Schema != SnapshotSchema {
		return Snapshot{}, fmt.Errorf("it is no snapshot of the version %s: its schema is %q", SnapshotSchema, w.Schema)
	}
	s := Snapshot{Zone: canonical(w.Zone), Provider: w.Provider, Plan: w.Plan}
	if s.Taken, err = time.Parse(time.RFC3339, w.Taken); err != nil {
		return Snapshot{}, fmt.Errorf("taken: %w", err)
	}
	if zone := canonical(s.Plan.Zone); zone != s.Zone {
		return Snapshot{}, fmt.Errorf("it is of the zone %s, and its plan is for %s", record.Display(s.Zone), record.Display(zone))
	}
	var errs []error
	s.Records = all(w.Records, fromRecord, &errs)
	if len(errs) > 0 {
		return Snapshot{}, errs[0]
	}
	return s, nil
}
