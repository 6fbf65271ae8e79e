package daemon

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A world is a daemon on loopback with its file, a DNS, and a mail host elsewhere,
// mx.other.example.
type world struct {
	t     *testing.T
	dir   string
	ca    *clienttest.CA
	other *clienttest.Host
	log   lines
	read  func() (*Setup, error)
	env   map[string]string

	*Daemon
	stop func() error          // ends Run
	at   map[smtpd.Port]string // where it is, if not that Daemon
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// file is a maildoctor.yaml with a section mta of those lines behind what every
// test has.
func file(lines ...string) string {
	return `version: 1
hosts: {mail.example.com: [203.0.113.25, "2001:db8:25::25"]}
domains:
  example.com: {profile: standard, dkim: {s1: {file: s1.key}}}
mta:
  state: state
  tls: {cert: cert.pem, key: key.pem}
  listen: {mx: "127.0.0.1:0", submission: "127.0.0.1:0", submissions: "127.0.0.1:0"}
  mailboxes: [ann]
  users: {ann: {password-file: ann.password}, ben: {password-file: ben.password, send-as: "@example.com"}}
` + strings.Join(lines, "\n") + "\n"
}

// newWorld writes the file and what it names.
func newWorld(t *testing.T, lines ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), ca: clienttest.NewCA(t, time.Now()), other: &clienttest.Host{Name: "mx.other.example"}}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dkim, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	w.certificate("cert.pem", "key.pem")
	w.write("s1.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: dkim})))
	w.write("ann.password", "of ann\n")
	w.write("ben.password", benHash+"\n")
	w.write("maildoctor.yaml", file(lines...))
	w.read = func() (*Setup, error) { return w.setup() }
	return w
}

// benHash is "of ben" by bcrypt.
const benHash = "$2a$04$yUqUaygNELH.5W.07/OWIeP0BcA7MxlhKRDjvVQ6TY/kV9yXVjQIW"

// certificate writes a new one of mail.example.com.
func (w *world) certificate(name, keyName string) {
	w.t.Helper()
	cert := w.ca.Issue(w.t, "mail.example.com")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(name, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})))
	w.write(keyName, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// setup reads the file, as a reload does.
func (w *world) setup() (*Setup, error) {
	text, err := os.ReadFile(filepath.Join(w.dir, "maildoctor.yaml"))
	if err != nil {
		return nil, err
	}
	state, problems := desired.Parse(text, func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(w.dir, name)) })
	var s *Setup
	if len(problems) == 0 {
		s, problems = Prepare(state, w.dir)
	}
	if len(problems) > 0 {
		return nil, problems[0]
	}
	return s, nil
}

// start opens the daemon and has it serve until the end of the test, or stop.
func (w *world) start(change ...func(*mta.Options)) *world {
	w.t.Helper()
	s, err := w.setup()
	if err != nil {
		w.t.Fatal(err)
	}
	zone := resolve.NewZone([]record.Record{
		record.MX("other.example.", 10, "mx.other.example."), {Name: "mx.other.example.", Type: "A", TTL: 300, Data: "198.51.100.9"},
	})
	w.Daemon, err = Open(w.t.Context(), s, Options{
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), Version: "test", DNS: zone, Env: func(name string) string { return w.env[name] }, Read: w.read,
		Tune: func(o *mta.Options) {
			o.Receive.GreetAfter = -1
			o.Spool.MinFree = 1
			o.Send.Refuse = func(netip.Addr) string { return "" }
			o.Send.Client.Dial, o.Send.Client.Roots = clienttest.Network{"198.51.100.9:25": w.other}.Dial, w.ca.Roots()
			for _, f := range change {
				f(o)
			}
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	w.t.Cleanup(func() {
		if err := w.stop(); err != nil {
			w.t.Error(err)
		}
	})
	return w
}

// A letter is what is sent, and as whom.
type letter struct {
	port           smtpd.Port
	user, password string
	from, to       string
	header         string // besides From
}

// connect opens a conversation up to EHLO, under TLS and logged in if there is a user.
func (w *world) connect(l letter) (*client.Conn, error) {
	address := w.at[l.port]
	if address == "" {
		address = w.Addr(l.port).String()
	}
	c := client.Client{Name: "laptop.example.com", Roots: w.ca.Roots(), Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	conn, failed := c.Connect(w.t.Context(), client.Target{Addr: netip.MustParseAddr("127.0.0.1"), Host: "mail.example.com", ImplicitTLS: l.port == smtpd.Submissions})
	if failed == nil {
		failed = conn.Hello()
	}
	if failed == nil && l.port != smtpd.Submissions {
		if failed = conn.StartTLS(client.TLS{Name: "mail.example.com", Strict: true}); failed == nil {
			failed = conn.Hello()
		}
	}
	if failed == nil && l.user != "" {
		failed = conn.Authenticate(l.user, l.password)
	}
	if failed != nil {
		conn.Close()
		return nil, failed
	}
	return conn, nil
}

// send sends a letter and returns the last reply.
func (w *world) send(l letter) string {
	conn, err := w.connect(l)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	return post(conn, l)
}

func post(conn *client.Conn, l letter) string {
	text := "From: <" + l.from + ">\r\n" + l.header + "Subject: test\r\n\r\nHello.\r\n"
	a := conn.Send(client.Mail{From: l.from, Rcpts: []client.Rcpt{{Addr: l.to}}, Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}})[0]
	return strings.Join(a.Reply.Lines, " ")
}

// in is the messages of a mailbox.
func (w *world) in(box string) []string {
	w.t.Helper()
	store := &maildir.Store{Dir: filepath.Join(w.dir, "state", "mail")}
	entries, err := store.List(box)
	if err != nil {
		w.t.Fatal(err)
	}
	var texts []string
	for _, e := range entries {
		r, err := store.Open(box, e)
		if err != nil {
			w.t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			w.t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// until waits for a condition.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for range 2000 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.t.Fatalf("%s does not happen; the log is\n%s", what, w.log.String())
}

func (w *world) expect(reply, want string) {
	w.t.Helper()
	if !strings.HasPrefix(reply, want) {
		w.t.Errorf("%q, want %s", reply, want)
	}
}
