package resolve

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Sensible limits of the inquiries of one examination.
const (
	DefaultInquiries = 500 // in all: 26 addresses, the servers of a parent and some resolvers
	DefaultAtOnce    = 10  // at one server
)

// Inquiries is an Inquirer that may be asked so often and no more, and asks no
// server more than some things at once.
type Inquiries struct {
	next   Inquirer
	most   int64
	atOnce int
	spent  atomic.Int64

	mu    sync.Mutex
	gates map[netip.Addr]chan struct{}
}

// NewInquiries returns next for n inquiries, atOnce of them at a server.
func NewInquiries(next Inquirer, n, atOnce int) *Inquiries {
	return &Inquiries{next: next, most: int64(n), atOnce: max(atOnce, 1), gates: make(map[netip.Addr]chan struct{})}
}

// Inquire waits for its turn, then asks. A further one than allowed fails with
// kind Budget.
func (i *Inquiries) Inquire(ctx context.Context, q Inquiry) (Statement, error) {
	if i.spent.Add(1) > i.most {
		return Statement{}, &Error{Question: q.Question(), Kind: Budget}
	}
	gate := i.gate(q.Server)
	if !enter(ctx, gate) {
		return Statement{}, canceled(q.Question(), ctx.Err())
	}
	defer func() { <-gate }()
	return i.next.Inquire(ctx, q)
}

func (i *Inquiries) gate(server netip.Addr) chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	gate := i.gates[server]
	if gate == nil {
		gate = make(chan struct{}, i.atOnce)
		i.gates[server] = gate
	}
	return gate
}

// Spent is how many inquiries were made.
func (i *Inquiries) Spent() int { return int(min(i.spent.Load(), i.most)) }
