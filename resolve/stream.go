package resolve

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// streamIdle is how long a connection lives; a server may well close it before
// (RFC 7766, 6.2.3).
const streamIdle = 15 * time.Second

// A streamPool is the one TCP or TLS connection to a server, over which all
// questions go without waiting for each other's answers (RFC 7766, 6.2.1.1).
type streamPool struct {
	dial    func(context.Context) (net.Conn, error)
	timeout time.Duration // of dialling

	mu   sync.Mutex
	cur  *stream
	done bool
	ctx  context.Context // of dialling: the pool's
	stop context.CancelFunc
	wg   *sync.WaitGroup
}

// A stream is a connection that is being opened, or open.
type stream struct {
	ready chan struct{} // closed when p or err is set
	p     *pending
	err   error
	write sync.Mutex
}

func newStreamPool(timeout time.Duration, wg *sync.WaitGroup, dial func(context.Context) (net.Conn, error)) *streamPool {
	ctx, stop := context.WithCancel(context.Background())
	return &streamPool{dial: dial, timeout: timeout, ctx: ctx, stop: stop, wg: wg}
}

// ask sends a question and returns the answer's message. Where the shared
// connection breaks, the question is asked once more on one of its own: the
// server may have closed just then, or not like several questions at once.
func (t *streamPool) ask(ctx context.Context, q query) ([]byte, error) {
	s, err := t.shared()
	if err != nil {
		return nil, err
	}
	msg, sent, err := s.ask(ctx, q)
	if err == nil || !sent || ctx.Err() != nil {
		return msg, err
	}
	if s, err = t.open(); err != nil {
		return nil, err
	}
	msg, _, err = s.ask(ctx, q)
	select {
	case <-s.ready:
		if s.p != nil {
			s.p.retire()
		}
	default:
	}
	return msg, err
}

// shared returns the connection in use, or a new one.
func (t *streamPool) shared() (*stream, error) {
	t.mu.Lock()
	s := t.cur
	t.mu.Unlock()
	if s != nil && s.usable() {
		return s, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cur != s {
		return t.cur, nil // somebody else was faster
	}
	s, err := t.start()
	t.cur = s
	return s, err
}

func (t *streamPool) open() (*stream, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.start()
}

// start dials for itself, not for the one caller that came first. The lock is held.
func (t *streamPool) start() (*stream, error) {
	if t.done {
		return nil, net.ErrClosed
	}
	s := &stream{ready: make(chan struct{})}
	t.wg.Go(func() { t.run(s) })
	return s, nil
}

// run opens the connection and hands out answers until it is closed.
func (t *streamPool) run(s *stream) {
	ctx, cancel := context.WithTimeout(t.ctx, t.timeout)
	conn, err := t.dial(ctx)
	cancel()
	if err != nil {
		s.err = err
		close(s.ready)
		return
	}
	s.p = newPending(conn, streamIdle)
	close(s.ready)
	stop := context.AfterFunc(t.ctx, func() { s.p.fail(net.ErrClosed) })
	defer stop()
	r := bufio.NewReader(conn)
	for {
		msg, err := readFrame(r)
		if err != nil {
			s.p.fail(err)
			return
		}
		s.p.deliver(msg)
	}
}

// readFrame reads a message and the two octets of length before it (RFC 1035, 4.2.2).
func readFrame(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, msg)
	return msg, err
}

// usable reports whether the connection takes questions or may do so soon.
func (s *stream) usable() bool {
	select {
	case <-s.ready:
		if s.err != nil {
			return false
		}
		waiting, _, open := s.p.load()
		return open && waiting < maxPending
	default:
		return true
	}
}

// ask sends a question; sent is false where no connection came about at all.
func (s *stream) ask(ctx context.Context, q query) (msg []byte, sent bool, err error) {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	if s.err != nil {
		return nil, false, s.err
	}
	id, w, err := s.p.add(q)
	if err != nil {
		return nil, true, err
	}
	// Length and message in one write (RFC 7766, 8).
	frame := make([]byte, 2+len(q.wire))
	binary.BigEndian.PutUint16(frame, uint16(len(q.wire)))
	copy(frame[2:], q.wire)
	binary.BigEndian.PutUint16(frame[2:], id)
	if err := s.send(ctx, frame); err != nil {
		s.p.fail(err)
		return nil, true, err
	}
	select {
	case msg, ok := <-w.reply:
		if !ok {
			return nil, true, s.p.cause()
		}
		return msg, true, nil
	case <-ctx.Done():
		s.p.forget(id)
		return nil, true, ctx.Err()
	}
}

func (s *stream) send(ctx context.Context, frame []byte) error {
	s.write.Lock()
	defer s.write.Unlock()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(defaultTimeout)
	}
	s.p.conn.SetWriteDeadline(deadline)
	_, err := s.p.conn.Write(frame)
	return err
}

func (t *streamPool) close() {
	t.mu.Lock()
	t.done = true
	t.mu.Unlock()
	t.stop()
}

// busy reports whether questions wait or a connection is being opened.
func (t *streamPool) busy() bool {
	t.mu.Lock()
	s := t.cur
	t.mu.Unlock()
	if s == nil {
		return false
	}
	select {
	case <-s.ready:
		if s.err != nil {
			return false
		}
		waiting, _, _ := s.p.load()
		return waiting > 0
	default:
		return true
	}
}
