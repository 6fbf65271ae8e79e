package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// A Stage is how far Apply has come.
type Stage int

const (
	Looking     Stage = iota // what is there is read
	Keeping                  // the snapshot is kept
	Writing                  // the changes are written
	LookingBack              // what was written is read back
)

// Options are how a plan is applied.
type Options struct {
	// Keep keeps what is there before anything is written, with what is about to be
	// done. Its error ends Apply, and nothing is written.
	Keep func(plan.Snapshot) error
	// Observe is told of each stage as it begins; may be nil.
	Observe func(Stage)
	// Now is the clock of snapshots.
	Now func() time.Time
}

// An Outcome is what Apply did.
type Outcome struct {
	Already []plan.Change // were done before
	Done    []plan.Change // are there now
	Left    []plan.Change // are not
	Foreign []plan.Set    // are as neither the plan nor anybody before it made them
	Unread  bool          // it is not known what is there: it could not be read back
	After   Reading       // what is there now; empty where Unread
}

// readBack bounds the reading after a write: the program may have been
// interrupted by then, and what was done is told all the same.
const readBack = 30 * time.Second

// Apply carries out a plan: it reads what is there, refuses a plan that is
// stale (*StaleError), leaves out what is done already, keeps a snapshot, writes,
// and reads back. Whatever happens after the write began, the outcome says what of
// the plan is there; the same call again does the rest.
func Apply(ctx context.Context, to Provider, p plan.Plan, o Options) (Outcome, error) {
	if record.Canonical(p.Zone) != to.Zone() {
		return Outcome{}, fmt.Errorf("the plan is for the zone %s, the provider has %s", record.Display(p.Zone), record.Display(to.Zone()))
	}
	observe := o.Observe
	if observe == nil {
		observe = func(Stage) {}
	}
	observe(Looking)
	before, err := to.Read(ctx, Names(p))
	if err != nil {
		return Outcome{}, fmt.Errorf("what is there could not be read, so nothing was written: %w", err)
	}
	todo, already, changed := p.Progress(before.Records)
	if err := stale(p, changed); err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{Already: already, After: before}
	if todo.Empty() {
		return outcome, nil
	}
	observe(Keeping)
	if err := o.Keep(plan.NewSnapshot(to.Zone(), p.Provider, o.Now(), before.Records, todo)); err != nil {
		return outcome, fmt.Errorf("what is there could not be kept, so nothing was written: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return outcome, err
	}
	observe(Writing)
	failed := to.Write(ctx, todo)
	var isStale *StaleError
	if errors.As(failed, &isStale) {
		return outcome, failed
	}
	observe(LookingBack)
	again, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBack)
	defer cancel()
	outcome.After, err = to.Read(again, Names(p))
	if err != nil {
		outcome.After, outcome.Unread, outcome.Left = Reading{}, true, todo.Changes
		return outcome, errors.Join(failed, fmt.Errorf("what was written could not be read back: %w", err))
	}
	left, done, foreign := todo.Progress(outcome.After.Records)
	outcome.Done, outcome.Left, outcome.Foreign = done, left.Changes, foreign
	switch {
	case len(outcome.Left) > 0 && failed == nil:
		failed = errors.New("the provider took the changes, but does not answer with all of them")
	case len(outcome.Left) == 0: // whatever the answer was, it took effect
		failed = nil
	}
	return outcome, failed
}

// Names are the names that a plan rests on, each once.
func Names(p plan.Plan) []string {
	var names []string
	for _, s := range p.Basis {
		names = append(names, s.Name)
	}
	slices.SortFunc(names, record.CompareNames)
	return slices.Compact(names)
}

// Unchanged is the error of a plan that records do not fit to, be it not begun,
// done in part, or done (*StaleError); nil if they do.
func Unchanged(p plan.Plan, records []record.Record) error {
	_, _, changed := p.Progress(records)
	return stale(p, changed)
}
