package deliver

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/probe"
)

const (
	poolMessages = 50              // in one conversation
	poolIdle     = 5 * time.Second // that a conversation is kept without a message
	poolSize     = 100             // conversations that are kept
)

// A Pool keeps conversations after a message was delivered in them, for a few seconds
// and a few messages, so that the next one for the same host need not connect, greet
// and shake hands again. A message goes on with one only if it would have led its own
// with the same address by the same policy; before that RSET shows that the host is
// still there, and that its answers are in step. Whatever is odd ends the conversation,
// and the message has one of its own. The zero value is empty and ready; it is safe
// for concurrent use.
type Pool struct {
	mu     sync.Mutex
	idle   map[place][]*kept
	n      int
	closed bool
}

// A place is all that conversations have to have in common.
type place struct {
	to        client.Target
	helo      string
	via, user string // the relay
	name      string // that was asked for in SNI
	source    Source
	least     Level // of TLS
}

// A kept is a conversation nobody has just now.
type kept struct {
	conn   *client.Conn
	served int // messages so far
	timer  *time.Timer
}

// take is a conversation to go on with; nil: there is none.
func (p *Pool) take(at place) *kept {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[at]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1] // the one that was used last
	p.drop(at, c)
	return c
}

// drop removes a conversation; who does so has it.
func (p *Pool) drop(at place, c *kept) bool {
	i := slices.Index(p.idle[at], c)
	if i < 0 {
		return false
	}
	c.timer.Stop()
	p.n--
	if p.idle[at] = slices.Delete(p.idle[at], i, i+1); len(p.idle[at]) == 0 {
		delete(p.idle, at)
	}
	return true
}

// give keeps a conversation, unless there are enough.
func (p *Pool) give(at place, c *kept) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.n >= poolSize {
		return false
	}
	if p.idle == nil {
		p.idle = make(map[place][]*kept)
	}
	p.idle[at] = append(p.idle[at], c)
	p.n++
	c.timer = time.AfterFunc(poolIdle, func() {
		p.mu.Lock()
		mine := p.drop(at, c)
		p.mu.Unlock()
		if mine {
			c.conn.Close()
		}
	})
	return true
}

// Close takes leave in all conversations, and keeps none from now on.
func (p *Pool) Close() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.closed = true
	var all []*kept
	for at, list := range p.idle {
		for _, c := range slices.Clone(list) {
			p.drop(at, c)
			all = append(all, c)
		}
	}
	p.mu.Unlock()
	var leaving sync.WaitGroup
	for _, c := range all {
		leaving.Go(c.conn.Close)
	}
	leaving.Wait()
}

func (a *attempt) placeOf(h Host, addr netip.Addr, p Policy, relay *Relay) place {
	at := place{to: a.target(h, addr, relay), helo: a.Client.Name, via: a.via, name: p.name, source: p.Source, least: p.Least}
	if relay != nil {
		at.user = relay.User
	}
	return at
}

// leave ends a conversation that has had so many messages before this one, or keeps
// it, and takes it down. Once it is kept it may be somebody else's.
func (a *attempt) leave(k *client.Conn, at place, p Policy, before int, keep bool) {
	took := k.Session()
	keep = keep && a.Pool != nil && before+1 < poolMessages && k.Keep() && a.Pool.give(at, &kept{conn: k, served: before + 1})
	if !keep {
		k.Close()
		took = k.Session()
	}
	a.report.Sessions = append(a.report.Sessions, Session{Session: took, Policy: p, Via: a.via, Before: before})
}

// goOn sends the message in a conversation that was kept, and reports whether it
// did. Else nobody has a result of it.
func (a *attempt) goOn(h Host, addr netip.Addr, p Policy, relay *Relay) bool {
	at := a.placeOf(h, addr, p, relay)
	for c := a.Pool.take(at); c != nil; c = a.Pool.take(at) {
		k := c.conn
		if k.Resume(a.ctx) != nil || !a.suits(k, h, p) {
			k.Close()
			continue
		}
		answers := a.send(k)
		if odd(k, answers) {
			k.Close()
			continue
		}
		a.sessions++
		a.leave(k, at, p, c.served, a.transact(k, h, addr, answers))
		return true
	}
	return false
}

// suits reports whether what is known of a conversation is enough for the message.
// Where it is not, one of its own says why.
func (a *attempt) suits(k *client.Conn, h Host, p Policy) bool {
	shown := k.Session().TLS
	if shown == nil {
		return p.Least == Clear && a.offered(k, h) == nil
	}
	fault, _ := p.judge(shown, a.now())
	return fault == "" && a.offered(k, h) == nil
}

// odd reports whether what came of a message may be due to the messages before it:
// MAIL was refused, or the host hung up before the message was sent.
func odd(k *client.Conn, answers []client.Answer) bool {
	if slices.ContainsFunc(answers, func(n client.Answer) bool { return n.Err == nil || n.Maybe || n.Stage == probe.StageMessage }) {
		return false
	}
	return !k.Open() || slices.ContainsFunc(answers, func(n client.Answer) bool { return n.Stage == probe.StageMail })
}
