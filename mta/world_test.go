package mta_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A world is two servers on loopback, sender.example at 192.0.2.1 and
// receiver.example at 192.0.2.2, and a DNS.
type world struct {
	t    *testing.T
	ca   *clienttest.CA
	keys []mta.Key // of sender.example
	dns  *zone

	from, to *host
}

type host struct {
	*mta.Server
	mail *maildir.Store

	mu       sync.Mutex
	arrived  []mta.Arrival
	reports  []deliver.Report
	events   []queue.Event
	mx, user string // where it listens
}

// zone is records that can change.
type zone struct {
	mu      sync.Mutex
	records []record.Record
}

func (z *zone) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return resolve.NewZone(z.records).Resolve(ctx, q)
}

// set replaces the records of a name and type; a line each: "name TYPE data".
func (z *zone) set(lines ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, line := range lines {
		f := strings.SplitN(line, " ", 3)
		name := record.Canonical(f[0])
		var kept []record.Record
		for _, r := range z.records {
			if r.Name != name || r.Type != f[1] {
				kept = append(kept, r)
			}
		}
		if z.records = kept; f[2] == "" {
			continue
		}
		if f[1] == "TXT" {
			z.records = append(z.records, record.TXT(name, f[2]))
		} else {
			z.records = append(z.records, record.Record{Name: name, Type: f[1], TTL: 300, Data: f[2]})
		}
	}
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// newWorld begins one; change may change the options of either server.
func newWorld(t *testing.T, change func(name string, o *mta.Options)) *world {
	t.Helper()
	w := &world{t: t, ca: clienttest.NewCA(t, time.Now()), dns: &zone{}}
	first, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.dns.set(
		"sender.example MX 10 mx.sender.example.", "mx.sender.example A 192.0.2.1", "1.2.0.192.in-addr.arpa PTR mx.sender.example.",
		"sender.example TXT v=spf1 ip4:192.0.2.1 -all", "_dmarc.sender.example TXT v=DMARC1; p=reject",
		"mx.sender.example TXT v=spf1 a -all",
		"receiver.example MX 10 mx.receiver.example.", "mx.receiver.example A 192.0.2.2",
	)
	for selector, signer := range map[string]crypto.Signer{"r1": first, "e1": second} {
		w.keys = append(w.keys, mta.Key{Domain: "sender.example", Selector: selector, Signer: signer})
		public, err := dkim.New(signer.Public())
		if err != nil {
			t.Fatal(err)
		}
		w.dns.set(selector + "._domainkey.sender.example TXT " + public.String())
	}
	w.from = w.host("sender.example", "192.0.2.9", change)
	w.to = w.host("receiver.example", "192.0.2.1", change)
	return w
}

// host begins the server of a domain, which sees its clients at an address.
func (w *world) host(domain, client string, change func(string, *mta.Options)) *host {
	w.t.Helper()
	h := &host{mail: &maildir.Store{Dir: w.t.TempDir(), Host: "test"}}
	cert := w.ca.Issue(w.t, "mx."+domain)
	o := mta.Options{
		Receive: smtpd.Config{
			Hostname: "mx." + domain, Domains: []string{domain}, Users: users{}, GreetAfter: -1,
			TLS: func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{*cert}} },
		},
		Send:     deliver.Sender{DNS: w.dns, Refuse: func(netip.Addr) string { return "" }},
		SpoolDir: w.t.TempDir(), Spool: spool.Options{MinFree: 1}, Mail: h.mail, DNS: w.dns,
		Arrived: func(a mta.Arrival) { h.mu.Lock(); defer h.mu.Unlock(); h.arrived = append(h.arrived, a) },
		Attempted: func(_ spool.Envelope, r deliver.Report) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.reports = append(h.reports, r)
		},
		Queue: queue.Options{
			Schedule: []time.Duration{0, 20 * time.Millisecond}, Rand: func() float64 { return 0.5 },
			Observe: func(e queue.Event) { h.mu.Lock(); defer h.mu.Unlock(); h.events = append(h.events, e) },
		},
	}
	o.Send.Client.Dial, o.Send.Client.Roots = w.dial, w.ca.Roots()
	if domain == "sender.example" {
		o.Keys = w.keys
	}
	if change != nil {
		change(domain, &o)
	}
	var err error
	if h.Server, _, err = mta.Open(o); err != nil {
		w.t.Fatal(err)
	}
	h.mx, h.user = w.listen(h, smtpd.MX, client), w.listen(h, smtpd.Submission, client)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			w.t.Error(err)
		}
	})
	return h
}

