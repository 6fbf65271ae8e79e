package resolve

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"
)

const dnsMessage = "application/dns-message"

// errTooLarge is a message over the limit of 65,535 octets.
var errTooLarge = errors.New("the message is larger than 65535 octets")

// errHTTP is an answer of HTTP that holds no DNS message.
type errHTTP struct{ why string }

func (e errHTTP) Error() string { return e.why }

// A dohServer is a server that speaks DNS over HTTPS (RFC 8484). The HTTP
// library keeps connections and, with HTTP/2, multiplexes on them.
type dohServer struct {
	url    string
	client *http.Client
	trans  *http.Transport
	ctx    context.Context // of all questions
	stop   context.CancelFunc
}

func newDoH(s Server, o Options, config *tls.Config) *dohServer {
	t := &http.Transport{
		DialContext:            o.Dial,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    o.Timeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    4,
		MaxConnsPerHost:        16,
		IdleConnTimeout:        streamIdle,
		MaxResponseHeaderBytes: 16 << 10,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(true)
	d := &dohServer{url: s.String(), trans: t, client: &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d
}

// ask sends a question and returns the answer's message. The ID is 0
// (RFC 8484, 4.1): HTTP itself tells the answers apart.
func (d *dohServer) ask(ctx context.Context, q query) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(q.wire))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", dnsMessage)
	req.Header.Set("Accept", dnsMessage)
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errHTTP{fmt.Sprintf("HTTP status %d", resp.StatusCode)}
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != dnsMessage {
		return nil, errHTTP{"not an answer of DNS over HTTPS"}
	}
	msg, err := io.ReadAll(io.LimitReader(resp.Body, maxMessage+1))
	if err != nil {
		return nil, err
	}
	if len(msg) > maxMessage {
		return nil, errTooLarge
	}
	if !q.answeredBy(msg) {
		return nil, errForeign
	}
	return msg, nil
}

func (d *dohServer) close() {
	d.stop()
	d.trans.CloseIdleConnections()
}

// tlsDialer returns a dialler of TLS connections that verifies who answers
// (RFC 8310, 8.1: the strict profile).
func tlsDialer(o Options, config *tls.Config, s Server) func(context.Context) (net.Conn, error) {
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = s.Host
	}
	return func(ctx context.Context) (net.Conn, error) {
		raw, err := o.Dial(ctx, "tcp", s.address())
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, errTLS{err}
		}
		conn.SetDeadline(time.Time{})
		return conn, nil
	}
}

// errTLS is a failed handshake.
type errTLS struct{ err error }

func (e errTLS) Error() string { return e.err.Error() }
func (e errTLS) Unwrap() error { return e.err }
