package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	portHTTPS = 443
	maxTries  = 4 // addresses of one host that are connected to, one after the other

	userAgent = "maildoctor (+https://github.com/maildoctor/maildoctor)"
)

// A Fetcher gets single documents over HTTPS, as the mail world needs them: a
// policy, a logo. It follows no redirect, keeps no cookie, sends no credentials,
// knows no proxy and asks for no content coding. Its fields are not changed once
// it is in use; it is safe for concurrent use. The zero value talks to the
// internet.
type Fetcher struct {
	// Dial connects; nil is that of a net.Dialer. See Prober.Dial.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Timeouts that are zero are those of DefaultFetchTimeouts.
	Timeouts FetchTimeouts

	// RootCAs is what certificates are verified against; nil is the system's.
	RootCAs *x509.CertPool

	// Now is the time at which certificates have to be valid; nil is time.Now.
	Now func() time.Time

	slots Prober // two fetches at once from one address, 32 in all
}

// Fetch does one GET and returns what came of it once the connection is closed.
// It ends early with ctx.
func (f *Fetcher) Fetch(ctx context.Context, r Request) Fetch {
	if r.MaxBody <= 0 {
		r.MaxBody = defaultBody
	}
	fetch := Fetch{URL: r.URL}
	limits := r.Limits.or(f.Timeouts).or(DefaultFetchTimeouts())
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Total, errTotal)
	defer cancel()
	g := &get{Fetcher: f, ctx: ctx, request: r, limits: limits, fetch: &fetch}
	g.run()
	fetch.Took = time.Since(start)
	return fetch
}

// A get is a fetch under way.
type get struct {
	*Fetcher
	ctx     context.Context
	request Request
	limits  FetchTimeouts
	fetch   *Fetch
	url     *url.URL
	host    string // lower-case, without a final dot
}

func (g *get) run() {
	if err := g.parse(); err != nil {
		g.fetch.Err = &Error{Stage: StageResolve, Kind: Invalid, Detail: err.Error(), Err: err}
		return
	}
	addrs := g.resolve()
	for _, addr := range addrs[:min(len(addrs), maxTries)] {
		if g.from(addr) || g.ctx.Err() != nil {
			return
		}
	}
}

// parse takes only what a mail standard can mean by an https URL.
func (g *get) parse() error {
	u, err := url.Parse(g.request.URL)
	if err != nil {
		return errors.New("not a URL")
	}
	g.url, g.host = u, clean(u.Hostname())
	_, notAName := netip.ParseAddr(g.host)
	switch {
	case g.request.Lookup == nil:
		return errors.New("no way to ask for addresses")
	case u.Scheme != "https":
		return errors.New("not an https URL")
	case u.Port() != "" && u.Port() != strconv.Itoa(portHTTPS):
		return fmt.Errorf("a port other than %d", portHTTPS)
	case u.User != nil:
		return errors.New("a URL with a user name")
	case g.host == "" || notAName == nil || len(g.host) > 253 || strings.Trim(g.host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
		return errors.New("the host is not a name")
	}
	return nil
}

// resolve returns the addresses that may be connected to.
func (g *get) resolve() []netip.Addr {
	start := time.Now()
	found, err := g.request.Lookup(g.ctx, g.host)
	step := FetchStep{Stage: StageResolve, Took: time.Since(start)}
	defer func() {
		g.fetch.Steps = append(g.fetch.Steps, step)
		g.fetch.Err = step.Err
	}()
	if err != nil {
		step.Err = &Error{Stage: StageResolve, Kind: Unresolved, Detail: err.Error(), Err: err}
		return nil
	}
	var addrs []netip.Addr
	for _, addr := range found {
		addr = addr.Unmap()
		g.fetch.Addrs = append(g.fetch.Addrs, addr)
		if g.request.Refuse == nil {
			addrs = append(addrs, addr)
		} else if why := g.request.Refuse(addr); why != "" {
			g.fetch.Refused = append(g.fetch.Refused, RefusedAddr{addr, why})
		} else {
			addrs = append(addrs, addr)
		}
	}
	switch {
	case len(found) == 0:
		step.Err = &Error{Stage: StageResolve, Kind: NoAddress}
	case len(addrs) == 0:
		step.Err = &Error{Stage: StageResolve, Kind: Forbidden}
	}
	return addrs
}

// from fetches from one address, and reports whether that settles it: whether
// it accepted the connection.
func (g *get) from(addr netip.Addr) bool {
	release, err := g.slots.acquire(g.ctx, netip.AddrPortFrom(addr, portHTTPS))
	if err != nil {
		g.end(FetchStep{Stage: StageConnect, Addr: addr, Err: g.fault(StageConnect, err, g.limits.Total)})
		return false
	}
	defer release()
	conn, ok := g.connect(addr)
	if !ok {
		return false
	}
	g.fetch.Addr, g.fetch.Err = addr, nil
	line := newLine(g.ctx, conn)
	defer line.hangUp()
	if secure := g.handshake(line); secure != nil {
		g.exchange(line, secure)
	}
	return true
}

// end takes down a step, and how it went wrong. What a host says tells more than
// that this machine has no route to another of its addresses.
func (g *get) end(step FetchStep) {
	g.fetch.Steps = append(g.fetch.Steps, step)
	if step.Err != nil && (g.fetch.Err == nil || g.fetch.Err.Kind == NoRoute) {
		g.fetch.Err = step.Err
	}
}

func (g *get) connect(addr netip.Addr) (net.Conn, bool) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(g.ctx, g.limits.Connect)
	defer cancel()
	dial := g.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", netip.AddrPortFrom(addr, portHTTPS).String())
	step := FetchStep{Stage: StageConnect, Addr: addr, Took: time.Since(start)}
	if err != nil {
		if ctx.Err() != nil && g.ctx.Err() == nil {
			err = context.DeadlineExceeded // whatever the dialer calls it
		}
		step.Err = g.fault(StageConnect, err, g.limits.Connect)
	}
	g.end(step)
	return conn, err == nil
}

