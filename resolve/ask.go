package resolve

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A race is one question on its way: to one server and, when that is silent
// for long or fails, to the next as well.
type race struct {
	ctx     context.Context
	won     context.CancelFunc // ends all tries
	q       Question
	raw     bool    // the message is wanted as it is, validated or not
	manner  *manner // nil: the usual one; else whatever is said in answer to it is wanted
	servers []*endpoint
	most    int // tries against silence
	enough  int // failures before giving up: each server once, the only one twice
	wait    time.Duration

	mu                      sync.Mutex
	started, failed, active int
	last                    *endpoint
	timer                   *time.Timer
	over                    chan struct{} // closed when no try is active
	winner                  *endpoint
	reply                   reply
	worst                   *Error
}

// ask asks servers, in turn, until one of them says something conclusive. All
// tries go on listening until the deadline of the whole question.
func (c *Client) ask(ctx context.Context, deadline time.Time, servers []*endpoint, q Question) (reply, Server, *Error) {
	if len(servers) == 0 {
		return reply{}, Server{}, &Error{Kind: Unreachable, Detail: "no DNS server is configured"}
	}
	return c.race(ctx, deadline, &race{q: q, servers: servers, most: len(servers) * c.opts.Attempts, enough: max(2, len(servers))})
}

// race runs r to its end.
func (c *Client) race(ctx context.Context, deadline time.Time, r *race) (reply, Server, *Error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	r.ctx, r.won = ctx, cancel
	r.wait, r.over = min(patience, c.opts.Timeout), make(chan struct{})
	r.mu.Lock()
	first := r.begin()
	r.active = 1
	r.timer = time.AfterFunc(r.wait, r.impatient)
	r.mu.Unlock()
	// The first try runs here: nearly always it is the only one.
	r.run(first)
	<-r.over
	if r.winner != nil {
		return r.reply, r.winner.server, nil
	}
	return reply{}, r.last.server, r.worst
}

// begin takes the next server. The lock is held.
func (r *race) begin() *endpoint {
	r.last = r.servers[r.started%len(r.servers)]
	r.started++
	return r.last
}

// run asks e and, as long as that fails at once, the next.
func (r *race) run(e *endpoint) {
	for e != nil {
		itself := r.q.At != ""
		how := manner{recurse: !itself, unchecked: r.raw}
		if r.manner != nil {
			how = *r.manner
		}
		said, fault := e.ask(r.ctx, r.q.Name, r.q.Type, how)
		if fault == nil && r.manner == nil {
			fault = judge(said, itself)
		}
		e = r.finish(e, said, fault)
	}
}

// finish notes how a try ended, and returns the server to try instead, if any.
func (r *race) finish(e *endpoint, said reply, fault *Error) (next *endpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case fault == nil:
		e.spoke()
		if r.winner == nil {
			r.winner, r.reply = e, said
			r.won()
		}
	case r.winner == nil:
		fault.Server = e.server.String()
		if fault.Kind == Unreachable {
			e.silent()
		}
		r.worst = worse(r.worst, fault)
		r.failed++
		if r.ctx.Err() == nil && r.failed < r.enough && r.started < max(r.most, r.enough) {
			return r.begin()
		}
	}
	if r.active--; r.active == 0 {
		r.timer.Stop()
		close(r.over)
	}
	return nil
}

// impatient asks the next server beside those that have not answered.
func (r *race) impatient() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active == 0 || r.winner != nil {
		return
	}
	r.last.silent()
	if r.started < r.most {
		e := r.begin()
		r.active++
		r.timer.Reset(r.wait)
		go r.run(e)
	}
}

// judge says why a reply is not conclusive; nil where it is.
func judge(r reply, itself bool) *Error {
	switch r.rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeServerFailure:
		return &Error{Kind: ServFail, Extended: r.extended}
	case dns.RcodeRefused:
		return &Error{Kind: Refused, Extended: r.extended}
	case dns.RcodeNotAuth:
		if itself {
			return &Error{Kind: Lame, Extended: r.extended}
		}
		fallthrough
	default:
		return &Error{Kind: Malformed, Detail: rcodeName(r.rcode), Extended: r.extended}
	}
	if itself {
		if !r.aa {
			return &Error{Kind: Lame, Extended: r.extended}
		}
		return nil
	}
	if slices.ContainsFunc(r.extended, madeUp) {
		return &Error{Kind: Refused, Extended: r.extended}
	}
	// A server that only refers us elsewhere does not recurse.
	if !r.ra && !r.aa && !r.hasAnswers && r.hasNS && !r.hasSOA {
		return &Error{Kind: Refused, Detail: "the server does not offer recursion", Extended: r.extended}
	}
	return nil
}

// madeUp reports whether a resolver says by x that its answer is its own and
// not that of the DNS.
func madeUp(x Extended) bool {
	switch x.Code {
	case dns.ExtendedErrorCodeForgedAnswer, dns.ExtendedErrorCodeBlocked,
		dns.ExtendedErrorCodeCensored, dns.ExtendedErrorCodeFiltered:
		return true
	}
	return false
}

// telling orders kinds by how much they tell, the most first.
var telling = [...]Kind{ServFail, Refused, Lame, Truncated, TooLarge, Malformed, Unreachable, Timeout}

// worse returns the one of two faults of a question that tells more; what
// servers added is kept of both where their kind is the same.
func worse(a, b *Error) *Error {
	if a == nil {
		return b
	}
	if a.Kind == b.Kind {
		a.Extended = addExtended(a.Extended, b.Extended...)
		a.Server = b.Server
		return a
	}
	if slices.Index(telling[:], b.Kind) < slices.Index(telling[:], a.Kind) {
		return b
	}
	return a
}
