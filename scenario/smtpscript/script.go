// Package smtpscript is a scripted mail server: one conversation over any
// net.Conn, told by a few lines of text. It speaks SMTP or, where the greeting
// is one of theirs, IMAP, POP3 or ManageSieve. Scenarios play it in process over
// net.Pipe, the lab serves it on a loopback socket.
//
// It is a stage prop for a client that examines servers. It accepts no mail,
// relays nothing, and is no SMTP server for anything else.
//
// # The script
//
// The first lines are the greeting as it is sent. After it may follow replies
// to single commands: the command alone on a line, then the lines of its reply.
//
//	220 mx.example.org ESMTP
//	EHLO
//	250-mx.example.org
//	250 STARTTLS
//	RCPT <nobody@example.org>
//	550 5.1.1 no such user
//
// A command is one of EHLO, HELO, STARTTLS, MAIL, RCPT, DATA, QUIT, RSET, NOOP,
// VRFY, EXPN, HELP, AUTH, or EHLO2 for the EHLO after STARTTLS, or MESSAGE for
// what is sent after DATA. RCPT and MAIL
// may name an address in angle brackets, which goes before the reply for any
// address. In every line that is sent, \xNN is an octet, \e is escape, \r, \n
// and \t are themselves and \\ is a backslash. Empty lines mean nothing.
//
// What a script does not say is as a well-behaved server has it: EHLO offers
// PIPELINING, SIZE, STARTTLS and 8BITMIME, STARTTLS leads to a certificate for
// the host that the client asks for (by SNI; else that of the greeting), MAIL and
// RCPT are 250, but RCPT of an address at example.com 554 as on no relay, VRFY
// is 252, EXPN 502, QUIT 221. DATA is 354 after a recipient; a message is refused
// with 550 as soon as a bare CR or LF is in it, else taken with 250 and forgotten
// (the reply to it is that to MESSAGE). A reply 421 ends the conversation (RFC 5321, 3.8); after a greeting of 5yz every
// command but QUIT is 503 (RFC 5321, 3.1).
//
// # For mail programs
//
// A greeting that begins with "* OK" is that of an IMAP server, one with "+OK"
// that of POP3, one of quoted capabilities and OK that of ManageSieve:
//
//   - OK IMAP4rev1 ready
//     CAPABILITY
//   - CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN
//     TAG OK done
//
// They know CAPABILITY, CAPA, STARTTLS, STLS, QUIT and LOGOUT, and nothing of
// logging in. "TAG" stands for the tag of the client's command; the reply to CAPA
// ends with a dot. At the ports 465, 993 and 995 the TLS handshake comes first.
//
// # Directives
//
// Lines that begin with "!" direct the server:
//
//	!refuse                the connection is refused
//	!timeout               the connection is never answered
//	!unreachable           there is no route to the network of the address
//	!silent                accepts, and never says anything
//	!close                 accepts, and closes at once
//	!close-after EHLO      closes instead of answering the command (GREETING: after the greeting)
//	!delay 3s              waits before the greeting; !delay EHLO 3s before that reply
//	!drip 1s               sends one octet each second
//	!flood                 greets with a line that never ends; !flood EHLO answers so
//	!no-starttls           does not offer or know STARTTLS
//	!clear                 begins in clear text at every port
//	!tls names=a,b         the certificate's names; further words: expired, self-signed,
//	                       issuer=other (a CA nobody trusts), issuer=DigiCert_Inc (that
//	                       organization, trusted; Let's Encrypt else), version=1.2 (no other version),
//	                       oldest=1.0 (that and what is newer), days=10 (until it expires),
//	                       sha1 (signed with that), rsa=1024 (an RSA key of so many bits), suite=NAME (no other
//	                       cipher suite before TLS 1.3, by the name that IANA has for it),
//	                       group=P-256 (no other group for the key exchange)
//	!ends lf.crlf          takes that for the end of a message, too, and other bare line
//	                       ends for a part of it; crlf.crlf: takes all of them for a part
//	!tls-fail              sends garbage in place of the TLS handshake
package smtpscript

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Script is one scripted server. It may serve many conversations at once; it
// remembers what it was sent in each.
type Script struct {
	text        string   // as it was parsed
	greeting    []string // lines as sent, without CRLF
	replies     map[string][]string
	delays      map[string]time.Duration
	floods      map[string]bool
	closeAfter  map[string]bool
	dial        fate
	silent      bool
	closeAtOnce bool
	drip        time.Duration
	noSTARTTLS  bool
	clear       bool // no TLS before the greeting, whatever the port
	implicitTLS bool
	tlsFail     bool
	cert        Certificate
	tlsVersion  uint16
	tlsOldest   uint16
	tlsSuites   []uint16
	tlsGroups   []tls.CurveID
	ends        []string // of a message, besides that of RFC 5321; not empty: bare line ends are let through

	mu   sync.Mutex
	sent [][]string
}

type fate int

const (
	accept fate = iota
	refuse
	timeout
	unreachable
)

// Dial reports whether a connection shall be refused, or never be answered.
func (s *Script) Dial() (refused, timedOut bool) { return s.dial == refuse, s.dial == timeout }

// Admit is the fate of a dial: nil at once for a server that accepts, else the
// error that a real dial would end with. Where the script lets the dial time
// out it blocks until ctx ends.
func (s *Script) Admit(ctx context.Context) error {
	var cause error
	switch s.dial {
	case accept:
		return nil
	case refuse:
		cause = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	case unreachable:
		cause = os.NewSyscallError("connect", syscall.ENETUNREACH)
	case timeout:
		<-ctx.Done()
		cause = ctx.Err()
		if errors.Is(cause, context.DeadlineExceeded) {
			cause = os.ErrDeadlineExceeded
		}
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: cause}
}

// Connect dials the server in process: the fate of Admit or, over a net.Pipe,
// the client's end of a conversation that is served until that end is closed.
func (s *Script) Connect(ctx context.Context, o Options) (net.Conn, error) {
	if err := s.Admit(ctx); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	go s.Serve(server, o)
	return client, nil
}

// Refused is the error of dialling where nothing listens.
func Refused() error {
	return (&Script{dial: refuse}).Admit(context.Background())
}

// Sent is what clients have sent: the command lines of each conversation so
// far, in the order in which the conversations began. Lines are kept as
// received, without their line end; the TLS handshake is not among them.
func (s *Script) Sent() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([][]string, len(s.sent))
	for i, lines := range s.sent {
		all[i] = slices.Clone(lines)
	}
	return all
}

// String is the text of the script.
func (s *Script) String() string { return s.text }

// Host is the name that the greeting gives, or "server.invalid".
func (s *Script) Host() string {
	if len(s.greeting) > 0 && len(s.greeting[0]) > 4 {
		if words := strings.Fields(s.greeting[0][4:]); len(words) > 0 {
			return words[0]
		}
	}
	return "server.invalid"
}
