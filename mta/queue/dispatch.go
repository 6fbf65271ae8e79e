package queue

import (
	"context"
	"time"
)

// A dest is a destination with something to do.
type dest struct {
	name    string
	jobs    []*job // not begun
	running int
	ready   bool // in Queue.ready
}

// A job is a transaction, or what is left to do for an item here.
type job struct {
	it    *item
	dest  *dest
	rcpts []int // of the item; empty: nothing to deliver, see tidy
	over  bool  // they are not tried any more
	finds bool  // finds out whether a destination is back that is bypassed
}

// Run delivers until ctx ends. Then it begins nothing more, and returns when what
// runs has ended, which it is made to after Options.Grace. It may be called once.
func (q *Queue) Run(ctx context.Context) {
	deliveries, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	q.mu.Lock()
	q.ctx, q.stopping = deliveries, false
	q.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(q.dispatch())
		select {
		case <-ctx.Done():
		case <-q.wake:
		case <-timer.C:
		}
	}
	q.mu.Lock()
	q.stopping = true
	q.mu.Unlock()
	grace := time.AfterFunc(q.o.Grace, cancel)
	defer grace.Stop()
	q.jobs.Wait()
}

// dispatch begins what is due, and tells how long nothing more will be.
func (q *Queue) dispatch() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.due) > 0 {
		now := time.Now()
		it := q.due[0]
		if wait := it.at.Sub(now); wait > 0 {
			q.start()
			return wait
		}
		q.plan(it, now)
		q.schedule(it, now)
	}
	q.start()
	return time.Hour
}

// plan makes jobs of what is due of an item.
func (q *Queue) plan(it *item, now time.Time) {
	var order []string
	groups := map[string][]int{}
	planned := false
	for i := range it.rcpts {
		if at, ok := q.isDue(it, i); !ok || at.After(now) {
			continue
		}
		name := q.o.Route(it.env, it.env.Rcpts[i])
		waits, over := q.waits(it, i, name, now)
		if waits {
			continue
		}
		it.rcpts[i].busy = true
		if over {
			q.enqueue(name, &job{it: it, rcpts: []int{i}, over: true})
			planned = true
			continue
		}
		if len(groups[name]) == 0 {
			order = append(order, name)
		}
		groups[name] = append(groups[name], i)
	}
	for _, name := range order {
		for rcpts := groups[name]; len(rcpts) > 0; {
			n := min(len(rcpts), q.o.MaxRcpts)
			q.enqueue(name, &job{it: it, rcpts: rcpts[:n]})
			rcpts = rcpts[n:]
		}
	}
	if at, ok := q.tidyDue(it); ok && !planned && len(order) == 0 && it.running == 0 && !at.After(now) {
		it.running++ // so that it is planned once
		it.tidyAt = time.Time{}
		q.enqueue("", &job{it: it})
	}
}

func (q *Queue) enqueue(name string, j *job) {
	d := q.dests[name]
	if d == nil {
		d = &dest{name: name}
		q.dests[name] = d
	}
	j.dest = d
	d.jobs = append(d.jobs, j)
	q.offer(d)
}

// offer lets a destination wait for its turn, if it may have one.
func (q *Queue) offer(d *dest) {
	most := q.o.PerDestination
	if down := q.down[d.name]; down != nil && !down.around {
		most = 1 // who finds out whether it is back
	}
	if !d.ready && len(d.jobs) > 0 && d.running < most {
		d.ready = true
		q.ready = append(q.ready, d)
	}
}

// start begins jobs while there is room, of each destination in turn.
func (q *Queue) start() {
	for !q.stopping && q.running < q.o.Parallel && len(q.ready) > 0 {
		d := q.ready[0]
		q.ready[0] = nil
		q.ready = q.ready[1:]
		d.ready = false
		if len(d.jobs) == 0 { // they were given back
			continue
		}
		j := d.jobs[0]
		d.jobs = d.jobs[1:]
		d.running++
		q.running++
		q.offer(d)
		if len(j.rcpts) > 0 {
			j.it.running++
		}
		q.jobs.Go(func() { q.run(q.ctx, j) })
	}
}

// end gives back what a job took, and begins the next one.
func (q *Queue) end(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j.it.running--
	for _, i := range j.rcpts {
		j.it.rcpts[i].busy = false
	}
	d := j.dest
	d.running--
	q.running--
	q.offer(d)
	if d.running == 0 && len(d.jobs) == 0 {
		delete(q.dests, d.name)
	}
	q.schedule(j.it, time.Now())
	q.start()
}
