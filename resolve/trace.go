package resolve

import (
	"context"
	"slices"
	"sync"
	"time"
)

// An Event is a question that was asked and how it ended.
type Event struct {
	Question Question
	Answer   Answer // if Err is nil
	Err      error
	Start    time.Time
	Took     time.Duration
}

// Stats sums up questions.
type Stats struct {
	Questions int           // that have ended
	Void      int           // of them answered NXDOMAIN or NODATA
	Errors    int           // of them without an answer
	Slowest   time.Duration // the longest of them
	Total     time.Duration // of all; they ran at the same time in part
}

// A Trace tells an observer every question that passes, when it has ended.
type Trace struct {
	next    Resolver
	observe func(Event)
	mu      sync.Mutex
	stats   Stats
}

// NewTrace returns next with an observer, which may be nil and else is called
// by many at once.
func NewTrace(next Resolver, observe func(Event)) *Trace {
	return &Trace{next: next, observe: observe}
}

// Resolve asks and tells.
func (t *Trace) Resolve(ctx context.Context, q Question) (Answer, error) {
	start := time.Now()
	ans, err := t.next.Resolve(ctx, q)
	e := Event{Question: q, Answer: ans, Err: err, Start: start, Took: time.Since(start)}
	t.mu.Lock()
	t.stats.add(e)
	t.mu.Unlock()
	if t.observe != nil {
		t.observe(e)
	}
	return ans, err
}

func (s *Stats) add(e Event) {
	s.Questions++
	s.Total += e.Took
	s.Slowest = max(s.Slowest, e.Took)
	switch {
	case e.Err != nil:
		s.Errors++
	case e.Answer.Void():
		s.Void++
	}
}

// Stats returns the sums so far.
func (t *Trace) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

// maxLog is how many events a Log keeps.
const maxLog = 100_000

// A Log keeps events: its Add is an observer for NewTrace. The zero value is ready.
type Log struct {
	mu     sync.Mutex
	events []Event
}

// Add keeps e, unless there are 100,000 already.
func (l *Log) Add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) < maxLog {
		l.events = append(l.events, e)
	}
}

// Events returns the events in the order in which their questions were asked.
func (l *Log) Events() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := slices.Clone(l.events)
	slices.SortStableFunc(events, func(a, b Event) int { return a.Start.Compare(b.Start) })
	return events
}
