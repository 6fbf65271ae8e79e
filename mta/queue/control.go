package queue

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// An Entry is a message as it stands in the queue.
type Entry struct {
	Envelope spool.Envelope
	Running  bool      // it is being delivered now
	Due      time.Time // when something is to be done for it; zero: not before it is released, or now running
	Until    time.Time // when trying ends; zero: not known
}

func (q *Queue) entry(it *item) Entry {
	e := Entry{Envelope: it.env.Clone(), Running: it.running > 0, Until: q.until(&it.env)}
	if it.index >= 0 {
		e.Due = it.at
	}
	return e
}

// List is all messages, the oldest first.
func (q *Queue) List() []Entry {
	q.mu.Lock()
	entries := make([]Entry, 0, len(q.items))
	for _, it := range q.items {
		entries = append(entries, q.entry(it))
	}
	q.mu.Unlock()
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Envelope.ID, b.Envelope.ID) })
	return entries
}

// Show is one message.
func (q *Queue) Show(id string) (Entry, error) {
	it, err := q.item(id)
	if err != nil {
		return Entry{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.entry(it), nil
}

func (q *Queue) item(id string) (*item, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.items[id]
	if it == nil {
		return nil, fmt.Errorf("%q: %w", id, ErrNone)
	}
	return it, nil
}

// Len is the number of messages, and of transactions that are under way.
func (q *Queue) Len() (messages, running int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items), q.running
}

// Stats is a queue in figures.
type Stats struct {
	Messages   int
	Delivering int // transactions under way
	Deferred   int // messages that were tried and wait
	Held       int // messages
	Octets     int64
	Oldest     time.Time // when the oldest one was accepted; zero: there is none
	Running    bool      // Run is at work
}

// Stats counts what is in the queue.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Stats{Messages: len(q.items), Delivering: q.running, Running: !q.stopping}
	for _, it := range q.items {
		s.Octets += it.env.Size
		if s.Oldest.IsZero() || it.env.Received.Before(s.Oldest) {
			s.Oldest = it.env.Received
		}
		switch {
		case it.env.Held:
			s.Held++
		case slices.ContainsFunc(it.env.Rcpts, func(r spool.Rcpt) bool {
			return r.Status == spool.Waiting && r.Reply != (spool.Reply{})
		}):
			s.Deferred++
		}
	}
	return s
}

// Hold has a message wait until it is released, across restarts too. An attempt that
// is under way goes on.
func (q *Queue) Hold(id string) error { return q.setHeld(id, true) }

// Release gives a held message back to its schedule.
func (q *Queue) Release(id string) error { return q.setHeld(id, false) }

func (q *Queue) setHeld(id string, held bool) error {
	it, err := q.item(id)
	if err != nil {
		return err
	}
	it.write.Lock()
	defer it.write.Unlock()
	q.mu.Lock()
	env := it.env.Clone()
	q.mu.Unlock()
	env.Held = held
	if err := q.o.Spool.Update(env); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	it.env.Held = held
	q.schedule(it, time.Now())
	return nil
}

// Retry has a message tried now, for all who wait for it. The schedule goes on as if
// it had been time. A held message stays held. That its destination could not be
// reached a while ago does not keep it; if it can be now, what else there is for it
// goes, too.
func (q *Queue) Retry(id string) error {
	it, err := q.item(id)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	it.notBefore = time.Now()
	for i := range it.rcpts {
		it.rcpts[i].now = it.env.Rcpts[i].Status == spool.Waiting && !it.rcpts[i].busy
		it.rcpts[i].past = it.rcpts[i].now
	}
	q.schedule(it, time.Now())
	return nil
}

// Remove drops a message. Nobody is told. It fails with ErrBusy while it is being
// delivered.
func (q *Queue) Remove(id string) error {
	it, err := q.item(id)
	if err != nil {
		return err
	}
	it.write.Lock()
	defer it.write.Unlock()
	q.mu.Lock()
	busy, gone := it.running > 0, it.gone
	q.mu.Unlock()
	if gone {
		return fmt.Errorf("%q: %w", id, ErrNone)
	}
	if busy {
		return fmt.Errorf("%s: %w", id, ErrBusy)
	}
	return q.discard(it)
}
