package resolve

import (
	"context"
	"sync/atomic"

	"github.com/maildoctor/maildoctor/record"
)

// Sensible limits of one examination.
const (
	DefaultBudget   = 1000 // questions in all
	DefaultInFlight = 100  // questions at once
)

// Below is a limit of its own on questions at once for all names at or below
// Suffix: for an operator that does not like to be asked much at once.
type Below struct {
	Suffix    string
	Questions int
}

// A Limit holds back questions while too many are on their way.
type Limit struct {
	next  Resolver
	all   chan struct{}
	below []suffixLimit
}

type suffixLimit struct {
	suffix string
	slots  chan struct{}
}

// NewLimit returns next with at most n questions at once. Of the limits below
// a suffix the first that fits a name counts, beside n.
func NewLimit(next Resolver, n int, below ...Below) *Limit {
	l := &Limit{next: next, all: make(chan struct{}, max(n, 1))}
	for _, b := range below {
		l.below = append(l.below, suffixLimit{record.Canonical(b.Suffix), make(chan struct{}, max(b.Questions, 1))})
	}
	return l
}

// Resolve waits for its turn, then asks. The error is Canceled where ctx ends first.
func (l *Limit) Resolve(ctx context.Context, q Question) (Answer, error) {
	for _, b := range l.below {
		if record.Within(q.Name, b.suffix) {
			// The narrow gate comes first: who waits there takes no place from others.
			if !enter(ctx, b.slots) {
				return Answer{}, canceled(q, ctx.Err())
			}
			defer func() { <-b.slots }()
			break
		}
	}
	if !enter(ctx, l.all) {
		return Answer{}, canceled(q, ctx.Err())
	}
	defer func() { <-l.all }()
	return l.next.Resolve(ctx, q)
}

func enter(ctx context.Context, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	default:
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// An Allowance is a resolver that may be asked a number of questions and no
// more. What a Memo above it remembers costs nothing.
type Allowance struct {
	next  Resolver
	most  int64
	spent atomic.Int64
}

// NewBudget returns next for n questions; every further one fails with kind Budget.
func NewBudget(next Resolver, n int) *Allowance { return &Allowance{next: next, most: int64(n)} }

// Resolve asks while there is something left.
func (a *Allowance) Resolve(ctx context.Context, q Question) (Answer, error) {
	if a.spent.Add(1) > a.most {
		return Answer{}, &Error{Question: q, Kind: Budget}
	}
	return a.next.Resolve(ctx, q)
}

// Spent is how many questions were asked.
func (a *Allowance) Spent() int { return int(min(a.spent.Load(), a.most)) }
