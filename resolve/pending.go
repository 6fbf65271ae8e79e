package resolve

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// maxPending is how many questions wait on one connection at most; it leaves
// IDs hard to guess (RFC 5452, 4.3).
const maxPending = 1 << 12

var (
	errClosed = errors.New("the connection was closed")
	errBusy   = errors.New("too many questions wait on one connection")
)

// pending is the questions that wait for their answers on one connection, by
// ID. An answer that fits none of them is dropped: it may be forged, or late.
type pending struct {
	mu      sync.Mutex
	waiters map[uint16]*waiter
	asked   int   // questions ever
	retired bool  // takes no further question
	err     error // why the connection is gone
	idle    *time.Timer
	conn    net.Conn
}

type waiter struct {
	q     query
	reply chan []byte // closed without a message when the connection is gone
}

// newPending owns conn: it is closed when the questions fail, or idle for the
// time given, or retired and the last question is done.
func newPending(conn net.Conn, idle time.Duration) *pending {
	p := &pending{conn: conn, waiters: map[uint16]*waiter{}}
	p.idle = time.AfterFunc(idle, p.retire)
	return p
}

// add takes in a question under a fresh ID that cannot be guessed.
func (p *pending) add(q query) (uint16, *waiter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err != nil:
		return 0, nil, p.err
	case p.retired:
		return 0, nil, errClosed
	case len(p.waiters) >= maxPending:
		return 0, nil, errBusy
	}
	id := uint16(rand.Uint32()) // ChaCha8 seeded by the system
	for p.waiters[id] != nil {
		id = uint16(rand.Uint32())
	}
	w := &waiter{q: q, reply: make(chan []byte, 1)}
	p.waiters[id] = w
	p.asked++
	return id, w, nil
}

// deliver hands a message to the question it answers, and reports whether
// there is one.
func (p *pending) deliver(msg []byte) bool {
	if len(msg) < headerLen {
		return false
	}
	id := binary.BigEndian.Uint16(msg)
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.waiters[id]
	if w == nil || !w.q.answeredBy(msg) {
		return false
	}
	w.reply <- append([]byte(nil), msg...)
	delete(p.waiters, id)
	p.closeIfDone()
	return true
}

// forget gives up a question.
func (p *pending) forget(id uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiters, id)
	p.closeIfDone()
}

// retire lets the questions that wait come to their end, and takes no other.
func (p *pending) retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
	p.closeIfDone()
}

func (p *pending) closeIfDone() {
	if p.retired && len(p.waiters) == 0 {
		p.shut(errClosed)
	}
}

// fail ends all questions and closes the connection.
func (p *pending) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = true
	p.shut(err)
}

func (p *pending) shut(err error) {
	if p.err != nil {
		return
	}
	p.err = err
	p.idle.Stop()
	p.conn.Close()
	for id, w := range p.waiters {
		close(w.reply)
		delete(p.waiters, id)
	}
}

// load is how many questions wait, how many there ever were, and whether
// further ones are taken.
func (p *pending) load() (waiting, asked int, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiters), p.asked, !p.retired
}

// cause is why the connection is gone.
func (p *pending) cause() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return errClosed
	}
	return p.err
}
