package deliver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

const text = "From: a@example.net\r\nSubject: test\r\n\r\nhello\r\n"

// A world is a DNS, some hosts and a clock.
type world struct {
	ca     *clienttest.CA
	hosts  clienttest.Network
	faults map[string]resolve.Kind     // by "TYPE name"
	signed map[string]resolve.Security // by "TYPE name" or "name"; else Insecure
	sts    string                      // the policy that is served; empty: none is
	zone   *resolve.Zone

	mu     sync.Mutex
	dialed []string
	asked  []string
	gets   int
}

// newWorld makes one of records, a line each: "example.org MX 10 mx.example.org.".
func newWorld(t testing.TB, records string) *world {
	t.Helper()
	w := &world{ca: clienttest.NewCA(t, time.Now()), hosts: clienttest.Network{}, faults: map[string]resolve.Kind{}, signed: map[string]resolve.Security{}}
	var all []record.Record
	for line := range strings.Lines(records) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(fields) == 3 {
			all = append(all, record.Record{Name: record.Canonical(fields[0]), Type: fields[1], TTL: 300, Data: fields[2]})
		}
	}
	w.zone = resolve.NewZone(all)
	return w
}

func (w *world) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	key := q.Type + " " + record.Display(q.Name)
	w.mu.Lock()
	w.asked = append(w.asked, key)
	w.mu.Unlock()
	if kind, faulty := w.faults[key]; faulty {
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: kind}
	}
	return w.zone.Resolve(ctx, q)
}

// Secure is of a deliver.Security.
func (w *world) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	answer, err := w.Resolve(ctx, q)
	if err != nil {
		return resolve.Proof{}, err
	}
	security := resolve.Insecure
	for _, key := range []string{record.Display(q.Name), q.Type + " " + record.Display(q.Name)} {
		if s, known := w.signed[key]; known {
			security = s
		}
	}
	return resolve.Proof{Security: security, Answer: answer, Why: "test"}, nil
}

// Fetch is of a deliver.Fetcher.
func (w *world) Fetch(ctx context.Context, r probe.Request) probe.Fetch {
	w.mu.Lock()
	w.gets++
	w.mu.Unlock()
	f := probe.Fetch{URL: r.URL}
	if w.sts == "" {
		f.Err = &probe.Error{Stage: probe.StageConnect, Kind: probe.Refused}
		return f
	}
	f.TLS, f.Status, f.Body = &probe.TLS{Version: tls.VersionTLS13}, http.StatusOK, []byte(w.sts)
	return f
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, strings.TrimSuffix(address, ":25"))
	w.mu.Unlock()
	return w.hosts.Dial(ctx, network, address)
}

func (w *world) sender() *deliver.Sender {
	return &deliver.Sender{
		DNS: w, Client: client.Client{Dial: w.dial, Name: "out.example.net", Roots: w.ca.Roots()},
		Refuse:  func(netip.Addr) string { return "" },
		Shuffle: func(int, func(i, j int)) {},
	}
}

// host puts one at "192.0.2.1".
func (w *world) host(addr string, h *clienttest.Host) *clienttest.Host {
	w.hosts[net.JoinHostPort(addr, "25")] = h
	return h
}

func job(domain string, rcpts ...string) deliver.Job {
	return jobOf(text, domain, rcpts...)
}

func jobOf(message, domain string, rcpts ...string) deliver.Job {
	j := deliver.Job{Destination: domain, From: "a@example.net", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(message)), nil }}
	for _, r := range rcpts {
		j.Rcpts = append(j.Rcpts, client.Rcpt{Addr: r})
	}
	return j
}

// said is a result in short: "permanent 550 5.1.1", with "maybe" where it is so.
func said(r deliver.Result) string {
	s := r.Status.String() + " " + r.Enhanced
	if r.Maybe {
		s += " maybe"
	}
	return s
}

var errBroken = errors.New("broken")
