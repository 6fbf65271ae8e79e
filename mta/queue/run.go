package queue

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// run does a job from its begin to its end.
func (q *Queue) run(ctx context.Context, j *job) {
	defer q.end(j)
	switch {
	case j.over:
		q.settle(j, q.giveUp(j))
	case len(j.rcpts) > 0:
		t, ok := q.begin(j)
		if !ok {
			return
		}
		q.settle(j, q.deliver(ctx, t))
	}
	q.tidy(ctx, j.it)
}

// begin writes down that the recipients of a job are tried, unless that is on the
// disk already.
func (q *Queue) begin(j *job) (Transaction, bool) {
	it := j.it
	it.write.Lock()
	defer it.write.Unlock()
	q.mu.Lock()
	if it.gone || it.env.Held {
		q.mu.Unlock()
		return Transaction{}, false
	}
	before, changed, luck := it.env.Clone(), it.changed, q.o.Rand()
	for _, i := range j.rcpts {
		r := &it.env.Rcpts[i]
		if it.rcpts[i].begun && time.Since(r.Tried) > again { // it had to wait, and what comes next goes by now
			r.Attempts--
			it.rcpts[i].begun = false
		}
		if !it.rcpts[i].begun {
			q.attempt(&it.env, r, time.Now(), luck)
			it.changed++
		}
		it.rcpts[i].begun, it.rcpts[i].now, it.rcpts[i].past = false, false, false
	}
	unreached := q.unreached(j)
	write := it.changed != changed
	env, changed := it.env.Clone(), it.changed
	q.mu.Unlock()
	if write {
		if err := q.put(it, env, changed); err != nil {
			q.undo(j, before, err)
			return Transaction{}, false
		}
	}
	t := Transaction{Envelope: env, Destination: j.dest.name, Unreached: unreached, Open: func() (io.ReadSeekCloser, error) { return q.o.Spool.Open(env.ID) }}
	for _, i := range j.rcpts {
		t.Rcpts = append(t.Rcpts, env.Rcpts[i])
	}
	return t, true
}

// undo puts off an attempt that could not be written down.
func (q *Queue) undo(j *job, before spool.Envelope, err error) {
	q.mu.Lock()
	for _, i := range j.rcpts {
		j.it.env.Rcpts[i] = before.Rcpts[i]
		j.it.env.Rcpts[i].Next = time.Now().Add(again)
	}
	j.it.changed++ // the disk may have the one or the other
	q.mu.Unlock()
	q.o.Observe(Event{What: Trouble, ID: before.ID, Destination: j.dest.name, Err: err})
}

// deliver makes the attempt, whatever happens in it.
func (q *Queue) deliver(ctx context.Context, t Transaction) (outcomes []Outcome) {
	defer func() {
		if p := recover(); p != nil {
			q.o.Observe(Event{What: Trouble, ID: t.Envelope.ID, Destination: t.Destination, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())})
			outcomes = nil
		}
	}()
	return q.o.Deliver(ctx, t)
}

// settle notes what became of the recipients of a job.
func (q *Queue) settle(j *job, outcomes []Outcome) {
	it := j.it
	events := make([]Event, 0, len(j.rcpts)+1)
	q.mu.Lock()
	for n, i := range j.rcpts {
		out := Outcome{Reply: spool.Reply{Text: "internal error: the delivery ended without an outcome"}}
		if n < len(outcomes) {
			out = outcomes[n]
		}
		events = append(events, q.note(it, i, out, j.dest.name))
	}
	if event, ok := q.reach(j, outcomes); ok {
		events = append(events, event)
	}
	it.changed++
	q.mu.Unlock()
	for _, e := range events {
		q.o.Observe(e)
	}
}

// note notes what became of one recipient.
func (q *Queue) note(it *item, i int, out Outcome, destination string) Event {
	now := time.Now()
	r := &it.env.Rcpts[i]
	r.Reply = out.Reply
	if r.Reply.At.IsZero() {
		r.Reply.At = now
	}
	event := Event{ID: it.env.ID, Rcpt: r.Addr, Destination: destination, Reply: r.Reply, Received: it.env.Received}
	r.Maybe = r.Maybe || out.Kind == Maybe
	switch {
	case out.Kind == Delivered:
		r.Status, event.What = spool.Delivered, Sent
		r.Told = out.Passed
	case out.Kind == Permanent, !now.Before(q.until(&it.env)):
		r.Status, event.What = spool.Failed, Bounced
	default:
		event.What, event.Next = Deferred, r.Next
	}
	return event
}
