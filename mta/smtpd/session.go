package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// session is one dialogue.
type session struct {
	wire
	srv     *Server
	raw     net.Conn // under TLS
	seen    Session
	end     time.Time // of the session at the latest
	bad     int       // commands
	refused int       // recipients
	logins  int       // failed
	tx      *transaction
	ctx     context.Context // ends with the session
}

func newSession(srv *Server, conn net.Conn, port Port, remote netip.AddrPort) *session {
	now := time.Now()
	s := &session{srv: srv, raw: conn, end: now.Add(srv.limits.Session)}
	s.conn = conn
	s.seen = Session{Started: now, Local: addrPort(conn.LocalAddr()), Remote: remote, Port: port, TLS: TLS{Offered: srv.c.TLS != nil && srv.c.TLS() != nil}}
	return s
}

// Limits of a line, with its CRLF.
const (
	// maxLine is four times that of RFC 5321, 4.5.3.1.4, for extensions add to it.
	maxLine = 2048
	maxAuth = 12288 // RFC 4954, 4
)

// run leads the dialogue to its end.
func (s *session) run() {
	ctx, cancel := context.WithDeadline(s.srv.base, s.end.Add(time.Minute)) // what was asked may still be answered
	s.ctx = ctx
	defer cancel()
	defer s.close()
	defer func() {
		if p := recover(); p != nil { // one session is not to take down the others
			s.srv.log.Error("session panicked", "client", s.seen.Remote, "panic", p, "stack", string(debug.Stack()))
			s.lastReply(replyInternal)
		}
	}()
	if err := s.talk(); err != nil {
		s.hangUp(err)
	}
}

// errOver ends the dialogue; what there is to say has been said.
var errOver = errors.New("the dialogue is over")

func (s *session) talk() error {
	if s.seen.Port == Submissions {
		if err := s.handshake(); err != nil {
			return errOver
		}
	}
	if err := s.listenEarly(); err != nil {
		return err
	}
	s.reply(&Reply{220, "", s.srv.c.Hostname + " ESMTP"})
	for {
		if err := s.command(); err != nil {
			return err
		}
	}
}

