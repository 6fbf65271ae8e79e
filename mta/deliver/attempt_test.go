package deliver_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/resolve"
)

// The first of two hosts goes wrong in every stage and way; the second one would
// take the message. Who gets it, what is said, and never twice.
func TestChaos(t *testing.T) {
	const next, maybe = "delivered 2.0.0", "temporary 4.4.2 maybe"
	for _, test := range []struct {
		stage, answer string
		want          string
		first         int // messages that the first host took to the end
	}{
		{"connect", "refused", next, 0},
		{"connect", clienttest.Hang, next, 0},
		{"banner", "421 4.3.2 busy", next, 0},
		{"banner", "554 5.7.1 no service here", next, 0},
		{"banner", clienttest.Close, next, 0},
		{"banner", clienttest.Hang, next, 0},
		{"banner", clienttest.Garbage, next, 0},
		{"EHLO", "421 no", next, 0},
		{"EHLO", clienttest.Close, next, 0},
		{"EHLO", clienttest.Hang, next, 0},
		{"EHLO", clienttest.Garbage, next, 0},
		{"STARTTLS", "454 4.7.0 no", next, 1}, // goes on in clear text
		{"STARTTLS", clienttest.Close, next, 0},
		{"tls", clienttest.Close, next, 1}, // comes again in clear text
		{"tls", clienttest.Hang, next, 1},
		{"tls", clienttest.Garbage, next, 1},
		{"EHLO2", clienttest.Close, next, 0},
		{"MAIL", "450 4.1.8 later", next, 0},
		{"MAIL", "550 5.7.1 no", "permanent 5.7.1", 0},
		{"MAIL", clienttest.Close, next, 0},
		{"MAIL", clienttest.Hang, next, 0},
		{"RCPT", "450 4.2.0 later", next, 0},
		{"RCPT", "550 5.1.1 unknown", "permanent 5.1.1", 0},
		{"RCPT", "571 no", "permanent 5.0.0", 0},
		{"RCPT", clienttest.Close, next, 0},
		{"RCPT", clienttest.Garbage, next, 0},
		{"DATA", "451 4.3.0 later", next, 0},
		{"DATA", "554 5.5.1 no", "permanent 5.5.1", 0},
		{"DATA", clienttest.Close, next, 0},
		{"DATA", clienttest.Hang, next, 0},
		{".", "451 4.3.0 later", next, 1}, // taken to the end, and refused
		{".", "550 5.7.1 spam", "permanent 5.7.1", 1},
		{".", clienttest.Close, maybe, 1},
		{".", clienttest.Hang, maybe, 1},
		{".", clienttest.Garbage, "temporary 4.5.0 maybe", 1},
		{"QUIT", clienttest.Close, next, 1},
		{"QUIT", clienttest.Hang, next, 1},
	} {
		t.Run(test.stage+" "+test.answer, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "example.org MX 10 mx1.example.org.\nexample.org MX 20 mx2.example.org.\nmx1.example.org A 192.0.2.1\nmx2.example.org A 192.0.2.2")
				first := &clienttest.Host{Answers: map[string]string{test.stage: test.answer}, Cert: w.ca.Issue(t, "mx1.example.org"), Offers: []string{"PIPELINING"}}
				second := w.host("192.0.2.2", &clienttest.Host{Name: "mx2.example.org"})
				switch {
				case test.stage == "connect" && test.answer == clienttest.Hang:
					w.hosts["192.0.2.1:25"] = nil
				case test.stage == "connect":
				case test.stage == "tls":
					first.Handshake = test.answer
					fallthrough
				default:
					w.host("192.0.2.1", first)
				}
				report := w.sender().Deliver(t.Context(), job("example.org", "b@example.org", "c@example.org"))
				for _, r := range report.Results {
					if said(r) != test.want || r.Host == "" {
						t.Errorf("%s: %s (%s) from %s", r.Addr, said(r), r.Text, r.Host)
					}
				}
				if n := len(first.Messages()); n != test.first {
					t.Errorf("the first host got %d", n)
				}
				fromSecond := test.want == next && (test.first == 0 || test.answer == "451 4.3.0 later")
				if n := len(second.Messages()); (n == 1) != fromSecond || n > 1 {
					t.Errorf("the second host got %d", n)
				}
				if report.Took > 20*time.Minute {
					t.Errorf("took %v", report.Took)
				}
				for _, s := range report.Sessions {
					if len(s.Steps) == 0 || s.Evidence().Answer == "" {
						t.Error("a session without a transcript")
					}
				}
			})
		})
	}
}

