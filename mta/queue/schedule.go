package queue

import (
	"container/heap"
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// DefaultSchedule is the waits before each attempt. RFC 5321, 4.5.4.1, wants at
// least 30 minutes between attempts in the long run, and two in the first hour.
func DefaultSchedule() []time.Duration {
	return []time.Duration{
		0, 7*time.Minute + 30*time.Second, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour,
	}
}

// jitter is the part of a wait that chance adds or takes.
const jitter = 0.2

// again is how long to wait after trouble with the disk here.
const again = time.Minute

// An item is a message in the queue. All but write is guarded by Queue.mu.
type item struct {
	env       spool.Envelope // as on the disk, if saved is changed
	changed   int            // counts the changes of env
	saved     int            // the last of them that is on the disk
	rcpts     []rcpt         // beside env.Rcpts
	notBefore time.Time      // nothing is tried earlier
	tidyAt    time.Time      // when to try again what failed here; zero: nothing did
	running   int            // jobs that have begun
	gone      bool

	at    time.Time // when something is due
	index int       // in Queue.due; -1: not in it

	write sync.Mutex // held while the entry is written or the sender told
}

// A rcpt is what the disk need not know of a recipient.
type rcpt struct {
	busy  bool  // in a job
	begun bool  // the attempt to come is on the disk already
	now   bool  // due, whatever Next says
	past  bool  // due, whatever stands in down
	down  *down // what it waits for; nil: nothing
}

func newItem(e spool.Envelope) *item {
	return &item{env: e.Clone(), rcpts: make([]rcpt, len(e.Rcpts)), index: -1}
}

// attempt notes that an attempt begins now, and when the next one would be. luck,
// in [0, 1), is shared by recipients that are to stay together.
func (q *Queue) attempt(e *spool.Envelope, r *spool.Rcpt, now time.Time, luck float64) {
	r.Attempts++
	r.Tried = now
	wait := q.o.Schedule[min(r.Attempts, len(q.o.Schedule)-1)]
	wait += time.Duration(float64(wait) * jitter * (2*luck - 1))
	r.Next = now.Add(wait)
	if end := q.until(e); now.Before(end) && r.Next.After(end) {
		r.Next = end // the last one
	}
}

// until is when trying ends.
func (q *Queue) until(e *spool.Envelope) time.Time { return e.Received.Add(q.o.MaxAge) }

// isDue reports whether a recipient is to be tried, and when.
func (q *Queue) isDue(it *item, i int) (at time.Time, ok bool) {
	r := &it.env.Rcpts[i]
	if r.Status != spool.Waiting || it.rcpts[i].busy || it.env.Held {
		return time.Time{}, false
	}
	at = it.notBefore
	if !it.rcpts[i].now {
		at = later(at, r.Next)
	}
	if d := it.rcpts[i].down; d != nil && !it.rcpts[i].past {
		at = later(at, earlier(d.until, q.until(&it.env)))
	}
	return at, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// schedule puts an item where it belongs by the time when something is due.
func (q *Queue) schedule(it *item, now time.Time) {
	var times []time.Time
	for i := range it.rcpts {
		if at, ok := q.isDue(it, i); ok {
			times = append(times, at)
		}
	}
	if it.running == 0 {
		if at, ok := q.tidyDue(it); ok {
			times = append(times, at)
		}
	}
	if it.index >= 0 {
		heap.Remove(&q.due, it.index)
	}
	if len(times) == 0 || it.gone {
		return
	}
	it.at = slices.MinFunc(times, time.Time.Compare)
	heap.Push(&q.due, it)
	if it.index == 0 {
		q.poke()
	}
}

// poke has Run look what is due.
func (q *Queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// byTime is a heap of items, the one that is due first on top.
type byTime []*item

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *byTime) Push(x any) {
	it := x.(*item)
	it.index = len(*h)
	*h = append(*h, it)
}

func (h *byTime) Pop() any {
	last := len(*h) - 1
	it := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	it.index = -1
	return it
}
