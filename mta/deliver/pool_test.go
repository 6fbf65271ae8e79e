package deliver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
)

// pooled is a sender with a pool, which ends with the test.
func (w *world) pooled(t testing.TB) *deliver.Sender {
	s := w.sender()
	s.Pool = new(deliver.Pool)
	t.Cleanup(s.Pool.Close)
	return s
}

// one delivers a message, under a context that ends with it as that of an attempt does.
func one(t testing.TB, s *deliver.Sender, j deliver.Job) deliver.Report {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	return s.Deliver(ctx, j)
}

// TestPool: messages for one host go over one conversation, of which each report
// shows how it began; not over one with less than a message asks for.
func TestPool(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			w := newWorld(t, oneHost+"example.com MX 10 mx.example.org.\n")
			h := w.host("192.0.2.1", &clienttest.Host{Offers: []string{"PIPELINING", "SIZE 1000"}})
			if secure {
				h.Cert = w.ca.Issue(t, "mx.example.org")
			}
			s := w.pooled(t)
			for i := range 5 {
				domain := []string{"example.org", "example.com"}[i%2] // another domain with the same host and policy
				r := one(t, s, jobOf(fmt.Sprintf("Subject: %d\r\n\r\nx\r\n", i), domain, "b@"+domain))
				if said(r.Results[0]) != "delivered 2.0.0" || r.Sessions[0].Before != i || len(r.Sessions) != 1 || !r.Reached() || r.Sessions[0].Err != nil {
					t.Errorf("%d: %+v", i, r)
				}
				if own := r.Sessions[0].Own(); i == 0 && own[0].Stage != probe.StageConnect || i > 0 && own[0].Command != "RSET" || !slices.ContainsFunc(own, func(s probe.Step) bool { return s.Stage == probe.StageMessage }) {
					t.Errorf("%d: of the message: %+v", i, own)
				}
				if (r.Sessions[0].TLS != nil) != secure || !r.Sessions[0].Greeted() {
					t.Errorf("%d: how it began is not shown", i)
				}
			}
			if h.Calls() != 1 || len(h.Messages()) != 5 || h.Messages()[4].Data != "Subject: 4\r\n\r\nx\r\n" || h.Messages()[4].TLS != secure {
				t.Errorf("%d calls, %+v", h.Calls(), h.Messages())
			}
			if r := one(t, s, jobOf("Subject: large\r\n\r\n"+strings.Repeat("x", 1000)+"\r\n", "example.org", "b@example.org")); said(r.Results[0]) != "permanent 5.3.4" {
				t.Error(said(r.Results[0]))
			}
			h2 := h.Calls()
			if r := one(t, s, job("example.org", "b@example.org")); said(r.Results[0]) != "delivered 2.0.0" || h.Calls() != h2 && h.Calls() != h2+1 {
				t.Error(said(r.Results[0]), h.Calls())
			}
			s.Pool.Close()
			one(t, s, job("example.org", "b@example.org"))
			before := h.Calls()
			if r := one(t, s, job("example.org", "b@example.org")); r.Sessions[0].Before != 0 || h.Calls() != before+1 {
				t.Error("a closed pool keeps conversations")
			}
		})
	}
}

// A policy that wants more has a conversation of its own, and so has every message
// without a pool.
func TestPoolPolicy(t *testing.T) {
	w := newWorld(t, oneHost+"example.com MX 10 mx.example.org.\n_mta-sts.example.com TXT v=STSv1; id=1\n")
	w.sts = enforce("mx.example.org")
	h := w.host("192.0.2.1", &clienttest.Host{Cert: w.ca.Issue(t, "mx.example.org")})
	s := w.pooled(t)
	s.HTTP = w
	for i, domain := range []string{"example.org", "example.com", "example.org", "example.com"} {
		if r := one(t, s, job(domain, "b@"+domain)); said(r.Results[0]) != "delivered 2.0.0" || r.Sessions[0].Before != i/2 {
			t.Errorf("%s: %s after %d, %v", domain, said(r.Results[0]), r.Sessions[0].Before, r.Sessions[0].Policy)
		}
	}
	if h.Calls() != 2 {
		t.Errorf("%d calls", h.Calls())
	}
	s.Pool = nil
	for range 2 {
		one(t, s, job("example.org", "b@example.org"))
	}
	if h.Calls() != 4 {
		t.Errorf("%d calls", h.Calls())
	}
}

// After fifty messages, and after five seconds without one, we take leave.
func TestPoolBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneHost)
		h := w.host("192.0.2.1", &clienttest.Host{})
		s := w.pooled(t)
		quits := func() (n int) {
			for _, line := range h.Commands() {
				if line == "QUIT" {
					n++
				}
			}
			return n
		}
		for range 60 {
			one(t, s, job("example.org", "b@example.org"))
		}
		if h.Calls() != 2 || quits() != 1 {
			t.Errorf("%d calls, %d QUIT", h.Calls(), quits())
		}
		time.Sleep(4900 * time.Millisecond)
		if r := one(t, s, job("example.org", "b@example.org")); r.Sessions[0].Before != 10 {
			t.Error(r.Sessions[0].Before)
		}
		time.Sleep(5100 * time.Millisecond)
		synctest.Wait()
		if quits() != 2 {
			t.Errorf("%d QUIT", quits())
		}
		if r := one(t, s, job("example.org", "b@example.org")); r.Sessions[0].Before != 0 || h.Calls() != 3 {
			t.Error(r.Sessions[0].Before, h.Calls())
		}
		s.Pool.Close()
		if quits() != 3 {
			t.Errorf("%d QUIT", quits())
		}
	})
}

// A script is a host whose answer to a command may depend on how many messages the
// conversation has had. What it says to the end of a message names the message.
type script struct {
	say   func(conversation, message int, verb string) (answer string, hangUp bool) // empty: as usual
	extra func(conn net.Conn, conversation, message int)                            // after the answer to a message

	mu    sync.Mutex
	calls int
	taken []string // MAIL commands of messages that were taken to their end
}

func (h *script) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	h.mu.Lock()
	h.calls++
	n := h.calls
	h.mu.Unlock()
	go h.serve(theirs, n)
	return ours, nil
}

func (h *script) serve(conn net.Conn, conversation int) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	from, message := "", 0
	answer := func(verb, usual string) bool {
		text, hangUp := usual, false
		if h.say != nil {
			var special string
			if special, hangUp = h.say(conversation, message, verb); special != "" {
				text = special
			}
		}
		if hangUp {
			return false
		}
		_, err := io.WriteString(conn, text+"\r\n")
		return err == nil
	}
	answer("banner", "220 mx.example.org")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		usual := map[string]string{"EHLO": "250-mx.example.org\r\n250 PIPELINING", "DATA": "354 go on", "QUIT": "221 bye"}[verb]
		if usual == "" {
			usual = "250 2.0.0 ok"
		}
		if verb == "MAIL" {
			from = strings.TrimSpace(line)
		}
		if !answer(verb, usual) || verb == "QUIT" {
			return
		}
		if verb != "DATA" {
			continue
		}
		for line != ".\r\n" {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		h.mu.Lock()
		h.taken = append(h.taken, from)
		h.mu.Unlock()
		if !answer(".", "250 2.0.0 taken: "+from) {
			return
		}
		message++
		if h.extra != nil {
			h.extra(conn, conversation, message)
		}
	}
}

// Whatever is odd about a conversation that goes on, the message has one of its own,
// and is taken once; but where it may have been taken nobody tries again, and what a
// host says of a recipient is its answer.
func TestPoolOddities(t *testing.T) {
	second := func(at, text string, hangUp bool) func(int, int, string) (string, bool) {
		return func(conversation, message int, verb string) (string, bool) {
			if conversation == 1 && message == 1 && verb == at {
				return text, hangUp
			}
			return "", false
		}
	}
	for name, test := range map[string]struct {
		say   func(int, int, string) (string, bool)
		extra func(net.Conn, int, int)
		want  string
		calls int
		taken int
	}{
		"nothing":               {nil, nil, "delivered 2.0.0", 1, 2},
		"RSET refused":          {second("RSET", "500 5.5.1 what?", false), nil, "delivered 2.0.0", 2, 2},
		"RSET: too many":        {second("RSET", "421 4.7.0 enough", false), nil, "delivered 2.0.0", 2, 2},
		"RSET: hangs up":        {second("RSET", "", true), nil, "delivered 2.0.0", 2, 2},
		"RSET: garbage":         {second("RSET", "what", false), nil, "delivered 2.0.0", 2, 2},
		"MAIL: later":           {second("MAIL", "452 4.5.3 too many messages", false), nil, "delivered 2.0.0", 2, 2},
		"MAIL: never":           {second("MAIL", "503 5.5.1 one message only", false), nil, "delivered 2.0.0", 2, 2},
		"MAIL: hangs up":        {second("MAIL", "", true), nil, "delivered 2.0.0", 2, 2},
		"RCPT: closes":          {second("RCPT", "421 4.7.0 enough", false), nil, "delivered 2.0.0", 2, 2},
		"RCPT: hangs up":        {second("RCPT", "", true), nil, "delivered 2.0.0", 2, 2},
		"DATA: hangs up":        {second("DATA", "", true), nil, "delivered 2.0.0", 2, 2},
		"RCPT: unknown":         {second("RCPT", "550 5.1.1 nobody", false), nil, "permanent 5.1.1", 1, 1},
		"RCPT: later":           {second("RCPT", "450 4.2.1 greylisted", false), nil, "temporary 4.2.1", 1, 1},
		"DATA: refused":         {second("DATA", "451 4.3.0 disk", false), nil, "temporary 4.3.0", 1, 1},
		"end: refused":          {second(".", "554 5.7.1 spam", false), nil, "permanent 5.7.1", 1, 2},
		"end: no answer":        {second(".", "", true), nil, "temporary 4.4.2 maybe", 1, 2},
		"an answer too many":    {nil, func(c net.Conn, n, m int) { io.WriteString(c, "250 2.0.0 again\r\n") }, "delivered 2.0.0", 2, 2},
		"half an answer":        {nil, func(c net.Conn, n, m int) { io.WriteString(c, "25") }, "delivered 2.0.0", 2, 2},
		"takes leave by itself": {nil, func(c net.Conn, n, m int) { io.WriteString(c, "421 4.4.2 timeout\r\n"); c.Close() }, "delivered 2.0.0", 2, 2},
		"hangs up":              {nil, func(c net.Conn, n, m int) { c.Close() }, "delivered 2.0.0", 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, oneHost)
				h := &script{say: test.say, extra: test.extra}
				s := w.pooled(t)
				s.Client.Dial = h.dial
				first := one(t, s, job("example.org", "b@example.org"))
				if said(first.Results[0]) != "delivered 2.0.0" {
					t.Fatal(said(first.Results[0]))
				}
				synctest.Wait() // the host has said all that it wants to
				j := job("example.org", "c@example.org")
				j.From = "second@example.net"
				r := one(t, s, j).Results[0]
				if said(r) != test.want || h.calls != test.calls || len(h.taken) != test.taken {
					t.Errorf("%s (%s) after %d conversations, taken: %q", said(r), r.Text, h.calls, h.taken)
				}
				if r.Status == deliver.Delivered && !strings.Contains(r.Text, "second@") {
					t.Errorf("the answer is that of another message: %s", r.Text)
				}
				s.Pool.Close()
				synctest.Wait()
			})
		})
	}
}

// Many at once: each message is taken once, and each answer is its own.
func TestPoolCrowd(t *testing.T) {
	w := newWorld(t, oneHost)
	h := &script{say: func(conversation, message int, verb string) (string, bool) {
		return "", verb == "MAIL" && message == 7 || verb == "RSET" && conversation%5 == 0 // hosts are like that
	}}
	s := w.pooled(t)
	s.Client.Dial = h.dial
	const senders, each = 8, 40
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() {
			for i := range each {
				j := job("example.org", "b@example.org")
				j.From = fmt.Sprintf("%d.%d@example.net", n, i)
				if r := one(t, s, j).Results[0]; r.Status != deliver.Delivered || !strings.HasSuffix(r.Text, "<"+j.From+">") {
					t.Errorf("%s: %s %s", j.From, said(r), r.Text)
				}
			}
		})
	}
	all.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.taken)
	if n := len(slices.Compact(h.taken)); n != senders*each || h.calls > senders*each/3 {
		t.Errorf("%d messages taken, in %d conversations", n, h.calls)
	}
}

// A relay is logged in to once, for mail of all destinations.
func TestPoolRelay(t *testing.T) {
	w := newWorld(t, oneHost+"relay.example.net A 192.0.2.9\n")
	h := &clienttest.Host{Name: "relay.example.net", Offers: []string{"AUTH PLAIN"}, Cert: w.ca.Issue(t, "relay.example.net")}
	w.hosts["192.0.2.9:587"] = h
	s := w.pooled(t)
	s.Routes = deliver.Routes{Relays: map[string]deliver.Relay{"r": {Host: "relay.example.net", User: "u", Password: "p"}}, Rules: []deliver.Rule{{Relay: "r"}}}
	for i := range 3 {
		r := one(t, s, job(fmt.Sprintf("%d.example", i), "b@example.org"))
		if said(r.Results[0]) != "delivered 2.0.0" || r.Sessions[0].Before != i || r.Results[0].Via != "r" {
			t.Errorf("%d: %+v", i, r.Results)
		}
	}
	logins := 0
	for _, line := range h.Commands() {
		if strings.HasPrefix(line, "AUTH") {
			logins++
		}
	}
	if h.Calls() != 1 || logins != 1 {
		t.Errorf("%d calls, %d logins", h.Calls(), logins)
	}
}

// BenchmarkPool is a message to a host with TLS, in a conversation of its own and in
// one that goes on.
func BenchmarkPool(b *testing.B) {
	for _, pool := range []bool{false, true} {
		b.Run(fmt.Sprint("kept=", pool), func(b *testing.B) {
			w := newWorld(b, oneHost)
			w.host("192.0.2.1", &clienttest.Host{Cert: w.ca.Issue(b, "mx.example.org"), Offers: []string{"PIPELINING"}})
			s := w.sender()
			if pool {
				s = w.pooled(b)
			}
			for b.Loop() {
				if r := s.Deliver(b.Context(), job("example.org", "b@example.org")); r.Results[0].Status != deliver.Delivered {
					b.Fatal(said(r.Results[0]))
				}
			}
		})
	}
}
