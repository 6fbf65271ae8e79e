package smtpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// Config is what a server is. Hostname, Domains and Store are required.
type Config struct {
	Hostname  string       // the name in the greeting and in Received: mx.example.org
	Domains   []string     // that mail is taken for; in Unicode or A-labels
	Addresses []netip.Addr // own addresses: mail to their literals is taken (user@[192.0.2.1])

	Store Store
	Judge Judge // nil: every message is taken

	// Mailbox says whether an address of our own takes mail: nil, [ErrNoMailbox],
	// [ErrMailboxFull], a *[Reply], or any other error for "cannot tell now". It is
	// asked at RCPT. A nil Mailbox takes all. The address may lack a domain only if
	// its local part is postmaster (RFC 5321, 4.5.1), and then has that of Domains[0].
	Mailbox func(context.Context, Address) error

	// Room says at MAIL whether there is room for a message of that many octets (0: the
	// client does not tell), of a user who logged in, or of somebody outside: nil,
	// [spool.ErrFull], a *[Reply], or any other error for "cannot tell now". nil: there
	// is.
	Room func(user string, octets int64) error

	// Users may log in on the submission ports; nil: nobody.
	Users Authenticator

	// TLS is asked at every handshake, so that certificates can be renewed; nil, or
	// nil returned: no STARTTLS.
	TLS func() *tls.Config

	// RelayAll takes mail for everybody from everybody. Such a server serves on
	// loopback only.
	RelayAll bool

	// KeepBare takes commands and messages with bare CR or LF and notes them, as a
	// test mailbox does. They are no line ends even then.
	KeepBare bool
	// KeepBareFor does so for messages alone, where it says so of all recipients; nil:
	// for none. It is asked at the end of a message with bare CR or LF.
	KeepBareFor func(to []Address) bool

	// Offer tells which extensions the Store can keep the promises of.
	Offer struct {
		DSN        bool // RFC 3461
		RequireTLS bool // RFC 8689
	}

	// GreetAfter is how long a mail host listens for early talkers before it greets;
	// 0: 1 ms, negative: not at all.
	GreetAfter time.Duration

	Limits  Limits
	TempDir string           // for messages that are not held in memory; empty: that of the system
	Log     *slog.Logger     // nil: no log
	Ended   func(s *Session) // called at the end of each session; nil: not
	// Answered is told of each connection and recipient that was refused, and of each
	// message that came to its end, refused or not. It must be quick; nil: nobody is.
	Answered func(Port, Stage, Reply)
}

// A Stage is what an answer is about.
type Stage string

// Stages.
const (
	AtConnection Stage = "connection"
	AtRecipient  Stage = "recipient"
	AtMessage    Stage = "message"
)

// Limits bound what clients can take. 0 is the default, negative is no limit.
type Limits struct {
	MessageBytes int64 // 50 MiB; 552 by SIZE= or once the message has been read
	Recipients   int   // of a message: 100; 452
	Fields       int   // of a header: 1,000
	HeaderBytes  int   // 256 KiB
	Hops         int   // Received fields: 50; 554 5.4.6

	Sessions        int // at a time: 1,000
	ClientSessions  int // at a time of one IPv4 address or IPv6 /64: 30
	ClientPerMinute int // sessions begun by one: 300; a failed login counts as 10

	Command     time.Duration // to wait for a command: 5 min (RFC 5321, 4.5.3.2.7)
	Data        time.Duration // for a whole message: 10 min
	DataGrace   time.Duration // before DataRate is asked for: 60 s
	DataRate    int           // of a message on average, octets/s: 100
	Session     time.Duration // 20 min
	BadCommands int           // in a session: 10
	Refused     int           // recipients, in a session: 100
	Logins      int           // failed, in a session: 3

	Memory int64 // that all messages under way are held in: 16 MiB; the others are held in files
	Disk   int64 // of those files: 1 GiB; 452
}

const never = 1 << 40 // of things to count; 34 years in ns are more than enough, too

