package resolve

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxAsked is how many servers asked by Question.At keep their connections.
const maxAsked = 256

// patience is how long one server is waited for before the next, or the same,
// is asked as well: a lost packet shall not cost the whole timeout. The first
// answer counts, from whichever try.
const patience = 1500 * time.Millisecond

// A Client asks DNS servers over the network. It sends EDNS0 with a size of
// 1232 octets and DO; goes to TCP for truncated answers; does without EDNS where
// a server knows none; asks another server (or the only one again) after silence,
// SERVFAIL, REFUSED or nonsense; ignores packets that do not fit what was asked;
// and follows CNAMEs, up to eight, by further questions where an answer stops short.
//
// An answer that a filtering resolver says it made up (RFC 8914, 4.5 and 4.16 to
// 4.18) is no answer, but Refused.
//
// A server asked itself (Question.At) is asked on port 53, over UDP and TCP. It
// must have AA set, else it is Lame. A CNAME it gives is followed as far as its
// own answer goes; Answer.Exists is true of a name beyond.
type Client struct {
	opts    Options
	servers []*endpoint
	turn    atomic.Uint32

	mu sync.Mutex
	at map[Server]*endpoint
	wg sync.WaitGroup

	closed atomic.Bool
}

// NewClient returns a client; Close it in the end. Without servers it answers
// only questions that name their own.
func NewClient(o Options) *Client {
	c := &Client{opts: o.withDefaults(), at: map[Server]*endpoint{}}
	for _, s := range o.Servers {
		c.servers = append(c.servers, newEndpoint(s, c.opts, &c.wg))
	}
	return c
}

// Close ends all questions and connections and waits until they are gone.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed.Store(true)
	for _, e := range c.at {
		e.close()
	}
	c.mu.Unlock()
	for _, e := range c.servers {
		e.close()
	}
	c.wg.Wait()
	return nil
}

// Resolve asks q.
func (c *Client) Resolve(ctx context.Context, q Question) (Answer, error) {
	q, fault := prepared(ctx, q)
	if fault != nil {
		return Answer{}, fault
	}
	deadline := time.Now().Add(c.opts.Timeout * time.Duration(c.opts.Attempts))
	path := newTrail(q)
	for {
		servers, err := c.order(q)
		if err != nil {
			return Answer{}, &Error{Question: q, Kind: Unreachable, Err: err}
		}
		r, by, fault := c.ask(ctx, deadline, servers, Question{Name: path.name, Type: q.Type, At: q.At})
		if fault != nil {
			if fault.Kind == ServFail && q.At == "" && c.loops(ctx, deadline, servers, path) {
				fault = &Error{Kind: Chain, Server: fault.Server}
			}
			if err := ctx.Err(); err != nil {
				return Answer{}, canceled(q, err)
			}
			if c.closed.Load() {
				return Answer{}, canceled(q, net.ErrClosed)
			}
			fault.Question = q
			return Answer{}, fault
		}
		more, fault := path.walk(r)
		if fault != nil {
			fault.Server = by.String()
			return Answer{}, fault
		}
		if !more {
			path.ans.Server = by.String()
			return path.ans, nil
		}
	}
}

// loops reports whether a CNAME loop is why a resolver said SERVFAIL, as most
// do then (RFC 1034, 3.6.2 leaves it to them): a question for the CNAME itself
// is one they answer.
func (c *Client) loops(ctx context.Context, deadline time.Time, servers []*endpoint, path *trail) bool {
	if path.ans.Question.Type == "CNAME" {
		return false
	}
	links := newTrail(Question{Name: path.ans.Question.Name, Type: path.ans.Question.Type})
	links.ans.Chain = slices.Clone(path.ans.Chain)
	for name := path.name; ; {
		r, _, fault := c.race(ctx, deadline, &race{q: Question{Name: name, Type: "CNAME"}, servers: servers, most: 1, enough: 1})
		if fault != nil {
			return false
		}
		before := len(links.ans.Chain)
		links.name = name
		if _, fault := links.walk(r); fault != nil {
			return fault.Kind == Chain
		}
		if len(links.ans.Chain) == before {
			return false
		}
		name = links.ans.Chain[len(links.ans.Chain)-1].Data
	}
}

// order returns the servers for q in the order to ask them: those that were
// silent a moment ago last.
func (c *Client) order(q Question) ([]*endpoint, error) {
	if q.At != "" {
		e, err := c.asked(q.At)
		return []*endpoint{e}, err
	}
	if c.closed.Load() {
		return nil, net.ErrClosed
	}
	n := len(c.servers)
	if n <= 1 {
		return c.servers, nil
	}
	first := 0
	if c.opts.Rotate {
		first = int(c.turn.Add(1)-1) % n
	}
	list, late := make([]*endpoint, 0, n), []*endpoint(nil)
	for i := range n {
		e := c.servers[(first+i)%n]
		if e.suspected() {
			late = append(late, e)
		} else {
			list = append(list, e)
		}
	}
	return append(list, late...), nil
}

// asked returns the endpoint of a server that is asked itself.
func (c *Client) asked(at string) (*endpoint, error) {
	addr, err := netip.ParseAddr(at)
	if err != nil {
		return nil, err
	}
	return c.reach(Server{Network: "udp", Host: addr.Unmap().String(), Port: 53})
}

// reach returns the endpoint of a server that stays in use for a while.
func (c *Client) reach(s Server) (*endpoint, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return nil, net.ErrClosed
	}
	now := time.Now().UnixNano()
	e := c.at[s]
	if e == nil {
		if len(c.at) >= maxAsked {
			c.dropAsked(now)
		}
		e = newEndpoint(s, c.opts, &c.wg)
		c.at[s] = e
	}
	e.used.Store(now)
	return e, nil
}

// dropAsked drops the servers that no question can be at any more.
func (c *Client) dropAsked(now int64) {
	longest := int64(c.opts.Timeout) * int64(c.opts.Attempts) * (maxChain + 1)
	for s, e := range c.at {
		if now-e.used.Load() > longest && !e.busy() {
			e.close()
			delete(c.at, s)
		}
	}
}
