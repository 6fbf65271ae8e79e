package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Timeouts bounds the stages of a conversation. Each is for the whole stage, so
// a host that sends one octet at a time does not stretch it.
type Timeouts struct {
	Connect time.Duration
	Banner  time.Duration
	Command time.Duration // each command and its reply
	TLS     time.Duration // the handshake
	Ending  time.Duration // for a host to take what should not end a message for its end
	Quit    time.Duration
	Total   time.Duration // the whole conversation
}

// or fills the fields of t that are zero from more.
func (t Timeouts) or(more Timeouts) Timeouts {
	fill := func(d *time.Duration, from time.Duration) {
		if *d <= 0 {
			*d = from
		}
	}
	fill(&t.Connect, more.Connect)
	fill(&t.Banner, more.Banner)
	fill(&t.Command, more.Command)
	fill(&t.TLS, more.TLS)
	fill(&t.Ending, more.Ending)
	fill(&t.Quit, more.Quit)
	fill(&t.Total, more.Total)
	return t
}

// DefaultTimeouts is what a Prober keeps to where it is given nothing else: 10 s
// to connect, 30 s for the greeting, 20 s for each command, 15 s for the TLS
// handshake, 3 s for each end that is none, 5 s for QUIT and 90 s in all.
//
// That is far below the five minutes that RFC 5321, 4.5.3.2 gives the greeting
// when there is mail to deliver, and above what servers take that make clients
// wait on purpose. So a host that timed out is not shown to be dead.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		Connect: 10 * time.Second, Banner: 30 * time.Second, Command: 20 * time.Second,
		TLS: 15 * time.Second, Ending: 3 * time.Second, Quit: 5 * time.Second, Total: 90 * time.Second,
	}
}

// Bounds on conversations at once.
const (
	defaultPerHost = 2
	defaultTotal   = 32
)

// A Prober holds conversations. Its fields are not changed once it is in use;
// it is safe for concurrent use. The zero value talks to the internet.
type Prober struct {
	// Dial connects; nil is that of a net.Dialer. Errors it returns are told apart
	// by what they wrap: syscall.ECONNREFUSED, a timeout, and so on.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Timeouts that are zero are those of DefaultTimeouts.
	Timeouts Timeouts

	// RootCAs is what certificates are verified against; nil is the system's.
	RootCAs *x509.CertPool

	// Now is the time at which certificates have to be valid; nil is time.Now.
	Now func() time.Time

	// HELO is the name given in EHLO where the target has none: the fully qualified
	// name of this machine. Empty: the address literal of the connection's own end
	// (RFC 5321, 4.1.4), which some hosts refuse.
	HELO string

	// Later, if it is not nil, runs what is left of a conversation once QUIT is
	// sent: to wait for the answer, as one should (RFC 5321, 4.1.1.10), for at most
	// Timeouts.Quit, and to hang up. nil is before Converse returns.
	Later func(func())

	// MaxPerHost bounds the conversations with one port of one address at once; 0 is 2.
	MaxPerHost int

	// MaxTotal bounds all conversations at once; 0 is 32.
	MaxTotal int

	mu    sync.Mutex
	total chan struct{}
	hosts map[netip.AddrPort]*queue
}

// A queue is who talks to one address, and who waits to.
type queue struct {
	slots chan struct{}
	users int
}