// listenEarly notes who speaks before the greeting. Submission is for programs of
// people, which need not wait for this.
func (s *session) listenEarly() error {
	wait := s.srv.c.GreetAfter
	if wait == 0 {
		wait = time.Millisecond // who talks early talks at once: with, or right behind, the last step of the handshake
	}
	if s.seen.Port != MX || wait < 0 {
		return nil
	}
	err := s.fill(time.Now().Add(wait))
	if s.buffered() > 0 {
		s.note(EarlyTalk, 1, string(s.buf[s.r:s.w]))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// commandDeadline is until when a command has to come.
func (s *session) commandDeadline() time.Time {
	return earlier(time.Now().Add(s.srv.limits.Command), s.end)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// awaitCommand reads a line; between transactions the server may stop meanwhile.
func (s *session) awaitCommand() ([]byte, error) {
	s.between(s.tx == nil)
	defer s.between(false)
	if s.isHurried() {
		return nil, errHurried
	}
	return s.readLine(maxLine, s.commandDeadline())
}

// command takes one command and answers it.
func (s *session) command() error {
	line, err := s.awaitCommand()
	control := bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f })
	switch {
	case isBDAT(line) && (control || errors.Is(err, errLineTooLong)):
		return s.outOfStep(string(line)) // where its chunk ends is not known
	case errors.Is(err, errBareEnding):
		s.note(CommandBareLF, 1, string(line))
		if !s.srv.c.KeepBare {
			// What follows may be a command that somebody slipped into an address.
			s.reply(replyBareEnding)
			return s.over(replyOutOfStep)
		}
	case errors.Is(err, errLineTooLong):
		return s.isBad(replyLineTooLong, BadCommand, string(line))
	case err != nil:
		return err
	}
	verb, arg, _ := strings.Cut(string(line), " ")
	verb = strings.ToUpper(verb)
	if strings.HasSuffix(arg, " ") {
		arg = strings.TrimRight(arg, " ") // RFC 5321, 4.1.1: tolerate trailing space
	}
	s.notePipelining(verb)
	if control {
		return s.isBad(replyControl, BadCommand, string(line))
	}
	return s.dispatch(verb, arg)
}

func isBDAT(line []byte) bool {
	return len(line) >= 4 && bytes.EqualFold(line[:4], []byte("BDAT"))
}

// outOfStep ends a dialogue in which text of a message would be read as commands.
func (s *session) outOfStep(detail string) error {
	s.note(BadCommand, 1, detail)
	return s.over(replyOutOfStep)
}

func (s *session) dispatch(verb, arg string) error {
	switch verb {
	case "EHLO", "HELO":
		return s.greet(verb == "EHLO", arg)
	case "STARTTLS":
		return s.startTLS(arg)
	case "AUTH":
		return s.auth(arg)
	case "MAIL":
		return s.mail(arg)
	case "RCPT":
		return s.rcpt(arg)
	case "DATA":
		return s.data(arg)
	case "BDAT":
		return s.bdat(arg)
	case "RSET":
		if arg != "" {
			return s.isBad(replyNoArgument, BadCommand, verb)
		}
		s.reset()
		s.reply(replyOK)
	case "NOOP":
		s.reply(replyOK)
	case "VRFY":
		s.reply(replyVerify) // RFC 5321, 7.3
	case "HELP":
		s.reply(replyHelp)
	case "QUIT":
		return s.over(replyBye)
	case "EXPN", "TURN", "ETRN", "SEND", "SOML", "SAML", "ATRN":
		return s.isBad(replyNotHere, BadCommand, verb)
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "HOST:", "USER-AGENT:":
		// A browser that was sent here: what follows is somebody else's text.
		s.note(BadCommand, 1, verb)
		return s.over(replyHTTP)
	default:
		return s.isBad(replyUnknown, BadCommand, verb)
	}
	return nil
}

// notePipelining notes text that came behind a command that ends a group
// (RFC 2920, 3.1), or behind any for a client that was not offered PIPELINING.
func (s *session) notePipelining(verb string) {
	if s.buffered() == 0 {
		return
	}
	switch verb {
	case "BDAT": // its chunk follows
		return
	case "MAIL", "RCPT", "RSET", "NOOP": // NOOP ends a group; nothing breaks if it does not
		if s.seen.Extended {
			return
		}
	case "STARTTLS": // has a note of its own
		return
	}
	s.note(Pipelined, 1, verb)
}

// isBad answers a command that was wrong, and ends the session at one too many.
func (s *session) isBad(r *Reply, kind NoteKind, detail string) error {
	s.note(kind, 1, detail)
	s.reply(r)
	if s.bad++; s.bad >= s.srv.limits.BadCommands {
		return s.over(replyTooManyBad)
	}
	return nil
}

func (s *session) note(kind NoteKind, n int, detail string) { s.seen.note(kind, n, 0, detail) }

// reset ends the transaction.
func (s *session) reset() {
	if s.tx != nil {
		s.tx.held.close()
		s.tx = nil
	}
}

// over ends the dialogue with a last reply.
func (s *session) over(r *Reply) error {
	s.lastReply(r)
	return errOver
}

// lastReply sends r if the client takes it at once.
func (s *session) lastReply(r *Reply) {
	s.reply(r)
	_ = s.flush(time.Now().Add(5 * time.Second))
}

// hangUp ends the dialogue for a reason that the client has not heard.
func (s *session) hangUp(err error) {
	switch {
	case errors.Is(err, errOver):
	case errors.Is(err, errHurried):
		s.lastReply(replyStopping) // RFC 5321, 3.8
	case errors.Is(err, errSlow):
		s.note(TimedOut, 1, "in a message")
		s.lastReply(replySlow)
	case errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(s.end):
		s.note(TimedOut, 1, "at the end of the session")
		s.lastReply(replySessionEnd)
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.note(TimedOut, 1, "waiting for a command")
		s.lastReply(replyIdle)
	default: // also io.EOF: no QUIT
		detail := ""
		if !errors.Is(err, io.EOF) {
			detail = err.Error()
		}
		s.note(Vanished, 1, detail)
	}
}

// close ends the session.
func (s *session) close() {
	s.reset()
	if t, ok := s.conn.(*tls.Conn); ok {
		_ = t.CloseWrite() // close_notify; waits 5 s at most
	}
	_ = s.raw.Close()
	s.srv.log.Info("session ended", "client", s.seen.Remote, "helo", s.seen.HELO, "user", s.seen.User,
		"tls", s.seen.TLS.Version, "accepted", s.seen.Accepted, "messages", s.seen.Messages, "notes", len(s.seen.Noted))
	if s.srv.c.Ended != nil {
		s.srv.c.Ended(s.seen.copied())
	}
}
