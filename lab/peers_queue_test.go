//go:build linux

package lab_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// TestPeersQueue: what waits for a Postfix outlives the end of our server, and gets
// there once; and Postfix, as strict about MIME as it can be, finds the parts of a
// delivery status notification in what we tell the sender of mail that it refused.
func TestPeersQueue(t *testing.T) {
	p := newPostfix(t)
	postcat := peertest.Program(t, "postcat")
	ca := newCA(t)
	cert := issue(t, ca, smtpscript.Certificate{Names: []string{"mx.example.org"}})
	takes := p.present(t, "example.org", "mx.example.org", cert, held)
	refuses := p.present(t, "example.net", "mx.example.net", cert, "{smtpd_recipient_restrictions=check_recipient_access static:{550 5.1.1 who is that}}")
	seen := filepath.Join(p.dir, "parts")
	peertest.Write(t, seen, "/^Content-Type:/ INFO seen\n")
	p.more = "strict_mime_encoding_domain = yes\nstrict_7bit_headers = yes\nheader_checks = regexp:" + seen + "\n" // of each part, too: mime_header_checks is the same
	p.start(t)

	h := &queueHost{dir: t.TempDir(), to: map[string]string{"127.0.0.1:25": takes, "127.0.0.2:25": refuses}}
	message := "From: ann@example.org\r\nTo: bob@example.org\r\nSubject: waits\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n"

	t.Run("restart", func(t *testing.T) {
		h.down.Store(true)
		server := h.open(t)
		if _, err := server.Submit(spool.Envelope{From: "ann@example.org", Rcpts: []spool.Rcpt{{Addr: "bob@example.org"}, {Addr: "carol@example.org"}}}, []byte(message)); err != nil {
			t.Fatal(err)
		}
		h.until(t, "it was tried in vain", func() bool { return h.attempts.Load() > 0 })
		h.close(t, server)
		h.down.Store(false)
		server = h.open(t)
		if n, _ := server.Queue().Len(); n != 1 {
			t.Errorf("%d messages in the queue", n)
		}
		h.until(t, "it is delivered", func() bool { n, _ := server.Queue().Len(); return n == 0 })
		h.close(t, server)
		if ids := p.holds(t); len(ids) != 1 {
			t.Fatalf("Postfix has %d messages", len(ids))
		} else if got := postfixMessage(t, p, postcat, ids[0]); !strings.HasSuffix(got, strings.ReplaceAll(message, "\r\n", "\n")) {
			t.Errorf("Postfix has\n%s", got)
		}
	})

	t.Run("DSN", func(t *testing.T) {
		before := p.holds(t)
		server := h.open(t)
		if _, err := server.Submit(spool.Envelope{From: "ann@example.org", Rcpts: []spool.Rcpt{{Addr: "nobody@example.net"}}}, []byte(message)); err != nil {
			t.Fatal(err)
		}
		h.until(t, "the sender is told", func() bool { return len(p.holds(t)) == len(before)+1 })
		h.close(t, server)
		id := slices.DeleteFunc(p.holds(t), func(id string) bool { return slices.Contains(before, id) })[0]
		text := postfixMessage(t, p, postcat, id)
		for _, part := range []string{"Final-Recipient: rfc822;", "nobody@example.net", "Status: 5.1.1", "Remote-MTA: dns; mx.example.net", "550 5.1.1", "who is that"} {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in\n%s", part, text)
			}
		}
		log, err := os.ReadFile(filepath.Join(p.dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"header Content-Type: multipart/report", "header Content-Type: text/plain", "header Content-Type: message/delivery-status", "header Content-Type: text/rfc822-headers"} {
			if !slices.ContainsFunc(strings.Split(string(log), "\n"), func(line string) bool {
				return strings.Contains(line, id+": ") && strings.Contains(line, "info: "+part)
			}) {
				t.Errorf("Postfix does not see %q in\n%s", part, text)
			}
		}
		if sender := envelopeSender(t, p, postcat, id); sender != "" {
			t.Errorf("the reverse-path of the notice is %q", sender)
		}
		if t.Failed() {
			t.Log(string(log))
		}
	})
}

func postfixMessage(t *testing.T, p *postfix, postcat, id string) string {
	t.Helper()
	raw, err := exec.Command(postcat, "-c", filepath.Join(p.dir, "etc"), "-bh", "-q", id).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func envelopeSender(t *testing.T, p *postfix, postcat, id string) string {
	t.Helper()
	raw, err := exec.Command(postcat, "-c", filepath.Join(p.dir, "etc"), "-e", "-q", id).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if sender, ok := strings.CutPrefix(line, "sender:"); ok {
			return strings.TrimSpace(sender)
		}
	}
	t.Fatalf("no sender in\n%s", raw)
	return ""
}

// A queueHost is our server over several lives.
type queueHost struct {
	dir      string
	to       map[string]string // where the mail hosts are in truth
	down     atomic.Bool       // nobody can be reached
	attempts atomic.Int32
}

func (h *queueHost) open(t *testing.T) *mta.Server {
	t.Helper()
	zone := resolve.NewZone([]record.Record{
		record.MX("example.org.", 10, "mx.example.org."), record.Address("mx.example.org.", netip.MustParseAddr("127.0.0.1")),
		record.MX("example.net.", 10, "mx.example.net."), record.Address("mx.example.net.", netip.MustParseAddr("127.0.0.2")),
	})
	send := deliver.Sender{DNS: zone, Refuse: func(netip.Addr) string { return "" }}
	send.Client.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		to := h.to[address]
		if h.down.Load() || to == "" {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}
	s, found, err := mta.Open(mta.Options{
		Receive: smtpd.Config{Hostname: "mx.ours.example", Domains: []string{"ours.example"}},
		Send:    send, DNS: zone, Mail: &maildir.Store{Dir: filepath.Join(h.dir, "mail")}, SpoolDir: filepath.Join(h.dir, "spool"), Spool: spool.Options{MinFree: 1},
		Queue:     queue.Options{Schedule: []time.Duration{0, 50 * time.Millisecond}, Rand: func() float64 { return 0 }},
		Attempted: func(spool.Envelope, deliver.Report) { h.attempts.Add(1) },
	})
	if err != nil || len(found.Broken) > 0 {
		t.Fatal(found.Broken, err)
	}
	return s
}

func (h *queueHost) close(t *testing.T, s *mta.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

func (h *queueHost) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 10 s: %s", what)
}