// Recipients of one message fare each by themselves, over two hosts.
func TestRecipients(t *testing.T) {
	w := newWorld(t, twoHosts)
	first := w.host("192.0.2.1", &clienttest.Host{Offers: []string{"PIPELINING"}, Answers: map[string]string{
		"RCPT b@example.org": "450 4.2.0 greylisted", "RCPT c@example.org": "550 5.1.1 unknown", "RCPT e@example.org": "451 4.3.0 trouble",
	}})
	second := w.host("192.0.2.2", &clienttest.Host{Answers: map[string]string{"RCPT e@example.org": "451 4.3.5 trouble here, too"}})
	report := w.sender().Deliver(t.Context(), job("example.org", "a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org"))
	want := []string{"delivered 2.0.0", "delivered 2.0.0", "permanent 5.1.1", "delivered 2.0.0", "temporary 4.3.5"}
	for i, r := range report.Results {
		if said(r) != want[i] {
			t.Errorf("%s: %s (%s)", r.Addr, said(r), r.Text)
		}
	}
	if m := first.Messages(); len(m) != 1 || len(m[0].Rcpts) != 2 {
		t.Errorf("first: %+v", m)
	}
	if m := second.Messages(); len(m) != 1 || len(m[0].Rcpts) != 1 {
		t.Errorf("second: %+v", m)
	}
	if report.Results[2].Meaning.Kind != replies.Recipient || report.Results[0].Host != "mx1.example.org." || report.Results[1].Host != "mx2.example.org." {
		t.Errorf("%+v", report.Results)
	}
}

// Too many at once is no failure: the others follow (RFC 5321, 4.5.3.1.10).
func TestTooMany(t *testing.T) {
	w := newWorld(t, oneHost)
	answers := map[string]string{"RCPT c@example.org": "452 4.5.3 too many", "RCPT d@example.org": "452 4.5.3 too many"}
	h := w.host("192.0.2.1", &clienttest.Host{Answers: answers})
	report := w.sender().Deliver(t.Context(), job("example.org", "b@example.org", "c@example.org", "d@example.org"))
	// The host goes on to refuse them, so the second transaction is the last.
	if h.Calls() != 2 || said(report.Results[0]) != "delivered 2.0.0" || said(report.Results[1]) != "temporary 4.5.3" {
		t.Errorf("%d calls, %+v", h.Calls(), report.Results)
	}
}

// When every host refuses for good, it is for good; one that may come back is hope.
func TestHostsThatRefuse(t *testing.T) {
	for name, test := range map[string]struct{ first, second, want string }{
		"both":            {"554 5.7.1 no", "521 5.3.2 no mail here", "permanent 5.7.1"},
		"one for now":     {"554 5.7.1 no", "421 4.3.2 busy", "temporary 4.3.2"},
		"the other is up": {"421 4.3.2 busy", "554 5.7.1 no", "temporary 4.3.2"},
		"one is away":     {"554 5.7.1 no", "", "temporary 4.4.1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "example.org MX 10 mx1.example.org.\nexample.org MX 20 mx2.example.org.\nmx1.example.org A 192.0.2.1\nmx2.example.org A 192.0.2.2")
			w.host("192.0.2.1", &clienttest.Host{Answers: map[string]string{"banner": test.first}})
			if test.second != "" {
				w.host("192.0.2.2", &clienttest.Host{Answers: map[string]string{"banner": test.second}})
			}
			if r := w.sender().Deliver(t.Context(), job("example.org", "b@example.org")).Results[0]; said(r) != test.want {
				t.Errorf("%s (%s)", said(r), r.Text)
			}
		})
	}
}

func relayed(w *world, rule deliver.Rule) *deliver.Sender {
	s := w.sender()
	s.Routes = deliver.Routes{
		Relays: map[string]deliver.Relay{"smart": {Host: "smtp.relay.example", User: "user", Password: "secret"}},
		Rules:  []deliver.Rule{rule},
	}
	return s
}

const withRelay = oneHost + "smtp.relay.example A 198.51.100.1\n"

func (w *world) relay(t *testing.T, answers map[string]string, certificate string) *clienttest.Host {
	h := &clienttest.Host{Name: "smtp.relay.example", Offers: []string{"AUTH PLAIN LOGIN", "PIPELINING"}, Answers: answers}
	if certificate != "" {
		h.Cert = w.ca.Issue(t, certificate)
	}
	w.hosts[net.JoinHostPort("198.51.100.1", "587")] = h
	return h
}

func TestRoutes(t *testing.T) {
	rules := []deliver.Rule{
		{Domain: "example.org", Relay: "exact"},
		{Domain: ".example.org", Relay: "below"},
		{Provider: "google", Relay: "google"},
		{Domain: ".com", Fallback: "later", After: 2},
	}
	for _, test := range []struct {
		domain   string
		failures int
		want     string
	}{
		{"example.org", 0, "relay exact: rule 1"},
		{"EXAMPLE.ORG", 0, "relay exact: rule 1"},
		{"sub.example.org", 0, "relay below: rule 2"},
		{"workspace.example", 0, "relay google: rule 3"},
		{"notexample.org", 0, "direct: no rule says otherwise"},
		{"example.com", 0, "direct: rule 4"},
		{"example.com", 1, "direct: rule 4"},
		{"example.com", 2, "relay later: rule 4, after 2 attempts that failed for now"},
	} {
		w := newWorld(t, "workspace.example MX 1 aspmx.l.google.com.\naspmx.l.google.com A 192.0.2.1\nexample.com A 192.0.2.1\nnotexample.org A 192.0.2.1")
		s := w.sender()
		s.Routes.Rules = rules
		j := job(test.domain, "b@"+test.domain)
		j.Failures = test.failures
		if got := s.Deliver(t.Context(), j); got.Route != test.want {
			t.Errorf("%s: %s", test.domain, got.Route)
		}
	}
}

func TestRelay(t *testing.T) {
	for name, test := range map[string]struct {
		cert    string
		answers map[string]string
		relay   func(*deliver.Relay)
		want    string
		text    string
		auth    bool
	}{
		"good":                            {"smtp.relay.example", nil, nil, "delivered 2.0.0", "", true},
		"wrong name":                      {"other.example", nil, nil, "temporary 4.7.5", "names other.example", false},
		"no TLS":                          {"", nil, nil, "temporary 4.7.4", "does not offer STARTTLS", false},
		"wrong password":                  {"smtp.relay.example", map[string]string{"AUTH": "535 5.7.8 bad credentials"}, nil, "temporary 4.7.0", "does not let us log in: 535 5.7.8 bad", true},
		"spam":                            {"smtp.relay.example", map[string]string{".": "550 5.7.1 spam"}, nil, "permanent 5.7.1", "spam", true},
		"lost reply":                      {"smtp.relay.example", map[string]string{".": clienttest.Close}, nil, "temporary 4.4.2 maybe", "closed", true},
		"no login, no TLS":                {"", nil, func(r *deliver.Relay) { r.User, r.Password, r.Clear = "", "", true }, "delivered 2.0.0", "", false},
		"a login is never shown in clear": {"", nil, func(r *deliver.Relay) { r.Clear = true }, "temporary 4.7.4", "STARTTLS", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, withRelay)
			h := w.relay(t, test.answers, test.cert)
			s := relayed(w, deliver.Rule{Relay: "smart"})
			if test.relay != nil {
				r := s.Routes.Relays["smart"]
				test.relay(&r)
				s.Routes.Relays["smart"] = r
			}
			report := s.Deliver(t.Context(), job("example.org", "b@example.org"))
			r := report.Results[0]
			if said(r) != test.want || !strings.Contains(r.Text, test.text) || r.Via != "smart" || report.Route != "relay smart: rule 1" {
				t.Errorf("%s (%s) via %q, %s", said(r), r.Text, r.Via, report.Route)
			}
			auth := slices.ContainsFunc(h.Commands(), func(c string) bool { return strings.HasPrefix(c, "AUTH") })
			if auth != test.auth {
				t.Errorf("commands %q", h.Commands())
			}
			if len(report.TLS) != 0 {
				t.Errorf("a relay is no matter of the domain's reports: %+v", report.TLS)
			}
		})
	}
	w := newWorld(t, oneHost)
	for _, s := range []*deliver.Sender{relayed(w, deliver.Rule{Relay: "unknown"}), relayed(w, deliver.Rule{Relay: "smart"})} {
		if r := s.Deliver(t.Context(), job("example.org", "b@example.org")).Results[0]; said(r) != "temporary 4.3.5" {
			t.Errorf("%s (%s)", said(r), r.Text)
		}
	}
}

func TestFallback(t *testing.T) {
	const listed = "550 5.7.1 Service unavailable; Client host [203.0.113.1] blocked using zen.spamhaus.org"
	rule := deliver.Rule{Fallback: "smart", OnBlock: true, After: 3}
	for name, test := range map[string]struct {
		answers map[string]string
		rule    deliver.Rule
		want    []string
		via     []string
	}{
		"blocked by greeting":        {map[string]string{"banner": listed}, rule, []string{"delivered 2.0.0", "delivered 2.0.0"}, []string{"smart", "smart"}},
		"blocked at the end":         {map[string]string{".": listed}, rule, []string{"delivered 2.0.0", "delivered 2.0.0"}, []string{"smart", "smart"}},
		"one recipient is":           {map[string]string{"RCPT b@example.org": listed}, rule, []string{"delivered 2.0.0", "delivered 2.0.0"}, []string{"smart", ""}},
		"unknown is not blocked":     {map[string]string{"RCPT b@example.org": "550 5.1.1 unknown"}, rule, []string{"permanent 5.1.1", "delivered 2.0.0"}, []string{"", ""}},
		"greylisted is not blocked":  {map[string]string{"RCPT b@example.org": "450 4.7.1 greylisted"}, rule, []string{"temporary 4.7.1", "delivered 2.0.0"}, []string{"", ""}},
		"not wanted":                 {map[string]string{"banner": listed}, deliver.Rule{Fallback: "smart"}, []string{"permanent 5.7.1", "permanent 5.7.1"}, []string{"", ""}},
		"what may be there is not":   {map[string]string{".": clienttest.Close}, rule, []string{"temporary 4.4.2 maybe", "temporary 4.4.2 maybe"}, []string{"", ""}},
		"authentication is our task": {map[string]string{".": "550 5.7.26 unauthenticated"}, rule, []string{"permanent 5.7.26", "permanent 5.7.26"}, []string{"", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, withRelay)
			w.host("192.0.2.1", &clienttest.Host{Answers: test.answers})
			w.relay(t, nil, "smtp.relay.example")
			report := relayed(w, test.rule).Deliver(t.Context(), job("example.org", "b@example.org", "c@example.org"))
			for i, r := range report.Results {
				if said(r) != test.want[i] || r.Via != test.via[i] {
					t.Errorf("%s: %s (%s) via %q", r.Addr, said(r), r.Text, r.Via)
				}
			}
			if moved := strings.Contains(report.Route, "; then relay smart: mx.example.org answered 550 5.7.1"); moved != slices.Contains(test.via, "smart") {
				t.Error(report.Route)
			}
		})
	}
}

func TestWarmup(t *testing.T) {
	w := newWorld(t, "example.org MX 1 a.google.com.\na.google.com A 192.0.2.1\nexample.com MX 1 b.google.com.\nb.google.com A 192.0.2.1\nexample.net MX 1 mx.other.example.\nmx.other.example A 192.0.2.1\ndown.example MX 1 down.google.com.\ndown.google.com A 192.0.2.66")
	w.host("192.0.2.1", &clienttest.Host{})
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s := w.sender()
	s.Now = func() time.Time { return now }
	s.Warmup = deliver.Warmup{Start: now, Daily: []int{2, 3}, Counter: new(deliver.Store)}
	send := func(domain, want string) deliver.Result {
		t.Helper()
		report := s.Deliver(t.Context(), job(domain, "b@"+domain))
		if r := report.Results[0]; said(r) != want {
			t.Errorf("%s (%s): %s (%s)", domain, report.Provider, said(r), r.Text)
		}
		return report.Results[0]
	}
	send("example.org", "delivered 2.0.0")
	for range 5 {
		send("down.example", "temporary 4.4.1") // counts only while it is tried
	}
	send("example.com", "delivered 2.0.0")
	if r := send("example.org", "temporary 4.7.0"); !r.After.Equal(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)) || !strings.Contains(r.Text, "today's 2 recipients at google") {
		t.Errorf("%+v", r)
	}
	send("example.net", "delivered 2.0.0")
	now = now.Add(24 * time.Hour)
	for range 3 {
		send("example.org", "delivered 2.0.0")
	}
	send("example.org", "temporary 4.7.0")
	now = now.Add(24 * time.Hour)
	for range 5 {
		send("example.org", "delivered 2.0.0")
	}
	if got := deliver.Ramp(50, 500, 2); !slices.Equal(got, []int{50, 100, 200, 400, 500}) {
		t.Error(got)
	}
	if n := len(deliver.Ramp(1, 1000, 1)); n != 1 {
		t.Error(n)
	}
}

// A cap with a fallback is no wait.
func TestWarmupFallback(t *testing.T) {
	w := newWorld(t, withRelay)
	w.relay(t, nil, "smtp.relay.example")
	s := relayed(w, deliver.Rule{Fallback: "smart"})
	s.Warmup = deliver.Warmup{Start: time.Now(), Daily: []int{0, 1}, Counter: new(deliver.Store)}
	report := s.Deliver(t.Context(), job("example.org", "b@example.org"))
	if r := report.Results[0]; said(r) != "delivered 2.0.0" || r.Via != "smart" {
		t.Errorf("%s (%s), %s", said(r), r.Text, report.Route)
	}
}

// The end of the context ends the attempt, with a result for everybody.
func TestCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneHost)
		w.host("192.0.2.1", &clienttest.Host{Answers: map[string]string{"RCPT": clienttest.Hang}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		report := w.sender().Deliver(ctx, job("example.org", "b@example.org", "c@example.org"))
		if report.Took > 11*time.Second {
			t.Errorf("took %v", report.Took)
		}
		for _, r := range report.Results {
			if r.Status != deliver.Temporary || r.Maybe || r.Code == 0 {
				t.Errorf("%+v", r)
			}
		}
	})
}

func ExampleProviderOf() {
	for _, host := range []string{"aspmx.l.google.com.", "example-org.mail.protection.outlook.com", "mx.some.example.co.uk"} {
		fmt.Println(deliver.ProviderOf(host))
	}
	// Output:
	// google
	// microsoft
	// example.co.uk
}

// Nobody being there is told apart from a host that answers, and from trouble here.
func TestReach(t *testing.T) {
	const hosts = "example.org MX 10 mx.example.org.\nexample.org MX 20 mx2.example.org.\nmx.example.org A 192.0.2.1\nmx.example.org A 192.0.2.3\nmx2.example.org A 192.0.2.2\n"
	for name, test := range map[string]struct {
		world              func(*world)
		err                error // of dialing
		reached, unreached bool
	}{
		"nobody":     {func(*world) {}, nil, false, true},
		"the second": {func(w *world) { w.host("192.0.2.2", &clienttest.Host{}) }, nil, true, false},
		"hangs up": {func(w *world) {
			w.host("192.0.2.1", &clienttest.Host{Answers: map[string]string{"banner": clienttest.Close}})
		}, nil, true, false},
		"the DNS":     {func(w *world) { w.faults["MX example.org"] = resolve.ServFail }, nil, false, false},
		"no network":  {func(*world) {}, syscall.ENETUNREACH, false, false},
		"not allowed": {func(*world) {}, syscall.EPERM, false, false},
		"a router":    {func(*world) {}, syscall.EHOSTUNREACH, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, hosts)
			test.world(w)
			s := w.sender()
			if test.err != nil {
				s.Client.Dial = func(context.Context, string, string) (net.Conn, error) {
					return nil, &net.OpError{Op: "dial", Err: test.err}
				}
			}
			r := s.Deliver(t.Context(), job("example.org", "b@example.org"))
			if r.Reached() != test.reached || r.Unreached() != test.unreached {
				t.Errorf("%v %v: %+v", r.Reached(), r.Unreached(), r.Results)
			}
		})
	}
}

// A relay that takes over is told apart from the hosts of the destination.
func TestReachByRelay(t *testing.T) {
	w := newWorld(t, oneHost+"relay.example.net A 192.0.2.9\n")
	s := w.sender()
	s.Routes = deliver.Routes{
		Relays: map[string]deliver.Relay{"r": {Host: "relay.example.net", Clear: true}},
		Rules:  []deliver.Rule{{Fallback: "r", After: 2}},
	}
	j := job("example.org", "b@example.org")
	for failures, want := range []string{"unreached", "unreached", "unreached", "bypassed"} {
		j.Failures = failures
		if failures == 3 { // at two it cannot be reached, either
			w.hosts["192.0.2.9:587"] = &clienttest.Host{Name: "relay.example.net"}
		}
		r := s.Deliver(t.Context(), j)
		got := ""
		for name, is := range map[string]bool{"reached": r.Reached(), "unreached": r.Unreached(), "bypassed": r.Bypassed()} {
			if is {
				got += name
			}
		}
		if got != want {
			t.Errorf("after %d failures: %s, want %s: %+v", failures, got, want, r.Results)
		}
	}
}
