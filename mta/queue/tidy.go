package queue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// tells reports whether the sender is to be told of a recipient.
func tells(e spool.Envelope, r spool.Rcpt, kind NoticeKind) bool {
	if e.From == "" { // a notice begets no notice (RFC 3464, 2; RFC 5321, 6.1)
		return false
	}
	if e.Auth == "" && e.Client.IsValid() { // the reverse-path may be forged: no backscatter
		return false
	}
	if len(r.Notify) == 0 { // success only if asked for (RFC 3461, 4.1)
		return kind != Success
	}
	word := map[NoticeKind]string{Failure: "FAILURE", Delay: "DELAY", Success: "SUCCESS"}[kind]
	return slices.ContainsFunc(r.Notify, func(s string) bool { return strings.EqualFold(s, word) })
}

// tidyDue is when something is to be done for an item beside delivering it.
func (q *Queue) tidyDue(it *item) (at time.Time, ok bool) {
	if !it.tidyAt.IsZero() {
		return it.tidyAt, true
	}
	if it.finished() || len(it.ended(spool.Failed))+len(it.ended(spool.Delivered)) > 0 { // found so when the spool was opened
		return it.notBefore, true
	}
	if len(it.late()) > 0 {
		return later(it.env.Received.Add(q.o.DelayAfter), it.notBefore), true
	}
	return time.Time{}, false
}

// untold reports whether the sender has to be told how it ended for a recipient.
func (it *item) untold(r spool.Rcpt) bool {
	switch {
	case r.Told:
		return false
	case r.Status == spool.Delivered:
		return tells(it.env, r, Success)
	}
	return r.Status == spool.Failed && tells(it.env, r, Failure)
}

// ended is the recipients for whom it ended so, and the sender has to be told.
func (it *item) ended(how spool.Status) (rcpts []int) {
	for i, r := range it.env.Rcpts {
		if r.Status == how && it.untold(r) {
			rcpts = append(rcpts, i)
		}
	}
	return rcpts
}

// late is the recipients whose delay the sender would be told.
func (it *item) late() (rcpts []int) {
	if it.env.Delayed || it.env.Held {
		return nil
	}
	for i, r := range it.env.Rcpts {
		if r.Status == spool.Waiting && tells(it.env, r, Delay) {
			rcpts = append(rcpts, i)
		}
	}
	return rcpts
}

// finished reports whether nothing is left to do for anybody.
func (it *item) finished() bool {
	return !slices.ContainsFunc(it.env.Rcpts, func(r spool.Rcpt) bool {
		return r.Status == spool.Waiting || it.untold(r)
	})
}

// tidy does what is to be done for an item beside delivering it: it tells the
// sender, and brings the disk up to date. What fails is done later.
func (q *Queue) tidy(ctx context.Context, it *item) {
	it.write.Lock()
	defer it.write.Unlock()
	q.mu.Lock()
	gone := it.gone
	q.mu.Unlock()
	if gone {
		return
	}
	err := q.tell(ctx, it)
	if saved := q.save(it); err == nil {
		err = saved
	}
	q.mu.Lock()
	it.tidyAt = time.Time{}
	if err != nil {
		it.tidyAt = time.Now().Add(again)
	}
	q.mu.Unlock()
	if err != nil {
		q.o.Observe(Event{What: Trouble, ID: it.env.ID, Err: err})
	}
}

// tell tells the sender what he does not know yet.
func (q *Queue) tell(ctx context.Context, it *item) error {
	q.mu.Lock()
	failed, delivered, late := it.ended(spool.Failed), it.ended(spool.Delivered), it.late()
	if time.Now().Before(it.env.Received.Add(q.o.DelayAfter)) {
		late = nil
	}
	q.mu.Unlock()
	if err := q.notify(ctx, it, Failure, failed); err != nil {
		return err
	}
	if err := q.notify(ctx, it, Success, delivered); err != nil {
		return err
	}
	return q.notify(ctx, it, Delay, late)
}

// notify sends one notice, and notes that it did.
func (q *Queue) notify(ctx context.Context, it *item, kind NoticeKind, rcpts []int) error {
	if len(rcpts) == 0 {
		return nil
	}
	q.mu.Lock()
	n := Notice{Kind: kind, Envelope: it.env.Clone(), Until: q.until(&it.env)}
	q.mu.Unlock()
	for _, i := range rcpts {
		n.Rcpts = append(n.Rcpts, n.Envelope.Rcpts[i])
	}
	if err := q.o.Notify(ctx, n); err != nil {
		return err
	}
	q.mu.Lock()
	for _, i := range rcpts {
		if kind != Delay {
			it.env.Rcpts[i].Told = true
		}
	}
	it.env.Delayed = it.env.Delayed || kind == Delay
	it.changed++
	q.mu.Unlock()
	q.o.Observe(Event{What: Told, ID: n.Envelope.ID})
	return nil
}

// save brings the disk up to date.
func (q *Queue) save(it *item) error {
	q.mu.Lock()
	env, changed, dirty, finished := it.env.Clone(), it.changed, it.changed != it.saved, it.finished()
	q.mu.Unlock()
	switch {
	case finished:
		return q.discard(it)
	case !dirty:
		return nil
	}
	return q.put(it, env, changed)
}

// put has the disk know an item as it was after that many changes. Its write lock
// is held.
func (q *Queue) put(it *item, env spool.Envelope, changed int) error {
	if err := q.o.Spool.Update(env); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	it.saved = changed
	return nil
}

// discard removes an item from the disk and from the queue.
func (q *Queue) discard(it *item) error {
	if err := q.o.Spool.Remove(it.env.ID); err != nil && !errors.Is(err, spool.ErrNone) {
		return err
	}
	q.mu.Lock()
	it.gone = true
	delete(q.items, it.env.ID)
	q.schedule(it, time.Now())
	q.mu.Unlock()
	q.o.Observe(Event{What: Removed, ID: it.env.ID})
	return nil
}
