package resolve

import (
	"context"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// Limits of what a Memo keeps.
const (
	memoEntries = 10_000
	memoLeast   = time.Minute      // so that one examination sees one world, whatever the TTL
	memoMost    = 24 * time.Hour   // RFC 8767, 4 suggests a cap of this order
	memoErrors  = 30 * time.Second // RFC 9520, 3.2: failures are kept for 1 s to 5 min
)

// A Memo asks every question once, however many want to know and whether the
// answer is yes, no or a failure. It keeps answers for their TTL, at least a
// minute, and errors for half a minute. Records come sorted (record.Compare):
// servers rotate the records of a set, and nobody shall conclude anything from
// their order (RFC 2181, 5).
//
// The question is asked under the context given to NewMemo, not under the
// caller's: a caller that gives up takes nothing from the others who wait.
type Memo struct {
	ctx  context.Context
	next Resolver
	mu   sync.Mutex
	kept map[Question]*memory
}

type memory struct {
	done  chan struct{} // closed when the rest is set
	ans   Answer
	err   error
	until time.Time
}

// NewMemo returns a memo over next that asks under ctx.
func NewMemo(ctx context.Context, next Resolver) *Memo {
	return &Memo{ctx: ctx, next: next, kept: map[Question]*memory{}}
}

// Resolve returns what is known of q, or asks.
func (m *Memo) Resolve(ctx context.Context, q Question) (Answer, error) {
	q, fault := prepared(ctx, q)
	if fault != nil {
		return Answer{}, fault
	}
	k := m.recall(q)
	select {
	case <-k.done:
		return k.ans, k.err
	default:
	}
	select {
	case <-k.done:
		return k.ans, k.err
	case <-ctx.Done():
		return Answer{}, canceled(q, ctx.Err())
	}
}

// recall returns the memory of q that holds, or one that is being made.
func (m *Memo) recall(q Question) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if k := m.kept[q]; k != nil && !k.stale(now) {
		return k
	}
	if len(m.kept) >= memoEntries {
		m.makeRoom(now)
	}
	k := &memory{done: make(chan struct{})}
	m.kept[q] = k
	go m.learn(q, k)
	return k
}

// learn asks q and keeps what comes.
func (m *Memo) learn(q Question, k *memory) {
	k.ans, k.err = m.next.Resolve(m.ctx, q)
	k.ans.Records = record.Sorted(k.ans.Records)
	keep := memoErrors
	switch {
	case k.err == nil:
		keep = min(max(k.ans.TTL, memoLeast), memoMost)
	case KindOf(k.err) == Canceled:
		keep = 0 // it says nothing about the question
	}
	k.until = time.Now().Add(keep)
	close(k.done)
}

// stale reports whether the memory is to be made anew; one in the making is not.
func (k *memory) stale(now time.Time) bool {
	select {
	case <-k.done:
		return !now.Before(k.until)
	default:
		return false
	}
}

// makeRoom forgets what is stale and, if that is not enough, any tenth of the rest.
func (m *Memo) makeRoom(now time.Time) {
	for q, k := range m.kept {
		if k.stale(now) {
			delete(m.kept, q)
		}
	}
	for q, k := range m.kept {
		if len(m.kept) < memoEntries-memoEntries/10 {
			return
		}
		select {
		case <-k.done:
			delete(m.kept, q)
		default:
		}
	}
}
