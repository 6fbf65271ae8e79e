package resolve

import (
	"context"
	"sync"
	"sync/atomic"
)

// Sensible limits of one examination.
const (
	DefaultBudget   = 1000 // questions in all
	DefaultInFlight = 100  // questions at once
	DefaultNarrow   = 20   // questions at once to one who is known to be asked
)

// A Narrow is a limit of its own on questions at once for each of those who are
// asked in the end, so that none is asked much at once.
type Narrow struct {
	Of        func(Question) string // who that is; empty for questions it does not limit
	Questions int                   // at once, for each
}

// A Limit holds back questions while too many are on their way.
type Limit struct {
	next   Resolver
	all    chan struct{}
	narrow []Narrow

	mu    sync.Mutex
	gates map[string]*gate // those with somebody in or before them
}

// A gate lets in the questions to one who is asked.
type gate struct {
	slots chan struct{}
	users int // that wait or are in
}

// NewLimit returns next with at most n questions at once. Of the narrower limits
// the first that a question falls under counts, beside n.
func NewLimit(next Resolver, n int, narrow ...Narrow) *Limit {
	return &Limit{next: next, all: make(chan struct{}, max(n, 1)), narrow: narrow, gates: make(map[string]*gate)}
}

// Resolve waits for its turn, then asks. The error is Canceled where ctx ends first.
func (l *Limit) Resolve(ctx context.Context, q Question) (Answer, error) {
	// The narrow gate comes first: who waits there takes no place from others.
	leave, ok := l.pass(ctx, q)
	defer leave()
	if !ok || !enter(ctx, l.all) {
		return Answer{}, canceled(q, ctx.Err())
	}
	defer func() { <-l.all }()
	return l.next.Resolve(ctx, q)
}

// pass goes through the narrow gate of q, if it has one. leave is to be called
// in any case.
func (l *Limit) pass(ctx context.Context, q Question) (leave func(), ok bool) {
	for _, n := range l.narrow {
		who := n.Of(q)
		if who == "" {
			continue
		}
		g := l.gate(who, n.Questions)
		if !enter(ctx, g.slots) {
			return func() { l.abandon(who, g) }, false
		}
		return func() { <-g.slots; l.abandon(who, g) }, true
	}
	return func() {}, true
}

// gate is that of who, with the caller as one of its users.
func (l *Limit) gate(who string, n int) *gate {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.gates[who]
	if g == nil {
		g = &gate{slots: make(chan struct{}, max(n, 1))}
		l.gates[who] = g
	}
	g.users++
	return g
}

func (l *Limit) abandon(who string, g *gate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.users--; g.users == 0 {
		delete(l.gates, who)
	}
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