func (w *world) listen(h *host, port smtpd.Port, client string) string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	go h.Serve(smtpd.SeenAs(l, netip.AddrPortFrom(netip.MustParseAddr(client), 40000)), port)
	return l.Addr().String()
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	to := map[string]*host{"192.0.2.1:25": w.from, "192.0.2.2:25": w.to}[address]
	if to == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
	}
	return new(net.Dialer).DialContext(ctx, network, to.mx)
}

// users log in as themselves with the password "secret"; ann has an alias.
type users struct{}

func (users) Authenticate(_ context.Context, _, password string) error {
	if password != "secret" {
		return smtpd.ErrCredentials
	}
	return nil
}

func (users) MaySend(user string, from smtpd.Address) bool {
	return from == smtpd.Address{} || from.String() == user || user == "ann@sender.example" && from.String() == "sales@sender.example"
}

// text is a message from an address.
func text(from string, lines ...string) string {
	return "From: Ann <" + from + ">\r\nTo: bob@receiver.example\r\n" + strings.Join(lines, "") + "Subject: test\r\n\r\nHello Bob.\r\n"
}

// submit hands a message to the sender's host as a user, and returns the reply.
func (w *world) submit(message string, to ...string) client.Answer {
	w.t.Helper()
	return w.send(w.from.user, "ann@sender.example", "ann@sender.example", message, to...)
}

// send holds a conversation: as a user, or as nobody over port 25.
func (w *world) send(address, user, from, message string, to ...string) client.Answer {
	w.t.Helper()
	c := client.Client{Name: "laptop.sender.example", Roots: w.ca.Roots(), Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	conn, failed := c.Connect(w.t.Context(), client.Target{Addr: netip.MustParseAddr("127.0.0.1"), Host: "mx.sender.example"})
	defer conn.Close()
	if failed == nil {
		failed = conn.Hello()
	}
	if failed == nil && user != "" {
		failed = conn.StartTLS(client.TLS{Name: "mx.sender.example", Strict: true})
		if failed == nil {
			failed = conn.Hello()
		}
		if failed == nil {
			failed = conn.Authenticate(user, "secret")
		}
	}
	if failed != nil {
		w.t.Fatal(failed)
	}
	m := client.Mail{From: from, Size: int64(len(message)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(message)), nil }}
	for _, r := range to {
		m.Rcpts = append(m.Rcpts, client.Rcpt{Addr: r})
	}
	return conn.Send(m)[0]
}

// arrivals waits for n messages in the mailboxes of a host.
func (h *host) arrivals(t *testing.T, n int) []mta.Arrival {
	t.Helper()
	for range 1000 {
		h.mu.Lock()
		got := append([]mta.Arrival(nil), h.arrived...)
		h.mu.Unlock()
		if len(got) >= n {
			return got
		}
		time.Sleep(5 * time.Millisecond)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.reports {
		t.Logf("%+v", r.Results)
	}
	t.Fatalf("%d messages arrived, want %d; events %v", len(h.arrived), n, h.events)
	return nil
}

// idle waits until nothing is queued.
func (h *host) idle(t *testing.T) {
	t.Helper()
	for range 1000 {
		if n, _ := h.Queue().Len(); n == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("still queued: %+v", h.Queue().List())
}

// read is a message in a mailbox, without the fields of the final delivery.
func (h *host) read(t *testing.T, a mta.Arrival) string {
	t.Helper()
	r, err := h.mail.Open(a.Box, maildir.Entry{Name: a.Name, Folder: a.Folder})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func said(a client.Answer) string {
	return strings.Join(a.Reply.Lines, " ")
}

func (w *world) stranger() netip.Addr { return netip.MustParseAddr("198.51.100.66") }

func nobody(context.Context, smtpd.Address) error { return smtpd.ErrNoMailbox }
