package resolve

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// errForeign is an answer to another question.
var errForeign = errors.New("the answer is to another question")

// suspicion is how long a server that was silent is asked after the others.
const suspicion = 30 * time.Second

// An endpoint is a server and the connections to it.
type endpoint struct {
	server Server
	udp    *udpPool
	stream *streamPool
	doh    *dohServer

	plain   atomic.Bool  // it answers only without EDNS
	suspect atomic.Int64 // until when, in Unix nanoseconds
	used    atomic.Int64 // when last, in Unix nanoseconds; of servers asked themselves
}

func newEndpoint(s Server, o Options, wg *sync.WaitGroup) *endpoint {
	e := &endpoint{server: s}
	config := o.TLSConfig
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	dial := func(network string) func(context.Context) (net.Conn, error) {
		return func(ctx context.Context) (net.Conn, error) { return o.Dial(ctx, network, s.address()) }
	}
	switch s.Network {
	case "https":
		e.doh = newDoH(s, o, config.Clone())
	case "tls":
		e.stream = newStreamPool(o.Timeout, wg, tlsDialer(o, config, s))
	case "tcp":
		e.stream = newStreamPool(o.Timeout, wg, dial("tcp"))
	default:
		e.udp = &udpPool{dial: dial("udp"), wg: wg}
		e.stream = newStreamPool(o.Timeout, wg, dial("tcp"))
	}
	return e
}

// ask asks the server once: without EDNS if it cannot do that, over TCP if the
// answer was truncated.
func (e *endpoint) ask(ctx context.Context, name, typ string, how manner) (reply, *Error) {
	edns := !e.plain.Load()
	r, err := e.exchange(ctx, name, typ, how, edns)
	if err == nil && edns && r.rejectsEDNS() {
		// RFC 6891, 7: an old server answers FORMERR; ask as in old times.
		again, err := e.exchange(ctx, name, typ, how, false)
		if err == nil && !again.rejectsEDNS() {
			e.plain.Store(true)
			return again, nil
		}
	}
	return r, err
}

func (e *endpoint) exchange(ctx context.Context, name, typ string, how manner, edns bool) (reply, *Error) {
	q, err := newQuery(name, typ, how, edns)
	if err != nil {
		return reply{}, &Error{Kind: Invalid, Err: err}
	}
	if e.udp != nil {
		msg, err := e.udp.ask(ctx, q)
		if err != nil {
			return reply{}, transportError(err)
		}
		// TC is looked at first: the rest of such an answer is of no use (RFC 2181, 9).
		if msg[2]&0x02 == 0 {
			return received(msg, q)
		}
		if msg, err = e.stream.ask(ctx, q); err != nil {
			return reply{}, &Error{Kind: Truncated, Err: err}
		}
		return received(msg, q)
	}
	ask := e.askStream
	if e.doh != nil {
		ask = e.doh.ask
	}
	msg, err := ask(ctx, q)
	if err != nil {
		return reply{}, transportError(err)
	}
	return received(msg, q)
}

func (e *endpoint) askStream(ctx context.Context, q query) ([]byte, error) {
	return e.stream.ask(ctx, q)
}

// received reads a message that cannot be truncated any more.
func received(msg []byte, q query) (reply, *Error) {
	r, err := readReply(msg, q)
	switch {
	case r.rcode != dns.RcodeSuccess && r.rcode != dns.RcodeNameError:
		return r, nil // a failure needs no records
	case r.tc:
		return reply{}, &Error{Kind: Truncated}
	case errors.Is(err, errTooMany):
		return reply{}, &Error{Kind: TooLarge, Err: err}
	case err != nil:
		return reply{}, &Error{Kind: Malformed, Err: err}
	}
	return r, nil
}

// transportError tells apart why no message came. The words are the same
// whoever the server is; the cause is kept for those who look.
func transportError(err error) *Error {
	var certificate *tls.CertificateVerificationError
	var noTLS errTLS
	var noDNS errHTTP
	var timeout net.Error
	switch {
	case errors.Is(err, errTooLarge):
		return &Error{Kind: TooLarge, Err: err}
	case errors.Is(err, errForeign):
		return &Error{Kind: Malformed, Err: err}
	case errors.As(err, &noDNS):
		return &Error{Kind: Unreachable, Detail: noDNS.why, Err: err}
	case errors.As(err, &certificate):
		return &Error{Kind: Unreachable, Detail: "its certificate does not verify", Err: err}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Kind: Timeout, Err: err}
	case errors.As(err, &noTLS):
		return &Error{Kind: Unreachable, Detail: "TLS failed", Err: err}
	}
	return &Error{Kind: Unreachable, Err: err}
}

// silent notes that the server did not answer in good time.
func (e *endpoint) silent() { e.suspect.Store(time.Now().Add(suspicion).UnixNano()) }

func (e *endpoint) suspected() bool {
	until := e.suspect.Load()
	return until != 0 && time.Now().UnixNano() < until
}

// spoke notes that the server did answer.
func (e *endpoint) spoke() {
	if e.suspect.Load() != 0 {
		e.suspect.Store(0)
	}
}

func (e *endpoint) busy() bool {
	return e.udp != nil && e.udp.busy() || e.stream != nil && e.stream.busy()
}

func (e *endpoint) close() {
	if e.udp != nil {
		e.udp.close()
	}
	if e.stream != nil {
		e.stream.close()
	}
	if e.doh != nil {
		e.doh.close()
	}
}
