package smtpd

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A wire is a connection: lines and octets come in, replies go out. It waits for
// the client no longer than it is told to.
type wire struct {
	conn net.Conn
	buf  [8192]byte
	r, w int    // what is in buf and not yet read
	line []byte // see readLine
	out  []byte // replies that are not yet sent

	mu      sync.Mutex
	waiting bool // for a command, between transactions
	hurried bool // do not wait there
}

// Errors of a line; the line has been read to its end.
var (
	errLineTooLong = errors.New("line too long")
	errBareEnding  = errors.New("bare CR or LF")
	errHurried     = errors.New("the server is stopping")
)

// use goes on over another connection.
func (w *wire) use(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
}

// reply sends r with the next flush.
func (w *wire) reply(r *Reply) { w.out = r.append(w.out) }

// flush sends the replies, before the deadline.
func (w *wire) flush(deadline time.Time) error {
	if len(w.out) == 0 {
		return nil
	}
	if err := w.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err := w.conn.Write(w.out)
	if w.out = w.out[:0]; cap(w.out) > 4096 {
		w.out = nil
	}
	return err
}

// buffered reports how many octets have come and are not yet read.
func (w *wire) buffered() int { return w.w - w.r }

// drop forgets what has come, and says what it was.
func (w *wire) drop() string {
	s := string(w.buf[w.r:w.w])
	w.r, w.w = 0, 0
	return s
}

// more waits for octets if none are buffered: replies go out first, for the client
// may wait for them (RFC 2920, 3.2).
func (w *wire) more(deadline time.Time) error {
	if w.r < w.w {
		return nil
	}
	if err := w.flush(deadline); err != nil {
		return err
	}
	return w.fill(deadline)
}

func (w *wire) fill(deadline time.Time) error {
	if w.r == w.w {
		w.r, w.w = 0, 0
	}
	if err := w.await(deadline); err != nil {
		return err
	}
	n, err := w.conn.Read(w.buf[w.w:])
	w.w += n
	if n > 0 {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && w.isHurried() {
		return errHurried
	}
	return err
}

// await sets the deadline of the next read, which hurry may shorten.
func (w *wire) await(deadline time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting && w.hurried {
		return errHurried
	}
	return w.conn.SetReadDeadline(deadline)
}

// hurry ends the waiting for a command between transactions, now and from now on.
func (w *wire) hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hurried = true
	if w.waiting {
		_ = w.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (w *wire) isHurried() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting && w.hurried
}

// between tells whether the next wait is between transactions.
func (w *wire) between(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = yes
}

// readLine reads to the next LF, and returns what stands before its CRLF; valid
// until the next call. Of a line of more than limit octets the rest is read and not
// kept. Errors: errLineTooLong and errBareEnding with the line, or of the connection.
func (w *wire) readLine(limit int, deadline time.Time) ([]byte, error) {
	if w.line = w.line[:0]; cap(w.line) > 4096 {
		w.line = nil
	}
	tooLong := false
	for {
		if err := w.more(deadline); err != nil {
			return nil, err
		}
		got := w.buf[w.r:w.w]
		end := bytes.IndexByte(got, '\n')
		if end >= 0 {
			got = got[:end+1]
		}
		w.r += len(got)
		tooLong = tooLong || len(w.line)+len(got) > limit
		w.line = append(w.line, got[:min(len(got), limit-len(w.line))]...)
		if end >= 0 {
			break
		}
	}
	if tooLong {
		return w.line, errLineTooLong
	}
	line, ok := bytes.CutSuffix(w.line, []byte("\r\n"))
	if !ok {
		return bytes.TrimSuffix(w.line, []byte("\n")), errBareEnding
	}
	if bytes.IndexByte(line, '\r') >= 0 {
		return line, errBareEnding
	}
	return line, nil
}
