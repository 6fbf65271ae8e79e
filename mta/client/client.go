// Package client holds the sending side of SMTP conversations (RFC 5321): connect,
// greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, QUIT. It takes down each stage
// as package probe does, so that a delivery reads like an examination.
//
// It does not choose whom to talk to, nor what TLS has to be like: its caller
// decides between the stages. It is written here, and not taken from a library,
// because a transcript of every reply and its time, recipients that are answered
// for one by one, and what is unknown after a lost final reply, are what it is for.
package client

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

// Limits bounds the stages of a conversation. Each is for the whole stage, so a
// host that sends one octet at a time does not stretch it.
type Limits struct {
	Connect time.Duration // the TCP handshake
	Banner  time.Duration // the greeting
	TLS     time.Duration // the TLS handshake
	Command time.Duration // EHLO, STARTTLS, AUTH, MAIL, each RCPT
	Data    time.Duration // DATA and its reply
	Block   time.Duration // each piece of the message to be taken, of 32 KiB
	Final   time.Duration // the reply to the final dot
	Quit    time.Duration
	Total   time.Duration // the whole conversation
}

// DefaultLimits is those of RFC 5321, 4.5.3.2, and for what it does not name: 30 s
// to connect, 1 m for the TLS handshake, 5 s for QUIT, when all is done, and 30 m
// for the whole.
func DefaultLimits() Limits {
	return Limits{
		Connect: 30 * time.Second, Banner: 5 * time.Minute, TLS: time.Minute, Command: 5 * time.Minute, Data: 2 * time.Minute,
		Block: 3 * time.Minute, Final: 10 * time.Minute, Quit: 5 * time.Second, Total: 30 * time.Minute,
	}
}

// or fills the fields of l that are not positive from more.
func (l Limits) or(more Limits) Limits {
	for _, f := range []struct{ own, more *time.Duration }{
		{&l.Connect, &more.Connect}, {&l.Banner, &more.Banner}, {&l.TLS, &more.TLS}, {&l.Command, &more.Command}, {&l.Data, &more.Data},
		{&l.Block, &more.Block}, {&l.Final, &more.Final}, {&l.Quit, &more.Quit}, {&l.Total, &more.Total},
	} {
		if *f.own <= 0 {
			*f.own = *f.more
		}
	}
	return l
}

// A Client opens conversations. Its fields are not changed once it is in use; it
// is safe for concurrent use.
type Client struct {
	// Dial connects; nil is that of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Name is given in EHLO: a fully qualified one that resolves to the address this
	// machine is seen with (RFC 5321, 4.1.1.1). Empty: the address literal of the
	// connection's own end (4.1.4), which many hosts refuse.
	Name string
	// Limits that are not positive are those of DefaultLimits.
	Limits Limits
	// Roots is what certificates are verified against; nil is the system's.
	Roots *x509.CertPool
	// Now is the time at which certificates have to be valid; nil is time.Now.
	Now func() time.Time
	// Observe is told of each stage when it has ended, for those who want to see it as
	// it happens; nil: nobody is. It must be quick.
	Observe func(probe.Target, probe.Step)
}

// A Target is a host to talk to.
type Target struct {
	Host string // that led to Addr, without or with a final dot; empty for an address literal
	Addr netip.Addr
	Port uint16 // 0 is 25
	// ImplicitTLS begins TLS with the first octet (RFC 8314, 3.3).
	ImplicitTLS bool
}

// A Conn is a conversation under way. It is for one goroutine, and ends with Close.
type Conn struct {
	client  *Client
	ctx     context.Context
	cancel  context.CancelFunc
	limits  Limits
	session probe.Session
	begun   time.Time

	raw     net.Conn
	conn    net.Conn // raw or, later, TLS over it
	in      *probe.Replies
	stop    func() bool
	mu      sync.Mutex
	over    bool // the context has ended, and with it every deadline
	inStep  bool // host and client agree on whose turn it is
	broken  bool // nothing that is sent now would be understood
	greeted bool // with 220
}

