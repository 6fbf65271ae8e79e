package smtpd_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// A store keeps what it is given, in memory.
type store struct {
	mu    sync.Mutex
	mails []smtpd.Mail
	texts []string
	err   error
	wait  func(context.Context) // in Accept
}

func (s *store) Accept(ctx context.Context, m *smtpd.Mail, r io.Reader) error {
	text, err := io.ReadAll(r)
	if s.wait != nil {
		s.wait(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || err != nil {
		return errors.Join(s.err, err)
	}
	s.mails = append(s.mails, *m)
	s.texts = append(s.texts, string(text))
	return nil
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

// users may log in with the password "secret" and write as themselves.
type users struct{}

func (users) Authenticate(_ context.Context, user, password string) error {
	switch {
	case user == "broken":
		return errors.New("the database is gone")
	case password != "secret":
		return smtpd.ErrCredentials
	}
	return nil
}

func (users) MaySend(user string, from smtpd.Address) bool {
	return from == smtpd.Address{} || from.String() == user
}

// config is that of mx.local.example, which takes mail for local.example.
func config(s smtpd.Store) smtpd.Config {
	return smtpd.Config{
		Hostname:  "mx.local.example",
		Domains:   []string{"local.example", "xn--bcher-kva.example"},
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("2001:db8::25")},
		Store:     s,
		Users:     users{},
		TLS:       serverTLS(),
	}
}

var serverTLS = sync.OnceValue(func() func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mx.local.example"}, NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return func() *tls.Config { return c }
})

// A listener hands out the ends of pipes.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	addr   string
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), closed: make(chan struct{}), addr: "127.0.0.1:25"}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.addr))
}

// An end of a pipe has the addresses of a TCP connection.
type end struct {
	net.Conn
	local, remote string
}

func (e end) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(e.local))
}
func (e end) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(e.remote))
}

// A queued connection does not block in Write; each Write is a segment.
type queued struct {
	net.Conn
	segments chan []byte
	done     chan struct{}
	once     sync.Once
}

func newQueued(c net.Conn) *queued {
	q := &queued{Conn: c, segments: make(chan []byte, 10000), done: make(chan struct{})}
	go func() {
		for {
			select {
			case p := <-q.segments:
				if _, err := q.Conn.Write(p); err != nil {
					return
				}
			case <-q.done:
				return
			}
		}
	}()
	return q
}

func (q *queued) Write(p []byte) (int, error) {
	q.segments <- append([]byte(nil), p...)
	return len(p), nil
}

func (q *queued) Close() error {
	q.once.Do(func() { close(q.done) })
	return q.Conn.Close()
}

// A world is a running server and its store.
type world struct {
	t      *testing.T
	server *smtpd.Server
	store  *store
	ends   map[smtpd.Port]*listener
	mu     sync.Mutex
	ended  []*smtpd.Session
	conns  []net.Conn // of the clients
}

// play runs a server on all ports until the test ends.
func play(t *testing.T, change func(*smtpd.Config)) *world {
	t.Helper()
	w := &world{t: t, store: new(store), ends: make(map[smtpd.Port]*listener)}
	c := config(w.store)
	c.GreetAfter = -1
	c.TempDir = t.TempDir()
	c.Ended = func(s *smtpd.Session) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, s)
	}
	if change != nil {
		change(&c)
	}
	var err error
	if w.server, err = smtpd.New(c); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	for _, port := range []smtpd.Port{smtpd.MX, smtpd.Submission, smtpd.Submissions} {
		l := newListener()
		w.ends[port] = l
		serving.Go(func() {
			if err := w.server.Serve(l, port); !errors.Is(err, smtpd.ErrStopped) {
				t.Errorf("Serve: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = w.server.Shutdown(ctx)
		serving.Wait()
	})
	return w
}

// sessions hangs up, and returns what was seen.
func (w *world) sessions() []*smtpd.Session {
	w.t.Helper()
	for _, conn := range w.conns {
		conn.Close()
	}
	if err := w.server.Shutdown(context.Background()); err != nil {
		w.t.Error(err)
	}
	return w.ended
}

// A client speaks to the server, line by line.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (w *world) dial(port smtpd.Port) *client { return w.dialFrom(port, "198.51.100.7:40000") }

func (w *world) dialFrom(port smtpd.Port, remote string) *client {
	w.t.Helper()
	ours, theirs := net.Pipe()
	w.ends[port].conns <- end{theirs, "192.0.2.25:25", remote}
	c := &client{t: w.t, conn: newQueued(ours)}
	w.conns = append(w.conns, c.conn)
	w.t.Cleanup(func() { c.conn.Close() })
	if port == smtpd.Submissions {
		c.conn = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	}
	c.r = bufio.NewReader(c.conn)
	return c
}

// open dials and waits for the greeting.
func (w *world) open(port smtpd.Port) *client {
	w.t.Helper()
	c := w.dial(port)
	c.expect("220 ")
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// reply reads a whole reply; lines are joined by LF. It is empty at the end of the
// connection.
func (c *client) reply() string {
	c.t.Helper()
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return strings.Join(lines, "\n")
		}
		text, ok := strings.CutSuffix(line, "\r\n")
		if !ok || len(text) < 4 || len(line) > 512 {
			c.t.Fatalf("line of a reply: %q", line)
		}
		lines = append(lines, text)
		if text[3] == ' ' {
			return strings.Join(lines, "\n")
		}
	}
}

func (c *client) expect(prefix string) string {
	c.t.Helper()
	got := c.reply()
	if !strings.HasPrefix(got, prefix) || got == "" && prefix != "" {
		c.t.Fatalf("reply %q, want %s", got, prefix)
	}
	return got
}

// say sends a command and expects a reply.
func (c *client) say(line, prefix string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	got := c.reply()
	if !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("%q: reply %q, want %s", line, got, prefix)
	}
	return got
}

// gone expects the end of the connection.
func (c *client) gone() {
	c.t.Helper()
	if line, err := c.r.ReadString('\n'); err == nil {
		c.t.Fatalf("still there: %q", line)
	}
}

func (c *client) startTLS() {
	c.t.Helper()
	c.say("STARTTLS", "220 ")
	c.tls()
}

func (c *client) tls() {
	c.conn = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.r = bufio.NewReader(c.conn)
}

// logIn does it on a submission port, in clear until then.
func (c *client) logIn(user string) {
	c.t.Helper()
	c.say("EHLO client.example", "250-")
	c.startTLS()
	c.say("EHLO client.example", "250-")
	c.say("AUTH PLAIN "+plain(user, "secret"), "235 2.7.0 ")
}

func plain(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// envelope goes as far as the message.
func (c *client) envelope() {
	c.t.Helper()
	c.say("MAIL FROM:<a@sender.example>", "250 2.1.0 ")
	c.say("RCPT TO:<b@local.example>", "250 2.1.5 ")
}
