package ddns

import (
	"context"
	"math/rand/v2"
	"time"
)

// What a Watcher waits.
const (
	// MaxBackoff bounds how long is waited after failures, unless the interval is longer.
	MaxBackoff = 15 * time.Minute
	// hold is how soon after a change the next one is doubted, until it has been seen twice.
	hold = 10 * time.Minute
	// again is after what time a reading that is doubted is taken again.
	again = 30 * time.Second
)

// A Watcher keeps addresses in step until its context ends.
//
// The addresses are read every interval, give or take a tenth so that many hosts
// do not ask at once. What is new is published at once, with two exceptions, which
// must be read twice in a row: what follows a change within minutes, and that there
// is no address. Failures are waited out twice as long each time, up to MaxBackoff.
type Watcher struct {
	Every time.Duration
	Read  func(context.Context) Found
	// Publish brings the DNS in step. It is called for the first reading, and then for
	// such as say something else than what was published last; changed tells that
	// something was written, be it not all. What is not believed yet is no part of
	// what it is given.
	Publish func(context.Context, Found) (changed bool, err error)
	// Observe is told what happens; may be nil.
	Observe func(Event)
	// Fatal reports errors of the first publishing that waiting will not mend; nil for none.
	Fatal func(error) bool

	// Random is a number from 0 up to below 1; nil is that of math/rand.
	Random func() float64
}

// A Step is what a Watcher did.
type Step int

const (
	Unchanged Step = iota // nothing new was read
	Unread                // the addresses could not be told: Err
	Doubted               // only something new was read, and is read again before it is believed
	Published             // the DNS is in step
	Failed                // it could not be brought in step: Err
)

// An Event is one step of a Watcher.
type Event struct {
	Step    Step
	Found   Found
	Changed bool // something was written
	Doubts  bool // something new was read that is not believed yet
	Err     error
	Next    time.Duration // until the addresses are read again
}

// Run watches until ctx ends; its error is that of ctx, or one that is Fatal.
func (w *Watcher) Run(ctx context.Context) error {
	s := &watching{Watcher: w}
	for {
		event := s.round(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if event.Step == Failed && !s.begun && w.Fatal != nil && w.Fatal(event.Err) {
			return event.Err
		}
		event.Next = s.wait(event)
		if w.Observe != nil {
			w.Observe(event)
		}
		timer := time.NewTimer(event.Next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// watching is the state of a Watcher that runs.
type watching struct {
	*Watcher
	begun    bool      // something was published
	last     Found     // what was published last
	seen     Found     // what was read last
	changed  time.Time // when something was last written; zero if it never was
	failures int       // in a row
}

// round reads, and publishes what is new and believed.
func (s *watching) round(ctx context.Context) Event {
	found := s.Read(ctx)
	if !found.Told() {
		s.seen = Found{}
		return Event{Step: Unread, Found: found, Err: found.Err()}
	}
	believed, doubts, news := found, false, !s.begun
	for f, r := range found {
		switch {
		case !r.Told() || s.begun && r.same(s.last[f]):
		case s.doubtful(r) && !r.same(s.seen[f]):
			believed[f], doubts = Reading{}, true
		default:
			news = true
		}
	}
	s.seen = found
	event := Event{Step: Unchanged, Found: found, Doubts: doubts}
	switch {
	case doubts && (!news || !believed.Told()):
		event.Step = Doubted
	case news:
		s.publish(ctx, believed, &event)
	}
	return event
}

func (s *watching) publish(ctx context.Context, believed Found, event *Event) {
	event.Step, event.Found = Published, believed
	event.Changed, event.Err = s.Publish(ctx, believed)
	if event.Changed {
		s.changed = time.Now()
	}
	if event.Err != nil {
		event.Step = Failed
		return
	}
	s.begun = true
	for f, r := range believed {
		if r.Told() { // of a family that could not be told, what was before stands
			s.last[f] = r
		}
	}
}

// doubtful reports whether news wants to be read twice.
func (s *watching) doubtful(news Reading) bool {
	return news.None != "" || !s.changed.IsZero() && time.Since(s.changed) < hold
}

// wait is how long is waited after a step.
func (s *watching) wait(e Event) time.Duration {
	random := s.Random
	if random == nil {
		random = rand.Float64
	}
	if e.Step != Unread && e.Step != Failed {
		s.failures = 0
		if e.Doubts {
			return min(again, s.Every)
		}
		return time.Duration(float64(s.Every) * (0.9 + 0.2*random()))
	}
	s.failures++
	most := max(s.Every, MaxBackoff)
	delay := min(s.Every, MaxBackoff)
	for range s.failures - 1 {
		if delay *= 2; delay >= most {
			delay = most
			break
		}
	}
	if s.failures == 1 {
		delay = min(delay, again) // many faults are over at once
	}
	return time.Duration(float64(delay) * (0.5 + 0.5*random()))
}
