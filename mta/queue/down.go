package queue

import (
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// Waits for a destination that cannot be reached. Each of its messages has a
// schedule of its own; without this a thousand of them would each find out for
// themselves, for minutes, that nobody is there. They are not longer than the first
// and the longest wait of that schedule.
const (
	firstDown = time.Minute
	longDown  = 30 * time.Minute
	manyDown  = 1000 // when old ones are looked for, to be dropped
)

// A down is a destination that could not be reached. While there is one, one
// message at a time finds out whether it still cannot.
type down struct {
	until time.Time     // the others wait
	wait  time.Duration // that led to it
	reply spool.Reply   // what came of the last try
	tries int           // that failed, in a row
	// around tells that mail gets there by a relay. Nobody waits then; each time that
	// until is over, one message finds out whether it can do without.
	around bool
}

// waits makes a recipient of an item wait if its destination cannot be reached, and
// notes why. One whose time is over is over.
func (q *Queue) waits(it *item, i int, destination string, now time.Time) (waits, over bool) {
	d := q.down[destination]
	it.rcpts[i].down = nil
	if d == nil || d.around || it.rcpts[i].past || !now.Before(d.until) {
		return false, false
	}
	if r := &it.env.Rcpts[i]; r.Reply.At.Before(d.reply.At) {
		r.Reply = d.reply
		it.changed++
	}
	if !now.Before(q.until(&it.env)) {
		return false, true
	}
	it.rcpts[i].down = d
	return true, false
}

// giveUp is what becomes of recipients for whom it is over without a further try.
func (q *Queue) giveUp(j *job) (outcomes []Outcome) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range j.rcpts {
		outcomes = append(outcomes, Outcome{Kind: Temporary, Reply: j.it.env.Rcpts[i].Reply})
	}
	return outcomes
}

// reach notes whether a try got as far as a host. With ok there is something to be
// told.
func (q *Queue) reach(j *job, outcomes []Outcome) (event Event, ok bool) {
	has := func(reach Reach) bool {
		return slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Reach == reach })
	}
	d := q.down[j.dest.name]
	switch {
	case has(Reached):
		delete(q.down, j.dest.name)
		q.letGo(d)
	case has(Bypassed):
		if d != nil && !d.around {
			d.around, d.until = true, time.Now().Add(q.longest())
			q.letGo(d)
		}
	case !has(Unreached) || has(Untold) || j.finds:
	case d != nil && d.around: // the relay cannot be reached, either
		delete(q.down, j.dest.name)
		return q.isDown(j.dest, outcomes[0].Reply)
	default:
		return q.isDown(j.dest, outcomes[0].Reply)
	}
	return Event{}, false
}

// longest is how long anybody waits at most.
func (q *Queue) longest() time.Duration { return min(longDown, slices.Max(q.o.Schedule)) }

// unreached is what a transaction is told. Of those that get around, one at times is
// told nothing, so that it tries what the others do not.
func (q *Queue) unreached(j *job) int {
	d := q.down[j.dest.name]
	switch now := time.Now(); {
	case d == nil:
		return 0
	case d.around && !now.Before(d.until):
		d.until, j.finds = now.Add(q.longest()), true
		return 0
	}
	return d.tries
}

// isDown has what waits for a destination wait longer, twice as long each time.
func (q *Queue) isDown(dst *dest, reply spool.Reply) (event Event, ok bool) {
	now := time.Now()
	d := q.down[dst.name]
	switch {
	case d == nil:
		q.forget(now)
		d = &down{wait: min(firstDown, q.o.Schedule[min(1, len(q.o.Schedule)-1)])}
		q.down[dst.name] = d
	case now.Before(d.until):
		return Event{}, false // it was tried with what failed before
	default:
		d.wait = min(2*d.wait, q.longest())
	}
	d.tries++
	d.until, d.reply = now.Add(d.wait), reply
	d.reply.At = now
	var keep []*job
	for _, j := range dst.jobs {
		if len(j.rcpts) == 0 || j.over {
			keep = append(keep, j)
			continue
		}
		for _, i := range j.rcpts {
			j.it.rcpts[i].busy = false
		}
		q.schedule(j.it, now)
	}
	dst.jobs = keep
	return Event{What: Down, Destination: dst.name, Next: d.until}, true
}

// letGo lets those go who wait for a destination.
func (q *Queue) letGo(d *down) {
	if d == nil {
		return
	}
	now := time.Now()
	for _, it := range q.items {
		waits := false
		for i := range it.rcpts {
			if it.rcpts[i].down == d {
				it.rcpts[i].down, waits = nil, true
			}
		}
		if waits {
			q.schedule(it, now)
		}
	}
}

// forget drops what is long over, for which nothing came any more.
func (q *Queue) forget(now time.Time) {
	if len(q.down) < manyDown {
		return
	}
	for name, d := range q.down {
		if now.Sub(d.until) > longDown {
			delete(q.down, name)
		}
	}
}
