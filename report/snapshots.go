package report

import (
	"fmt"
	"io"
	"time"

	"github.com/maildoctor/maildoctor/plan"
)

// A Kept is a snapshot and where it is.
type Kept struct {
	Path     string
	Snapshot plan.Snapshot
}

// Snapshots lists snapshots for a person.
func Snapshots(w io.Writer, list []Kept, o TextOptions) error {
	p := newPage(o)
	for i, k := range list {
		if i > 0 {
			p.gap()
		}
		what := ""
		if k.Snapshot.Rollback() {
			what = ", of a rollback"
		}
		p.para("", fmt.Sprintf("%s before %s in %s%s", k.Snapshot.Taken.UTC().Format("2006-01-02 15:04:05 MST"),
			plural(len(k.Snapshot.Plan.Changes), "change"), title(k.Snapshot.Zone), what), strong)
		for _, c := range k.Snapshot.Plan.Changes {
			p.para("  "+signs[c.Kind()].sign+" ", shortTitle(c.Slot), plain)
		}
		p.line("  " + flat(k.Path)) // whole, to be copied
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// SnapshotsJSON lists snapshots for a program, the latest first.
func SnapshotsJSON(w io.Writer, list []Kept) error {
	type snapshot struct {
		Path     string   `json:"path"`
		Zone     string   `json:"zone"`
		Provider string   `json:"provider"`
		Taken    string   `json:"taken"`
		Rollback bool     `json:"rollback"`
		Changes  []string `json:"changes"`
	}
	return writeJSON(w, struct {
		Schema    string     `json:"schema"`
		Snapshots []snapshot `json:"snapshots"`
	}{"maildoctor.snapshots/v1", each(list, func(k Kept) snapshot {
		return snapshot{
			text(k.Path), text(k.Snapshot.Zone), text(k.Snapshot.Provider), k.Snapshot.Taken.UTC().Format(time.RFC3339), k.Snapshot.Rollback(),
			each(k.Snapshot.Plan.Changes, func(c plan.Change) string { return text(string(c.Kind()) + " " + plan.Title(c.Slot)) }),
		}
	})})
}
