package rfc2136

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// patience is how long an answer may take.
const patience = 20 * time.Second

// A server is whom messages are sent to, over TCP: an update may be lost over UDP
// without anybody knowing, and answers do not fit.
type server struct {
	address string // host:port
	key     *Key
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	now     func() time.Time
}

// A conversation is one connection to a server. It ends with the context it was
// opened with.
type conversation struct {
	server
	conn net.Conn
	in   *bufio.Reader
	stop func() bool
	ctx  context.Context
}

// open connects.
func (s server) open(ctx context.Context) (*conversation, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := s.dial(limited, "tcp", s.address)
	if err != nil {
		return nil, fmt.Errorf("no connection to %s over TCP: %w", s.address, inWords(ctx, err))
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	return &conversation{s, conn, bufio.NewReader(conn), stop, ctx}, nil
}

func (c *conversation) close() {
	c.stop()
	c.conn.Close()
}

// send sends a message, signed where there is a key.
func (c *conversation) send(m *dns.Msg) (*signing, error) {
	frame, signing, err := c.frame(m)
	if err != nil {
		return nil, err
	}
	return signing, c.write(frame)
}

// frame is a message as it goes over TCP, the length before it (RFC 1035, 4.2.2).
func (c *conversation) frame(m *dns.Msg) ([]byte, *signing, error) {
	s := &signing{key: c.key, now: c.now}
	wire, err := s.sign(m)
	if err == nil && len(wire) > dns.MaxMsgSize {
		err = errTooLarge
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...), s, err
}

// write sends whole messages with their lengths at once (RFC 7766, 8).
func (c *conversation) write(frames []byte) error {
	c.await(patience)
	_, err := c.conn.Write(frames)
	return inWords(c.ctx, err)
}

// await gives the other side time, but for what the context says.
func (c *conversation) await(d time.Duration) {
	c.conn.SetDeadline(time.Now().Add(d))
	if c.ctx.Err() != nil {
		c.conn.SetDeadline(time.Unix(1, 0))
	}
}

var (
	errTooLarge = fmt.Errorf("a message has %d octets at most", dns.MaxMsgSize)
	errNoAnswer = errors.New("the answer is none to the question")
	errSlow     = fmt.Errorf("no answer within %v", patience)
	errClosed   = errors.New("the server closed the connection without an answer")
)

// read reads a message.
func (c *conversation) read() (wire []byte, m *dns.Msg, err error) {
	c.await(patience)
	var length [2]byte
	if _, err := io.ReadFull(c.in, length[:]); err != nil {
		return nil, nil, inWords(c.ctx, err)
	}
	wire = make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c.in, wire); err != nil {
		return nil, nil, inWords(c.ctx, err)
	}
	m = new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return nil, nil, errors.New("the server's answer is malformed")
	}
	return wire, m, nil
}

// answers reports whether a is an answer to q. In an answer to an update and in
// later messages of a transfer the question may be left out (RFC 2136, 3.8; RFC 5936, 2.2.2).
func answers(a, q *dns.Msg) bool {
	if !a.Response || a.Id != q.Id || a.Opcode != q.Opcode || len(a.Question) > 1 {
		return false
	}
	return len(a.Question) == 0 ||
		strings.EqualFold(a.Question[0].Name, q.Question[0].Name) && a.Question[0].Qtype == q.Question[0].Qtype && a.Question[0].Qclass == q.Question[0].Qclass
}

// A sentError tells that a message was sent, wholly or in part, and what came of
// it is not known.
type sentError struct{ err error }

func (e *sentError) Error() string { return e.err.Error() }
func (e *sentError) Unwrap() error { return e.err }

// exchange sends one message and returns the answer, over a connection of its own.
// An answer that is not authentic is an error, too.
func (s server) exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	frame, signing, err := c.frame(q)
	if err != nil {
		return nil, err
	}
	if err := c.write(frame); err != nil {
		return nil, &sentError{err}
	}
	wire, a, err := c.read()
	switch {
	case err != nil:
		return nil, &sentError{err}
	case !answers(a, q):
		return nil, &sentError{errNoAnswer}
	}
	return a, signing.check(wire, a)
}