// Connect connects and takes the greeting; with ImplicitTLS the handshake comes
// before that. The conversation ends early with ctx. Conn is never nil, and to be
// closed in any case; its Session tells how far it came.
func (c *Client) Connect(ctx context.Context, to Target) (*Conn, *probe.Error) {
	limits := c.Limits.or(DefaultLimits())
	ctx, cancel := context.WithTimeout(ctx, limits.Total)
	if to.Port == 0 {
		to.Port = 25
	}
	k := &Conn{client: c, ctx: ctx, cancel: cancel, limits: limits, begun: time.Now()}
	k.session.Target = probe.Target{Host: to.Host, Addr: to.Addr.Unmap(), Port: to.Port, ImplicitTLS: to.ImplicitTLS, HELO: c.Name}
	if err := k.connect(); err != nil {
		return k, err
	}
	if to.ImplicitTLS {
		if err := k.handshake(TLS{Name: to.Host, Strict: true}, nil); err != nil {
			return k, err
		}
	}
	err := k.exchange(probe.StageBanner, "", limits.Banner, 220)
	k.greeted = err == nil
	return k, err
}

func (k *Conn) connect() *probe.Error {
	start := time.Now()
	ctx, cancel := context.WithTimeout(k.ctx, k.limits.Connect)
	defer cancel()
	dial := k.client.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", k.session.Target.Endpoint())
	step := probe.Step{Stage: probe.StageConnect}
	if err != nil {
		if ctx.Err() != nil && k.ctx.Err() == nil {
			err = context.DeadlineExceeded // whatever the dialer calls it
		}
		k.broken = true
		return k.note(step, start, k.failure(probe.StageConnect, err, k.limits.Connect))
	}
	k.raw, k.conn, k.in = conn, conn, probe.NewReplies(conn, 0)
	k.stop = context.AfterFunc(k.ctx, k.cutOff)
	return k.note(step, start, nil)
}

// note takes down a step, and returns what went wrong in it.
func (k *Conn) note(step probe.Step, start time.Time, err *probe.Error) *probe.Error {
	step.Took, step.Err = time.Since(start), err
	k.session.Steps = append(k.session.Steps, step)
	if k.client.Observe != nil {
		k.client.Observe(k.session.Target, step)
	}
	if k.session.Err == nil && step.Stage != probe.StageQuit {
		k.session.Err = err
	}
	return err
}

// failure is why a stage could not be finished.
func (k *Conn) failure(stage probe.Stage, err error, limit time.Duration) *probe.Error {
	e := probe.Failure(stage, err)
	switch {
	case e.Kind == probe.Garbage:
	case k.ctx.Err() == context.DeadlineExceeded:
		e.Kind, e.Detail = probe.Timeout, "the conversation took too long"
	case k.ctx.Err() != nil:
		e.Kind, e.Detail = probe.Canceled, ""
	case e.Kind == probe.Timeout:
		e.Detail = "no complete answer within " + limit.String()
	}
	return e
}

// allow gives what follows so much time.
func (k *Conn) allow(limit time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.raw.SetDeadline(time.Now().Add(limit))
	}
}

// Session is what has happened so far.
func (k *Conn) Session() probe.Session {
	s := k.session
	s.Took = time.Since(k.begun)
	return s
}

// Open reports whether a further command would be understood.
func (k *Conn) Open() bool { return k.greeted && k.inStep && !k.broken }

// Offers reports the parameters with which the last reply to EHLO offers an
// extension, and whether it does.
func (k *Conn) Offers(keyword string) (parameters string, offered bool) {
	return k.session.Extension(keyword)
}

// Local is the address of this end; not valid where there is no connection.
func (k *Conn) Local() netip.Addr {
	if k.raw == nil {
		return netip.Addr{}
	}
	at, _ := netip.ParseAddrPort(k.raw.LocalAddr().String())
	return at.Addr().Unmap()
}

// Close takes leave where that could be understood, and hangs up. Only the first
// one does anything.
func (k *Conn) Close() {
	defer k.cancel()
	if k.raw == nil {
		return
	}
	if k.Open() && k.ctx.Err() == nil {
		k.exchange(probe.StageQuit, "QUIT", k.limits.Quit, 221)
	}
	k.stop()
	if k.conn != k.raw && !k.broken {
		k.allow(k.limits.Quit)
		k.conn.Close() // tells the host that TLS ends here
	}
	k.raw.Close()
	k.broken = true
}

// literal is the address literal of an address (RFC 5321, 4.1.3).
func literal(addr netip.Addr) string {
	switch {
	case !addr.IsValid():
		return "[127.0.0.1]"
	case addr.Is4():
		return "[" + addr.String() + "]"
	}
	return "[IPv6:" + addr.WithZone("").String() + "]"
}

// clean is a host name as certificates and SNI have it.
func clean(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }
