package smtpd

import (
	"net/netip"
	"slices"
	"time"
)

// A Session is what is known of a client: what it said of itself, and what only
// the receiving side sees.
type Session struct {
	Started  time.Time
	Local    netip.AddrPort
	Remote   netip.AddrPort // invalid where the connection has none
	Port     Port
	HELO     string // as said last; empty before
	Extended bool   // EHLO, not HELO
	TLS      TLS
	User     string // that logged in; empty for none
	Messages int    // transactions that came to the end of a message
	Accepted int    // of these the ones answered with 250
	Noted    []Note
}

// TLS is the encryption of a session.
type TLS struct {
	Offered bool // by STARTTLS, or the port has it anyway
	Used    bool
	Version string // "TLS 1.3"
	Cipher  string // the name of IANA: "TLS_AES_128_GCM_SHA256"
	Name    string // asked for by SNI; empty for none
}

// A Note is a fault or habit of the client, noted once and counted.
type Note struct {
	Kind    NoteKind
	Count   int           // how often it came, or how many octets
	After   time.Duration // the first time, since the session began
	Message int           // ordinal of the message it was in, from 1; 0 for the dialogue
	Detail  string        // the first of its kind, as sent; may hold any octet; at most 80 octets
}

// NoteKind is the kind of a [Note].
type NoteKind string

// What is noted of a client.
const (
	EarlyTalk       NoteKind = "early-talk"       // spoke before the greeting (RFC 5321, 4.3.1)
	Pipelined       NoteKind = "pipelined"        // went on without an answer where it must wait (RFC 2920, 3.1)
	PipelinedTLS    NoteKind = "pipelined-tls"    // sent text after STARTTLS, which was dropped (RFC 3207, 4.2)
	BadHELO         NoteKind = "bad-helo"         // neither a domain nor an address literal (RFC 5321, 4.1.1.1)
	WrongOrder      NoteKind = "wrong-order"      // a command out of sequence (RFC 5321, 4.1.4)
	BadCommand      NoteKind = "bad-command"      // unknown, or with bad syntax
	LooseSyntax     NoteKind = "loose-syntax"     // a space after the colon of MAIL FROM: or RCPT TO:
	SourceRoute     NoteKind = "source-route"     // obsolete since 1989
	NotOffered      NoteKind = "not-offered"      // a parameter of an extension that was not offered to it
	CommandBareLF   NoteKind = "command-bare-lf"  // a command with a CR or LF of its own (RFC 5321, 2.3.8)
	BareLF          NoteKind = "bare-lf"          // in a message; counted in octets
	BareCR          NoteKind = "bare-cr"          // in a message; counted in octets
	LongLine        NoteKind = "long-line"        // over 998 octets (RFC 5322, 2.1.1)
	NUL             NoteKind = "nul"              // in a message; counted in octets
	Undeclared8Bit  NoteKind = "undeclared-8bit"  // 8-bit text without BODY=8BITMIME (RFC 6152, 3)
	UndeclaredUTF8  NoteKind = "undeclared-utf8"  // 8-bit text in the header without SMTPUTF8 (RFC 6531, 3.6)
	LoginFailed     NoteKind = "login-failed"     // with wrong credentials
	HandshakeFailed NoteKind = "handshake-failed" // of TLS
	Relaying        NoteKind = "relaying"         // a recipient that was not ours
	Vanished        NoteKind = "vanished"         // left without QUIT
	TimedOut        NoteKind = "timed-out"        // was cut off
)

// maxDetail bounds what is kept of the client's words.
const maxDetail = 80

// note counts n more of kind; the ordinal of the message is 0 in the dialogue.
func (s *Session) note(kind NoteKind, n, message int, detail string) {
	for i := range s.Noted {
		if s.Noted[i].Kind == kind && s.Noted[i].Message == message {
			s.Noted[i].Count += n
			return
		}
	}
	if len(s.Noted) == maxNotes {
		return
	}
	s.Noted = append(s.Noted, Note{kind, n, time.Since(s.Started), message, string([]byte(detail[:min(len(detail), maxDetail)]))})
}

// maxNotes bounds the notes of a session that sends message after message.
const maxNotes = 200

// copied is a Session that does not change any more.
func (s *Session) copied() *Session {
	c := *s
	c.Noted = slices.Clone(s.Noted)
	return &c
}

// Has reports whether kind was noted.
func (s *Session) Has(kind NoteKind) bool {
	return slices.ContainsFunc(s.Noted, func(n Note) bool { return n.Kind == kind })
}