// check is verify with the answer's own code in the error.
func (s *signing) check(wire []byte, a *dns.Msg) error {
	err := s.verify(wire, a)
	var fake *authenticityError
	if errors.As(err, &fake) && a.Rcode != dns.RcodeSuccess {
		return &unbelievedError{fake, a.Rcode}
	}
	return err
}

// An unbelievedError is an answer that says no, without a signature that proves it.
type unbelievedError struct {
	*authenticityError
	code int
}

func (e *unbelievedError) Error() string { return rcode(e.code) + " (" + e.why + ")" }
func (e *unbelievedError) Unwrap() error { return e.authenticityError }

// ask asks for types at names, several at a time over one connection (RFC 7766, 6.2.1.1).
// The answers are in the order of the questions. A server may hang up when it likes
// (RFC 7766, 6.2.3): then the others are asked again, fewer at a time where none was answered.
func (s server) ask(ctx context.Context, questions []dns.Question) ([]*dns.Msg, error) {
	answered := make([]*dns.Msg, len(questions))
	window := window
	for done := 0; done < len(questions); {
		n, err := s.askSome(ctx, questions[done:], answered[done:], window)
		done += n
		switch {
		case err == nil:
		case ctx.Err() != nil || !errors.As(err, new(*sentError)) || errors.Is(err, errSlow) || n == 0 && window == 1:
			return nil, err
		case n == 0:
			window /= 4
		}
	}
	return answered, nil
}

// window is how many questions wait for their answers at a time: few enough that
// neither side has to wait for the other to read.
const window = 16

// askSome asks the first questions until a connection ends; how many were answered
// is how many there are in front of the first that was not.
func (s server) askSome(ctx context.Context, questions []dns.Question, answered []*dns.Msg, window int) (int, error) {
	c, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	defer c.close()
	done := 0
	for done < len(questions) {
		some := questions[done:min(len(questions), done+window)]
		if err := c.askThese(some, answered[done:]); err != nil {
			for done < len(answered) && answered[done] != nil {
				done++
			}
			return done, err
		}
		done += len(some)
	}
	return done, nil
}

func (c *conversation) askThese(questions []dns.Question, answered []*dns.Msg) error {
	type waiting struct {
		i       int
		q       *dns.Msg
		signing *signing
	}
	asked := make(map[uint16]waiting, len(questions))
	var frames []byte
	for i, question := range questions {
		q := &dns.Msg{MsgHdr: dns.MsgHdr{Id: newID()}, Question: []dns.Question{question}} // RD=0: what this server has
		for _, again := asked[q.Id]; again; _, again = asked[q.Id] {
			q.Id++
		}
		frame, signing, err := c.frame(q)
		if err != nil {
			return err
		}
		frames = append(frames, frame...)
		asked[q.Id] = waiting{i, q, signing}
	}
	if err := c.write(frames); err != nil {
		return &sentError{err}
	}
	for len(asked) > 0 {
		wire, a, err := c.read()
		if err != nil {
			return &sentError{err}
		}
		w, ok := asked[a.Id]
		if !ok || !answers(a, w.q) {
			return errNoAnswer
		}
		delete(asked, a.Id)
		if err := w.signing.check(wire, a); err != nil {
			return err
		}
		answered[w.i] = a
	}
	return nil
}

// newID is the ID of a message: not to be guessed.
func newID() uint16 {
	var b [2]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:])
}

// inWords is what went wrong with a connection.
func inWords(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return errSlow
	}
	return err
}

// rcode is the name of a response code.
func rcode(code int) string {
	if name, ok := dns.RcodeToString[code]; ok {
		return name
	}
	return fmt.Sprintf("RCODE %d", code)
}