func (l Limits) withDefaults() Limits {
	set := func(v *int, by int) {
		if *v = cmp.Or(*v, by); *v < 0 {
			*v = never
		}
	}
	set64 := func(v *int64, by int64) {
		if *v = cmp.Or(*v, by); *v < 0 {
			*v = never
		}
	}
	wait := func(v *time.Duration, by time.Duration) {
		if *v = cmp.Or(*v, by); *v < 0 {
			*v = 10 * 365 * 24 * time.Hour
		}
	}
	set64(&l.MessageBytes, 50<<20)
	set(&l.Recipients, 100)
	set(&l.Fields, 1000)
	set(&l.HeaderBytes, 256<<10)
	set(&l.Hops, 50)
	set(&l.Sessions, 1000)
	set(&l.ClientSessions, 30)
	set(&l.ClientPerMinute, 300)
	wait(&l.Command, 5*time.Minute)
	wait(&l.Data, 10*time.Minute)
	wait(&l.DataGrace, time.Minute)
	if l.DataRate = cmp.Or(l.DataRate, 100); l.DataRate < 0 {
		l.DataRate = 0
	}
	wait(&l.Session, 20*time.Minute)
	set(&l.BadCommands, 10)
	set(&l.Refused, 100)
	set(&l.Logins, 3)
	set64(&l.Memory, 16<<20)
	set64(&l.Disk, 1<<30)
	return l
}

// Errors of Config.Mailbox and of an Authenticator.
var (
	ErrNoMailbox   = errors.New("no such mailbox")        // 550 5.1.1
	ErrMailboxFull = errors.New("the mailbox is full")    // 452 4.2.2
	ErrCredentials = errors.New("wrong user or password") // 535 5.7.8
)

// A Store takes messages in.
type Store interface {
	// Accept takes a message: the octets of r until io.EOF, lines ended by CRLF (the
	// last one perhaps by nothing, as BDAT allows; and see Config.KeepBare). The
	// client hears 250 only after it returned nil, and then nobody else has the
	// message: it must outlive a power cut. Errors: [spool.ErrFull] is 452 4.3.1, a
	// *Reply is that reply, every other one 451 4.3.0. The context ends when the server
	// is stopped by force, not when the client goes. Not to be kept: r.
	Accept(ctx context.Context, m *Mail, r io.Reader) error
}

// Mail is a message that was received.
type Mail struct {
	ID       string         // of the message; stands in the Received field, in the reply and in Envelope
	Envelope spool.Envelope // Size is that of the whole message
	From     Address        // Envelope.From, parsed
	To       []Address      // Envelope.Rcpts, parsed
	Session  *Session       // as it was at the end of the message
	Message  int            // its ordinal in the session, from 1: see Note.Message
	Given    Given
	Verdict  Verdict
}

// Given is how a client gave a message.
type Given struct {
	Size    int64     // octets by SIZE= (RFC 1870); 0: it did not say
	Octets  int64     // as they came
	Chunked bool      // by BDAT (RFC 3030), not by DATA
	Begun   time.Time // at DATA or the first BDAT; it ended at Envelope.Received
}

// A Judge says what becomes of a message, before it is stored.
type Judge interface {
	// Judge looks at a message, whose Verdict is still zero. It bounds its own time.
	// Errors: a *Reply is what the client hears; every other one is 451 4.3.0.
	Judge(ctx context.Context, m *Mail, message Message) (Verdict, error)
}

// A Message is the octets that a client sent, without our Received field.
type Message interface {
	io.ReaderAt
	Size() int64
}

// A Verdict is what a Judge does to a message.
type Verdict struct {
	Fields  []byte // header fields that go on top, each with its CRLF
	Without []Span // parts of the message that are left out, in order, not overlapping
	Junk    bool   // for the quarantine
	Detail  any    // from the Judge to the Store
}

// A Span is the octets from From to below To.
type Span struct{ From, To int64 }

// An Authenticator knows the users that may submit mail.
type Authenticator interface {
	// Authenticate fails with ErrCredentials, or with any other error if it cannot
	// tell now.
	Authenticate(ctx context.Context, user, password string) error
	// MaySend reports whether user may write with that reverse-path. The zero Address
	// is the null reverse-path, which mail programs use for receipts (RFC 8098, 3).
	MaySend(user string, from Address) bool
}

// check says what keeps a configuration from being served.
func (c *Config) check() error {
	if c.Store == nil {
		return errors.New("smtpd: no Store")
	}
	if !isHostname(c.Hostname) {
		return fmt.Errorf("smtpd: %q is no host name", c.Hostname)
	}
	if len(c.Domains) == 0 && !c.RelayAll {
		return errors.New("smtpd: no domain to take mail for")
	}
	return nil
}