// Converse holds one conversation with the target and returns what came of it,
// once it is over and the connection is closed or, with Later, once QUIT is sent.
// It ends early with ctx, and a little before a deadline of ctx, so that what was
// heard can still be told.
func (p *Prober) Converse(ctx context.Context, target Target) Session {
	target.Addr = target.Addr.Unmap()
	if target.HELO == "" {
		target.HELO = p.HELO
	}
	target.Limits = target.Limits.or(p.Timeouts).or(DefaultTimeouts())
	session := Session{Target: target}
	if err := target.valid(); err != nil {
		session.fail(Step{Stage: StageConnect, Err: &Error{Stage: StageConnect, Kind: Invalid, Detail: err.Error(), Err: err}})
		return session
	}
	release, err := p.acquire(ctx, netip.AddrPortFrom(target.Addr, target.port()))
	if err != nil {
		session.fail(Step{Stage: StageConnect, Err: &Error{Stage: StageConnect, Kind: Canceled, Err: err}})
		return session
	}
	start := time.Now()
	if deadline, ok := ctx.Deadline(); ok {
		early, cancel := context.WithDeadline(ctx, deadline.Add(-farewell))
		defer cancel()
		ctx = early
	}
	ctx, cancel := context.WithTimeoutCause(ctx, target.Limits.Total, errTotal)
	defer cancel()
	c := &conversation{prober: p, ctx: ctx, session: &session, limits: target.Limits}
	c.converse()
	session.Took = time.Since(start)
	rest := func() {
		defer release()
		c.part()
	}
	if p.Later != nil && c.answer != nil {
		p.Later(rest)
	} else {
		rest()
	}
	return session
}

// farewell is how long before the caller's deadline a conversation ends.
const farewell = time.Second

// errTotal is why the context of a conversation that took too long ended.
var errTotal = errors.New("the whole conversation took too long")

// fail appends a step and remembers the first thing that went wrong.
func (s *Session) fail(step Step) {
	s.Steps = append(s.Steps, step)
	if s.Err == nil && step.Stage < StageVerify {
		s.Err = step.Err
	}
}

// valid reports what in a target would break the commands that it goes into.
func (t Target) valid() error {
	if !t.Addr.IsValid() {
		return errors.New("no address")
	}
	type field struct{ name, text string }
	fields := []field{{"HELO name", t.HELO}, {"name to verify", t.Verify}}
	for _, e := range t.Envelopes {
		fields = append(fields, field{"sender", e.From})
		for _, rcpt := range e.Rcpts {
			fields = append(fields, field{"recipient", rcpt})
		}
	}
	if t.Unended != nil {
		fields = append(fields, field{"recipient", t.Unended.To})
	}
	for _, field := range fields {
		if err := sendable(field.text); err != nil {
			return fmt.Errorf("the %s %w", field.name, err)
		}
	}
	if t.Unended != nil {
		return t.Unended.valid()
	}
	return nil
}

// Sendable reports whether a mailbox can be put into a command.
func Sendable(mailbox string) bool { return sendable(mailbox) == nil }

func sendable(text string) error {
	if len(text) > 320 { // a path has at most 256 octets, a domain 255 (RFC 5321, 4.5.3.1)
		return errors.New("is too long")
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || c == '<' || c == '>' {
			return fmt.Errorf("has a character that cannot be sent: %q", rune(c))
		}
	}
	return nil
}

// acquire waits for a place: first one of those of the service at the address, then one of all.
func (p *Prober) acquire(ctx context.Context, at netip.AddrPort) (release func(), err error) {
	host, total := p.join(at)
	leave := func() { p.leave(at, host) }
	select {
	case host.slots <- struct{}{}:
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
	select {
	case total <- struct{}{}:
	case <-ctx.Done():
		<-host.slots
		leave()
		return nil, ctx.Err()
	}
	return func() {
		<-total
		<-host.slots
		leave()
	}, nil
}

func (p *Prober) join(at netip.AddrPort) (host *queue, total chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = make(map[netip.AddrPort]*queue)
		p.total = make(chan struct{}, positive(p.MaxTotal, defaultTotal))
	}
	host = p.hosts[at]
	if host == nil {
		host = &queue{slots: make(chan struct{}, positive(p.MaxPerHost, defaultPerHost))}
		p.hosts[at] = host
	}
	host.users++
	return host, p.total
}

func (p *Prober) leave(at netip.AddrPort, host *queue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if host.users--; host.users == 0 {
		delete(p.hosts, at)
	}
}

func positive(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}
