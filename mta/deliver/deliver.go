// Package deliver makes one attempt to deliver one message to one destination: it
// finds the hosts, decides what TLS has to be like there, holds the conversations
// and says what became of each recipient, and why.
//
// It keeps no queue and writes no notices. What it learns for the next attempt
// (levels of TLS, MTA-STS policies, counts of the day) goes into stores it is given.
package deliver

import (
	"context"
	"crypto/x509"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Job is one message, and those of its recipients that have one destination.
type Job struct {
	// Destination is the domain of the recipients, in A-labels or not, or an address
	// literal: "example.org", "[192.0.2.25]", "[IPv6:2001:db8::25]".
	Destination string
	Rcpts       []client.Rcpt
	// Failures is how many attempts at this destination have failed for now.
	Failures int

	From string // reverse-path without angle brackets; empty: the null reverse-path
	// Open opens the message, whose line ends are CRLF. It may be called more than once.
	Open func() (io.ReadCloser, error)

	SMTPUTF8   bool   // asked for by who submitted it (RFC 6531)
	RequireTLS bool   // likewise (RFC 8689, 2)
	Ret, EnvID string // RFC 3461, for hosts that offer DSN
	// Least is what TLS has to be like at least, whatever is published: the sender's own
	// wish, of which the hosts are not told.
	Least Level
	// TLSOptional lifts what a domain or our memory want of TLS for this message, which
	// says "TLS-Required: No" (RFC 8689, 3).
	TLSOptional bool
}

// Status is what became of a recipient.
type Status int

const (
	Temporary Status = iota // to be tried again
	Delivered               // a host has taken the responsibility
	Permanent               // not to be tried again
)

var statusNames = [...]string{"temporary", "delivered", "permanent"}

func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return "invalid"
	}
	return statusNames[s]
}

// A Result is what became of one recipient.
type Result struct {
	Addr   string
	Status Status
	// Maybe tells of a Temporary one that the whole message was sent, and that no
	// reply to the final dot came: it may have been delivered (RFC 5321, 4.5.3.2.6).
	Maybe bool

	Code     int         // reply code; ours where nobody said anything
	Enhanced string      // RFC 3463; made up of the code where the host gave none
	Text     string      // the host's reply, its lines joined by LF, or our own words
	Said     bool        // a host said so; else it is our conclusion
	Stage    probe.Stage // at which it was decided; 0: before any conversation
	Host     string      // canonical; empty if it was none's
	IP       netip.Addr
	Via      string // the relay; empty: direct
	// DSN tells of a Delivered one that the host offers DSN: it has been given NOTIFY
	// and the rest, and success is now its matter to tell of (RFC 3461, 5.2.1).
	DSN bool

	Meaning replies.Meaning // what the reply means; zero where nothing is known of it
	// After is when trying again makes sense, where that is known: under a warm-up cap.
	After time.Time
}

// A Session is one conversation, and what it was held to.
type Session struct {
	probe.Session
	Policy Policy
	Via    string // the relay; empty: direct
	// Before is how many messages the conversation had had. Where there were any, the
	// Session shows how it began, too.
	Before int
}

// Own is the steps of a Session that were taken for this message.
func (s Session) Own() []probe.Step {
	if i := slices.IndexFunc(s.Steps, func(step probe.Step) bool { return step.Stage == probe.StageReset }); s.Before > 0 && i >= 0 {
		return s.Steps[i:]
	}
	return s.Steps
}

// A Report is one attempt.
type Report struct {
	Destination string // canonical, or the address literal
	Route       string // "direct", "relay NAME", and why: "... after 3 temporary failures"
	Provider    string // who receives: "google", or the domain of the MX hosts; empty: not known
	Hosts       []Host // in the order in which they were tried
	Results     []Result
	Sessions    []Session
	TLS         []TLSResult // for reports (RFC 8460), one for each session with a domain's host
	Took        time.Duration
}

// Reached reports whether some host of the destination accepted a connection,
// whatever came of it.
func (r Report) Reached() bool {
	return slices.ContainsFunc(r.Sessions, func(s Session) bool { return s.Connected() && s.Via == "" })
}

