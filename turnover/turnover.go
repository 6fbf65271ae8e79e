// Package turnover follows who still answers with the records of before a change:
// the authoritative servers of a zone first, and then the resolvers, which may keep
// what they have heard until its TTL is spent.
//
// It asks those whom it is given, and judges no record. That all authoritative
// servers have what was written is a matter of package published; here it is that
// nobody has what stood there before.
package turnover

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Source is somebody who answers.
type Source struct {
	Name          string // for a reader
	Authoritative bool
	// Ask returns the records of a question and, of a resolver, for how long it will
	// keep them.
	Ask func(context.Context, resolve.Question) ([]record.Record, time.Duration, error)
}

// An Outcome is what a source answers with.
type Outcome int

const (
	Silent Outcome = iota // it could not be asked
	Old                   // a set is as it was before
	Other                 // a set is neither as it was nor as it shall be
	New
)

var outcomeNames = [...]string{"silent", "old", "other", "new"}

func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return "invalid"
	}
	return outcomeNames[o]
}

// A State is what one source answers.
type State struct {
	Source  Source
	Outcome Outcome
	At      time.Time
	Sets    []plan.Set // those that are not as they shall be, as they are
	Until   time.Time  // of a resolver that has old ones: when it forgets the last of them by itself
	Reason  string     // of Silent
}

// A Change is what a source is held against.
type Change struct {
	Old, New []plan.Set // the same names and types in the same order; empty sets are absence
	// Keep is how long the old sets may be kept: their highest TTL, or the negative
	// one where there was nothing. 0: not known.
	Keep time.Duration
	// Made is when the change was made; zero where that is not known.
	Made time.Time
}

// A Status is where things stand.
type Status struct {
	States []State // in the order of the sources
	At     time.Time
	// Until is when the last resolver in the world forgets the old sets. Zero: an
	// authoritative server still has them, or it is not known.
	Until time.Time
}

// Count is how many sources have an outcome.
func (s Status) Count(o Outcome) int {
	n := 0
	for _, state := range s.States {
		if state.Outcome == o {
			n++
		}
	}
	return n
}

// Served reports whether no authoritative server is known to lack the new sets, and
// one at least has them.
func (s Status) Served() bool {
	has := false
	for _, state := range s.States {
		if state.Source.Authoritative {
			if state.Outcome == Old || state.Outcome == Other {
				return false
			}
			has = has || state.Outcome == New
		}
	}
	return has
}

// Over reports whether nobody has the old sets any more: all who answer have the new
// ones, somebody authoritative among them, and the old TTL is spent.
func (s Status) Over() bool {
	return s.Served() && s.Count(Old)+s.Count(Other) == 0 && !s.Until.IsZero() && !s.At.Before(s.Until)
}

// Bounds of following.
const (
	atOnce       = 8
	patience     = 10 * time.Second // for one answer
	firstPause   = 5 * time.Second
	longestPause = time.Minute
)

// A Watch follows a change.
type Watch struct {
	Sources []Source
	Change  Change
	Now     func() time.Time
	// Observe is told of each source whose outcome becomes another; nil if nobody is.
	Observe func(State)
	// Round is told of each round when it is over; nil if nobody is.
	Round func(Status)

	states  []State
	lastOld time.Time // when an authoritative server was last seen to have the old sets
	began   time.Time
	served  time.Time // since when they all have the new ones, as far as was seen
}

// Look asks everybody once.
func (w *Watch) Look(ctx context.Context) Status {
	if w.states == nil {
		w.states, w.began = make([]State, len(w.Sources)), w.Now()
		for i := range w.states {
			w.states[i] = State{Source: w.Sources[i], Outcome: -1}
		}
	}
	now := make([]State, len(w.Sources))
	gate := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, s := range w.Sources {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			now[i] = w.look(ctx, s)
		})
	}
	wg.Wait()
	for i, state := range now {
		was := w.states[i]
		if ctx.Err() != nil && state.Outcome == Silent && was.Outcome >= 0 {
			continue // who ran out of time learnt nothing
		}
		w.states[i] = state
		if w.Observe != nil && was.Outcome != state.Outcome {
			w.Observe(state)
		}
	}
	status := w.status()
	if w.Round != nil {
		w.Round(status)
	}
	return status
}

// Follow looks time and again until it is over, or ctx ends.
func (w *Watch) Follow(ctx context.Context) Status {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		status := w.Look(ctx)
		if status.Over() || ctx.Err() != nil {
			return status
		}
		next := pause
		if left := status.Until.Sub(status.At); !status.Until.IsZero() && left > 0 {
			next = min(next, left)
		}
		select {
		case <-time.After(next):
		case <-ctx.Done():
			status.At = w.Now()
			return status
		}
	}
}

func (w *Watch) look(ctx context.Context, s Source) State {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	state := State{Source: s, Outcome: New, At: w.Now()}
	for i, want := range w.Change.New {
		records, ttl, err := s.Ask(limited, resolve.Ask(want.Name, want.Type))
		if err != nil {
			return State{Source: s, Outcome: Silent, At: w.Now(), Reason: err.Error()}
		}
		is := plan.Set{Name: want.Name, Type: want.Type, Records: records}
		if is.Hash() == want.Hash() {
			continue
		}
		state.Sets = append(state.Sets, is)
		if !s.Authoritative {
			state.Until = later(state.Until, state.At.Add(ttl))
		}
		if is.Hash() == w.Change.Old[i].Hash() {
			state.Outcome = Old
		} else if state.Outcome == New {
			state.Outcome = Other
		}
	}
	return state
}

// status sums up what is known.
func (w *Watch) status() Status {
	s := Status{States: slices.Clone(w.states), At: w.Now()}
	for _, state := range s.States {
		if state.Source.Authoritative && (state.Outcome == Old || state.Outcome == Other) {
			w.lastOld, w.served = later(w.lastOld, state.At), time.Time{}
		}
	}
	if !s.Served() {
		return s
	}
	if w.served.IsZero() {
		w.served = s.At
	}
	// The old sets were last given out when the change was made or, where a server was
	// seen to have them after that, before it had the new ones.
	last := w.Change.Made
	if last.IsZero() || !w.lastOld.IsZero() {
		last = later(last, w.served)
	}
	if w.Change.Keep > 0 {
		s.Until = last.Add(w.Change.Keep)
	}
	for _, state := range s.States { // some keep longer than they may
		if state.Outcome == Old {
			s.Until = later(s.Until, state.Until)
		}
	}
	return s
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Differs is how the sets of a state read, for a reader: "MX example.org 1
// smtp.google.com."
func (s State) Differs() []string {
	var out []string
	for _, set := range s.Sets {
		head := set.Type + " " + record.Display(set.Name)
		if len(set.Records) == 0 {
			out = append(out, head+": none")
			continue
		}
		for _, r := range record.Sorted(set.Records) {
			out = append(out, fmt.Sprintf("%s: %s", head, r.Presentation()))
		}
	}
	return out
}
