package resolve

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Limits of UDP sockets. Many questions share few sockets, since opening a
// socket for each costs several times the CPU of asking. Sockets are replaced
// soon, so that their ports, which the system picks at random, stay hard to guess
// (RFC 5452, 9.2).
const (
	udpSockets   = 4    // per server
	udpQuestions = 256  // per socket
	udpBuffer    = 4096 // octets; a larger datagram counts as truncated
	udpLife      = 15 * time.Second
)

// A udpPool is the sockets of one server.
type udpPool struct {
	dial  func(context.Context) (net.Conn, error)
	mu    sync.Mutex
	socks []*pending
	done  bool
	wg    *sync.WaitGroup
}

// ask sends a question and returns the answer's message.
func (u *udpPool) ask(ctx context.Context, q query) ([]byte, error) {
	for try := 0; ; try++ {
		s, err := u.socket(ctx)
		if err != nil {
			return nil, err
		}
		id, w, err := s.add(q)
		if err != nil && try < 3 {
			continue // retired between the two calls
		}
		if err != nil {
			return nil, err
		}
		binary.BigEndian.PutUint16(q.wire, id)
		if _, err := s.conn.Write(q.wire); err != nil {
			s.fail(err)
			return nil, err
		}
		select {
		case msg, ok := <-w.reply:
			if !ok {
				return nil, s.cause()
			}
			return msg, nil
		case <-ctx.Done():
			s.forget(id)
			return nil, ctx.Err()
		}
	}
}

// socket returns an idle socket, a new one while there may be more, or any.
func (u *udpPool) socket(ctx context.Context) (*pending, error) {
	u.mu.Lock()
	if u.done {
		u.mu.Unlock()
		return nil, net.ErrClosed
	}
	open := u.socks[:0]
	var idle *pending
	for _, s := range u.socks {
		waiting, asked, ok := s.load()
		if ok && asked >= udpQuestions {
			s.retire()
			ok = false
		}
		if !ok {
			continue
		}
		open = append(open, s)
		if waiting == 0 {
			idle = s
		}
	}
	clear(u.socks[len(open):])
	u.socks = open
	if idle == nil && len(open) >= udpSockets {
		idle = open[rand.IntN(len(open))]
	}
	u.mu.Unlock()
	if idle != nil {
		return idle, nil
	}
	return u.open(ctx)
}

func (u *udpPool) open(ctx context.Context) (*pending, error) {
	conn, err := u.dial(ctx)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done {
		conn.Close()
		return nil, net.ErrClosed
	}
	s := newPending(conn, udpLife)
	u.socks = append(u.socks, s)
	u.wg.Go(func() { readDatagrams(s) })
	return s, nil
}

// readDatagrams hands out answers until the socket is closed.
func readDatagrams(s *pending) {
	buf := make([]byte, udpBuffer)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			s.fail(err)
			return
		}
		if n == len(buf) {
			buf[2] |= 0x02 // TC: the rest did not fit
		}
		s.deliver(buf[:n])
	}
}

func (u *udpPool) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done = true
	for _, s := range u.socks {
		s.fail(net.ErrClosed)
	}
}

// busy reports whether questions wait.
func (u *udpPool) busy() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.socks {
		if waiting, _, _ := s.load(); waiting > 0 {
			return true
		}
	}
	return false
}