// handshake does the TLS handshake and takes down what it showed.
func (g *get) handshake(line *line) *tls.Conn {
	start := time.Now()
	line.allow(g.limits.TLS)
	secure := tls.Client(line.conn, &tls.Config{
		ServerName: g.host, InsecureSkipVerify: true, // judged beside the fetch, see Fetch.TLS
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Time: g.Now,
	})
	err := secure.HandshakeContext(g.ctx)
	step := FetchStep{Stage: StageTLS, Took: time.Since(start)}
	if err != nil {
		step.Err = g.fault(StageTLS, err, g.limits.TLS)
		var op *net.OpError
		if step.Err.Kind == Other || (errors.As(err, &op) && op.Op == "remote error") {
			step.Err.Kind, step.Err.Detail = Handshake, strings.TrimPrefix(err.Error(), "tls: ")
		}
		g.end(step)
		return nil
	}
	g.end(step)
	g.fetch.TLS = (&Prober{RootCAs: g.RootCAs, Now: g.Now}).look(secure.ConnectionState(), g.host)
	return secure
}

// exchange sends the request and takes the response.
func (g *get) exchange(line *line, secure *tls.Conn) {
	start := time.Now()
	line.allow(g.limits.Request)
	in := newResponses(secure)
	_, err := io.WriteString(secure, g.text())
	if err == nil {
		err = in.head(g.fetch)
	}
	step := FetchStep{Stage: StageRequest, Took: time.Since(start)}
	if err != nil {
		step.Err = g.fault(StageRequest, err, g.limits.Request)
		g.end(step)
		return
	}
	g.end(step)
	start = time.Now()
	line.allow(g.limits.Body)
	err = in.body(g.fetch, g.request.MaxBody)
	step = FetchStep{Stage: StageBody, Took: time.Since(start)}
	if err != nil {
		step.Err = g.fault(StageBody, err, g.limits.Body)
	}
	g.end(step)
}

// text is the request (RFC 9112, 3). url.URL leaves no blank or control in it.
func (g *get) text() string {
	accept := g.request.Accept
	if accept == "" {
		accept = "*/*"
	}
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: %s\r\n"+
		"Accept-Encoding: identity\r\nConnection: close\r\n\r\n", g.url.RequestURI(), g.host, userAgent, accept)
}

// fault tells apart why a stage could not be finished.
func (g *get) fault(stage Stage, err error, limit time.Duration) *Error {
	e := &Error{Stage: stage, Kind: kindOf(err), Err: err}
	var wrong errResponse
	switch {
	case errors.As(err, &wrong):
		e.Kind, e.Detail = wrong.kind, wrong.why
	case context.Cause(g.ctx) == errTotal:
		e.Kind, e.Detail = Timeout, fmt.Sprintf("the whole fetch took more than %v", g.limits.Total)
	case g.ctx.Err() != nil:
		e.Kind = Canceled
	case e.Kind == Timeout && stage == StageConnect:
		e.Detail = fmt.Sprintf("nothing within %v", limit)
	case e.Kind == Timeout:
		e.Detail = fmt.Sprintf("not complete within %v", limit)
	case e.Kind == Other:
		e.Detail = err.Error()
	}
	return e
}
