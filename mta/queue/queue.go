// Package queue decides when which message is tried for whom, and keeps trying
// until each recipient has it, or cannot have it, or five days are over.
//
// It promises: an attempt is written down before it is made, so that a message that
// brings the process down is not tried at once again; what is delivered is not
// tried again unless the machine fails in between; nobody is forgotten. It does not
// know how mail is delivered, nor what a notice to the sender looks like: both are
// functions it is given.
package queue

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// A Transaction is one message for the recipients that share a destination.
type Transaction struct {
	Envelope    spool.Envelope // as it is on the disk, with all recipients
	Rcpts       []spool.Rcpt   // those of them that are to be tried now
	Destination string         // as Options.Route told it
	// Unreached is how often in a row the destination could not be reached, whichever
	// message found that out. From some number on a relay may be the way.
	Unreached int
	Open      func() (io.ReadSeekCloser, error)
}

// A Kind is how a try ended for one recipient.
type Kind int

const (
	Temporary Kind = iota // to be tried again
	Delivered
	Permanent // not to be tried again
	// Maybe is Temporary without a reply to the final dot: the message may have been
	// delivered. It is tried again, as losing it is worse than having it twice
	// (RFC 5321, 4.5.3.2.6 and 6.1).
	Maybe
)

// Reach tells whether a try got as far as a host of the destination.
type Reach int

const (
	Untold    Reach = iota // no host was tried
	Reached                // a host answered, whatever it said
	Unreached              // none did
	Bypassed               // none was tried, or none did, and a relay answered in their place
)

// An Outcome is what became of one recipient.
type Outcome struct {
	Kind  Kind
	Reply spool.Reply // its Host is empty when the message is in a mailbox here
	Reach Reach
	// Passed tells that the host that took the message offers DSN and was given what
	// the sender wants to be told: telling him of success is its duty now (RFC
	// 3461).
	Passed bool
}

// A NoticeKind is what a sender is told.
type NoticeKind int

const (
	Failure NoticeKind = iota + 1 // it will not be delivered
	Delay                         // it has not been delivered yet
	Success                       // it has been delivered, or passed on to a host that does not tell; if he asked for it
)

// A Notice asks for a delivery status notification (RFC 3464) to the sender of a
// message about some of its recipients. It never concerns a message with the null
// reverse-path, nor one of a stranger whose address may be forged.
type Notice struct {
	Kind     NoticeKind
	Envelope spool.Envelope
	Rcpts    []spool.Rcpt
	Until    time.Time // when trying ends
}

// An Event is something for a log or a metric.
type Event struct {
	What        What
	ID          string
	Rcpt        string // forward-path; empty if it is about the message
	Destination string
	Reply       spool.Reply
	Received    time.Time // when the message was accepted; of Sent, Bounced and Deferred
	Next        time.Time // of What Deferred and Down
	Err         error     // of What Trouble
}

// A What sorts events.
type What string

const (
	Queued   What = "queued"
	Deferred What = "deferred" // for this time; Next tells until when
	Sent     What = "delivered"
	Bounced  What = "failed"  // for good
	Told     What = "told"    // the sender
	Removed  What = "removed" // all is done, or Remove was called
	// Down tells of a destination none of whose hosts can be reached: what else there
	// is for it waits until Next.
	Down    What = "down"
	Trouble What = "trouble" // here, with the disk most likely
)

// Options say how a queue works.
type Options struct {
	Spool *spool.Spool
	// Deliver makes one attempt. It returns an outcome for each recipient of the
	// transaction, in their order; what is missing counts as temporary. When ctx ends
	// it returns soon. It may be called many times at once.
	Deliver func(ctx context.Context, t Transaction) []Outcome
	// Route names the destination of a recipient: those of one message that have the
	// same one share a transaction. It must be quick, and look nothing up. nil: all
	// have the same.
	Route func(spool.Envelope, spool.Rcpt) string
	// Notify has a notice written and accepted before it returns nil; after an error it
	// is called again later. nil: nobody is told.
	Notify func(context.Context, Notice) error
	// Observe is told what happens. It must be quick. nil: nobody is.
	Observe func(Event)

	Schedule       []time.Duration // waits before each attempt, the last one for all later ones; nil: DefaultSchedule
	MaxAge         time.Duration   // of a message when it is tried for the last time; 0: 5 days (RFC 5321, 4.5.4.1)
	DelayAfter     time.Duration   // age when the sender is told of a delay; 0: 4 hours
	Parallel       int             // transactions at once; 0: 20
	PerDestination int             // of them to one destination; 0: 4
	MaxRcpts       int             // of a transaction; 0: 100 (RFC 5321, 4.5.3.1.8)
	Grace          time.Duration   // what runs when Run is to stop may end by itself; 0: 10 s
	Rand           func() float64  // [0, 1); nil: math/rand
}

func (o Options) withDefaults() Options {
	if o.Route == nil {
		o.Route = func(spool.Envelope, spool.Rcpt) string { return "" }
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, Notice) error { return nil }
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if len(o.Schedule) == 0 {
		o.Schedule = DefaultSchedule()
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	orElse(&o.MaxAge, 5*24*time.Hour)
	orElse(&o.DelayAfter, 4*time.Hour)
	orElse(&o.Parallel, 20)
	orElse(&o.PerDestination, 4)
	orElse(&o.MaxRcpts, 100)
	orElse(&o.Grace, 10*time.Second)
	return o
}

// orElse sets what is not set.
func orElse[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

var (
	// ErrNone tells that there is no such message in the queue.
	ErrNone = errors.New("no such message in the queue")
	// ErrBusy tells that a message is being delivered just now.
	ErrBusy = errors.New("the message is being delivered now")
)

// A Queue is the messages of a spool, and what is to be done with them.
type Queue struct {
	o    Options
	wake chan struct{} // capacity 1: something is due earlier than it was

	mu       sync.Mutex
	items    map[string]*item
	due      byTime
	dests    map[string]*dest
	down     map[string]*down // destinations that cannot be reached
	ready    []*dest          // with jobs, and below their limit; the next one first
	running  int
	stopping bool
	jobs     sync.WaitGroup
	ctx      context.Context // of the deliveries; set by Run
}

// New makes a queue of what a spool held when it was opened. What is overdue, as
// after a long stop, is not tried all at once.
func New(o Options, found []spool.Envelope) *Queue {
	q := &Queue{o: o.withDefaults(), wake: make(chan struct{}, 1), items: map[string]*item{}, dests: map[string]*dest{}, down: map[string]*down{}, stopping: true}
	now := time.Now()
	window := min(5*time.Minute, time.Duration(len(found))*100*time.Millisecond)
	for _, e := range found {
		it := newItem(e)
		it.notBefore = now.Add(time.Duration(q.o.Rand() * float64(window)))
		q.items[e.ID] = it
		q.schedule(it, now)
	}
	return q
}

// Accept spools a message, see spool.Spool.Accept, and has it tried at once.
func (q *Queue) Accept(e spool.Envelope, parts ...io.Reader) (spool.Envelope, error) {
	e, err := q.o.Spool.Accept(q.begun(e), parts...)
	if err == nil {
		q.add(e)
	}
	return e, err
}

// Commit makes a draft of the spool an entry, see spool.Draft.Commit, and has it
// tried at once.
func (q *Queue) Commit(d *spool.Draft, e spool.Envelope) (spool.Envelope, error) {
	e, err := d.Commit(q.begun(e))
	if err == nil {
		q.add(e)
	}
	return e, err
}

// begun is an envelope whose first attempt counts as begun, so that it need not be
// written again in front of it.
func (q *Queue) begun(e spool.Envelope) spool.Envelope {
	e = e.Clone()
	luck := q.o.Rand()
	for i := range e.Rcpts {
		e.Rcpts[i].Status = spool.Waiting
		q.attempt(&e, &e.Rcpts[i], time.Now(), luck)
	}
	return e
}

func (q *Queue) add(e spool.Envelope) {
	it := newItem(e)
	it.notBefore = time.Now()
	for i := range it.rcpts {
		it.rcpts[i] = rcpt{begun: true, now: true}
	}
	q.o.Observe(Event{What: Queued, ID: e.ID})
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items[e.ID] = it
	q.schedule(it, time.Now())
}