// Bypassed reports whether a relay accepted a connection, and no host of the
// destination did.
func (r Report) Bypassed() bool {
	return !r.Reached() && slices.ContainsFunc(r.Sessions, func(s Session) bool { return s.Connected() })
}

// Unreached reports whether hosts were tried and none of them accepted a connection:
// others who want to send there need not try just now. It is false where that may
// be due to this machine, which has no network, or was told to stop.
func (r Report) Unreached() bool {
	return !r.Reached() && !r.Bypassed() && slices.ContainsFunc(r.Sessions, func(s Session) bool {
		return s.Err != nil && s.Err.Kind != probe.NoRoute && s.Err.Kind != probe.Denied && s.Err.Kind != probe.Canceled
	})
}

// Bounds keep an attempt from taking for ever.
type Bounds struct {
	Hosts     int           // MX hosts that are looked at; 0 is 10
	Addresses int           // that are connected to; 0 is 8
	Sessions  int           // that got as far as a greeting; 0 is 4
	Time      time.Duration // of all; 0 is 45 m
	Hops      int           // Received fields of a message; 0 is 50 (RFC 5321, 6.3)
}

func (b Bounds) orDefault() Bounds {
	fill := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	fill(&b.Hosts, 10)
	fill(&b.Addresses, 8)
	fill(&b.Sessions, 4)
	fill(&b.Hops, 50)
	if b.Time <= 0 {
		b.Time = 45 * time.Minute
	}
	return b
}

// A Security tells what DNSSEC makes of the answer to a question;
// *resolve.Validator is one.
type Security interface {
	Secure(context.Context, resolve.Question) (resolve.Proof, error)
}

// A Fetcher gets documents over HTTPS; *probe.Fetcher is one.
type Fetcher interface {
	Fetch(context.Context, probe.Request) probe.Fetch
}

// A Sender delivers. Its fields are not changed once it is in use; it is safe for
// concurrent use if what it is given is.
type Sender struct {
	DNS resolve.Resolver
	// Client holds the conversations. Its Name is ours, by which loops are known.
	Client client.Client
	// Security is asked for DANE; nil: DANE is not looked at, as an answer that nobody
	// validated is no promise. Where it cannot tell, mail waits (RFC 7672, 2.1).
	Security Security
	// HTTP fetches MTA-STS policies; nil: they are not looked at.
	HTTP Fetcher
	// Memory keeps what was learnt of domains; nil: nothing is.
	Memory Memory
	Routes Routes
	Warmup Warmup
	// Pool keeps conversations for the messages that follow; nil: each has its own.
	Pool *Pool

	Here  []netip.Addr // addresses of this machine at which it takes mail
	Names []string     // names of this machine as an MX host, beside that of Client
	// Port is that of MX hosts; 0 is 25. A laboratory has others.
	Port uint16
	// Refuse says why an address must not be connected to for a domain, and nothing
	// of one that may be; nil is Special. It is not asked about relays.
	Refuse func(netip.Addr) string
	// Shuffle mixes hosts of one preference (RFC 5321, 5.1); nil is that of math/rand.
	Shuffle func(n int, swap func(i, j int))
	IPv4    bool // send over IPv4 only
	Bounds  Bounds
	Now     func() time.Time // nil is time.Now
	// RelayRoots is what certificates of relays are verified against; nil is those of
	// Client.
	RelayRoots *x509.CertPool
}

func (s *Sender) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// Deliver makes one attempt. It ends early with ctx; who is not served by then is
// Temporary.
func (s *Sender) Deliver(ctx context.Context, job Job) Report {
	start := time.Now()
	bounds := s.Bounds.orDefault()
	ctx, cancel := context.WithTimeout(ctx, bounds.Time)
	defer cancel()
	a := &attempt{Sender: s, ctx: ctx, job: job, bounds: bounds}
	a.report.Destination = destinationOf(job.Destination)
	a.report.Results = make([]Result, len(job.Rcpts))
	for i, rcpt := range job.Rcpts {
		a.report.Results[i].Addr = rcpt.Addr
		a.open = append(a.open, i)
	}
	if a.prepare() {
		a.deliver()
	}
	a.finish()
	a.report.Took = time.Since(start)
	return a.report
}
