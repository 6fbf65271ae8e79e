package metrics_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/metrics"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
)

// get asks the handler.
func get(t *testing.T, m *metrics.Metrics, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// values are the samples of /metrics, by name and labels as they are written.
func values(t *testing.T, m *metrics.Metrics) map[string]string {
	t.Helper()
	code, text := get(t, m, "/metrics")
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
	all := map[string]string{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if line := s.Text(); !strings.HasPrefix(line, "#") {
			at := strings.LastIndexByte(line, ' ')
			all[line[:at]] = line[at+1:]
		}
	}
	return all
}

func want(t *testing.T, m *metrics.Metrics, samples map[string]string) {
	t.Helper()
	got := values(t, m)
	for name, value := range samples {
		if got["maildoctor_"+name] != value {
			t.Errorf("%s is %q, want %s", name, got["maildoctor_"+name], value)
		}
	}
}

// watched is metrics of a server with an empty queue that does not run.
func watched(t *testing.T, change func(*metrics.Host)) (*metrics.Metrics, string) {
	t.Helper()
	dir := t.TempDir()
	s, _, err := spool.Open(dir, spool.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	found := []spool.Envelope{
		{ID: spool.NewID(now), From: "a@b.example", Received: now.Add(-time.Hour), Size: 100, Rcpts: []spool.Rcpt{{Addr: "x@y.example", Status: spool.Waiting}}},
		{ID: spool.NewID(now), From: "a@b.example", Received: now.Add(-time.Minute), Size: 50, Held: true, Rcpts: []spool.Rcpt{{Addr: "x@y.example", Status: spool.Waiting}}},
		{ID: spool.NewID(now), From: "a@b.example", Received: now, Size: 7, Rcpts: []spool.Rcpt{{Addr: "x@y.example", Status: spool.Waiting, Reply: spool.Reply{Code: 450}}}},
	}
	h := metrics.Host{Queue: queue.New(queue.Options{Spool: s}, found), SpoolDir: dir, MinFree: 1, Sessions: func() int { return 12 }, Now: func() time.Time { return now }, Certs: func() []control.Cert {
		return []control.Cert{{Names: []string{"mx.example.org"}, NotAfter: now.Add(24 * time.Hour)}, {Names: []string{"mx.example.org"}, NotAfter: now.Add(24 * time.Hour)}}
	}}
	if change != nil {
		change(&h)
	}
	m := metrics.New("1.2.3")
	m.Watch(h)
	return m, dir
}

// feed calls every hook.
func feed(m *metrics.Metrics) {
	m.Ended(&smtpd.Session{Started: time.Now(), Port: smtpd.MX, TLS: smtpd.TLS{Used: true, Version: "TLS 1.3"}, Noted: []smtpd.Note{{Kind: smtpd.BareLF, Message: 1}, {Kind: smtpd.BareLF, Message: 2}, {Kind: smtpd.EarlyTalk}}})
	m.Ended(&smtpd.Session{Started: time.Now(), Port: smtpd.MX, Noted: []smtpd.Note{{Kind: smtpd.Vanished}}})
	m.Ended(&smtpd.Session{Started: time.Now(), Port: smtpd.Submissions, Noted: []smtpd.Note{{Kind: smtpd.HandshakeFailed}, {Kind: smtpd.Vanished}}})
	m.Answered(smtpd.MX, smtpd.AtMessage, smtpd.Reply{Code: 250, Status: "2.0.0"})
	m.Answered(smtpd.MX, smtpd.AtMessage, smtpd.Reply{Code: 550, Status: "5.7.26"})
	m.Answered(smtpd.MX, smtpd.AtRecipient, smtpd.Reply{Code: 550, Status: "5.1.1"})
	m.Answered(smtpd.MX, smtpd.AtConnection, smtpd.Reply{Code: 421, Status: "4.7.0"})
	m.Answered(smtpd.MX, smtpd.AtMessage, smtpd.Reply{Code: 599, Status: "5.9.9"})
	m.Judged(nil, judge.Judgement{
		MailFrom: judge.SPF{Result: spf.Result{Code: spf.Pass}}, DKIM: []dkim.Verdict{{Code: dkim.Pass}, {Code: dkim.Fail}},
		DMARC: dmarc.Result{RFC9989: dmarc.Verdict{Code: dmarc.Pass}}, Fate: judge.Delivered,
	})
	m.Judged(nil, judge.Judgement{Fate: judge.Rejected, DMARC: dmarc.Result{RFC9989: dmarc.Verdict{Code: dmarc.Fail}}})
	m.Arrived(mta.Arrival{})
	m.Arrived(mta.Arrival{Folder: mta.Junk})
	m.Attempted(spool.Envelope{}, deliver.Report{
		Provider: "google", Took: 2 * time.Second,
		Results: []deliver.Result{
			{Status: deliver.Delivered, Said: true},
			{Status: deliver.Permanent, Said: true, Meaning: replies.Meaning{Kind: replies.Blocked}},
			{Status: deliver.Temporary, Said: true}, {Status: deliver.Temporary, Maybe: true},
		},
		Sessions: []deliver.Session{{Session: greeted(&probe.TLS{Version: 0x0304}), Policy: deliver.Policy{Source: deliver.DANE}}, {Session: greeted(nil)}, {}},
	})
	m.Attempted(spool.Envelope{}, deliver.Report{Provider: "attacker.example", Results: []deliver.Result{{Status: deliver.Delivered, Via: "ses"}}})
	received := time.Now().Add(-90 * time.Second)
	for _, e := range []queue.Event{{What: queue.Queued}, {What: queue.Sent, Received: received}, {What: queue.Bounced, Received: received}, {What: queue.Deferred}, {What: queue.Trouble, Err: errors.New("x")}} {
		m.Observe(e)
	}
}

func greeted(shown *probe.TLS) probe.Session {
	return probe.Session{TLS: shown, Steps: []probe.Step{{Stage: probe.StageConnect}, {Stage: probe.StageBanner, Reply: probe.Reply{Code: 220}}}}
}

func TestCounted(t *testing.T) {
	m, _ := watched(t, nil)
	feed(m)
	want(t, m, map[string]string{
		`smtp_sessions_total{end="quit",port="mx"}`: "1", `smtp_sessions_total{end="vanished",port="mx"}`: "1", `smtp_sessions_total{end="no-handshake",port="submissions"}`: "1",
		`smtp_tls_sessions_total{port="mx",version="TLS 1.3"}`: "1", `smtp_tls_sessions_total{port="mx",version="none"}`: "1",
		`smtp_noted_sessions_total{note="bare-lf"}`: "1", `smtp_noted_sessions_total{note="early-talk"}`: "1",
		`smtp_messages_accepted_total{port="mx"}`: "1", `smtp_messages_accepted_total{port="submission"}`: "0",
		`smtp_refusals_total{class="dmarc",kind="permanent",port="mx",stage="message"}`:        "1",
		`smtp_refusals_total{class="no-mailbox",kind="permanent",port="mx",stage="recipient"}`: "1",
		`smtp_refusals_total{class="rate",kind="temporary",port="mx",stage="connection"}`:      "1",
		`smtp_refusals_total{class="other",kind="permanent",port="mx",stage="message"}`:        "1",
		`auth_results_total{method="spf",result="pass"}`:                                       "1", `auth_results_total{method="spf",result="none"}`: "1",
		`auth_results_total{method="dkim",result="pass"}`: "1", `auth_results_total{method="dkim",result="fail"}`: "1", `auth_results_total{method="dkim",result="none"}`: "1",
		`auth_results_total{method="dmarc",result="fail"}`: "1", `dmarc_fates_total{fate="rejected"}`: "1",
		`mailbox_messages_total{folder="inbox"}`: "1", `mailbox_messages_total{folder="junk"}`: "1",
		`delivery_results_total{outcome="delivered",provider="google",way="direct"}`: "1", `delivery_results_total{outcome="maybe",provider="google",way="direct"}`: "1",
		`delivery_results_total{outcome="delivered",provider="other",way="relay"}`: "1",
		`delivery_refusals_total{provider="google",reason="blocked"}`:              "1", `delivery_refusals_total{provider="google",reason="unknown"}`: "1",
		`delivery_tls_sessions_total{policy="dane",version="TLS 1.3"}`: "1", `delivery_tls_sessions_total{policy="opportunistic",version="none"}`: "1",
		`queue_events_total{event="delivered"}`: "1", `queue_events_total{event="trouble"}`: "1", `queue_events_total{event="told"}`: "0",
		`queue_time_seconds_bucket{outcome="delivered",le="60"}`: "0", `queue_time_seconds_bucket{outcome="delivered",le="300"}`: "1",
		`queue_messages{state="queued"}`: "1", `queue_messages{state="held"}`: "1", `queue_messages{state="deferred"}`: "1", `queue_bytes`: "157", `smtp_sessions_open`: "12",
		`queue_oldest_age_seconds`: "3600", `spool_min_free_bytes`: "1",
		`certificate_not_after_timestamp_seconds{name="mx.example.org"}`: "1.7954352e+09",
	})
	if c := m.Counts(); c != (control.Counts{Sessions: 3, Accepted: 1, Refused: 2, Delivered: 1, Deferred: 1, Failed: 1}) {
		t.Errorf("%+v", c)
	}
	all := values(t, m)
	for _, name := range []string{"go_goroutines", "process_start_time_seconds", `maildoctor_spool_free_bytes`} {
		if all[name] == "" {
			t.Errorf("no %s", name)
		}
	}
	for name := range all {
		if strings.Contains(name, "attacker") {
			t.Errorf("what came from the network is a label: %s", name)
		}
	}
}

// TestForm: Prometheus' own parser and linter have nothing to say.
func TestForm(t *testing.T) {
	m, _ := watched(t, nil)
	feed(m)
	_, text := get(t, m, "/metrics")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestBounded: a hostile world does not make the number of series grow.
func TestBounded(t *testing.T) {
	m, _ := watched(t, nil)
	feed(m)
	n := len(values(t, m))
	for i := range 500 {
		name := fmt.Sprintf("d%d.example", i)
		m.Attempted(spool.Envelope{}, deliver.Report{Destination: name, Provider: name, Results: []deliver.Result{{Status: deliver.Delivered, Via: name, Said: true, Text: name}}, Sessions: []deliver.Session{{Session: greeted(&probe.TLS{Version: uint16(i)})}}})
		m.Answered(smtpd.MX, smtpd.AtMessage, smtpd.Reply{Code: 550, Status: fmt.Sprintf("5.%d.%d", i, i), Text: name})
		m.Ended(&smtpd.Session{Started: time.Now(), HELO: name, User: name, Noted: []smtpd.Note{{Kind: smtpd.BadHELO, Detail: name}}})
		m.Observe(queue.Event{What: queue.Sent, Rcpt: name, Destination: name})
	}
	if grown := len(values(t, m)) - n; grown > 20 {
		t.Errorf("%d series more", grown)
	}
}

func TestResolver(t *testing.T) {
	m, _ := watched(t, nil)
	var err error
	r := m.Resolver(resolve.Func(func(_ ctx, _ resolve.Question) (resolve.Answer, error) { return resolve.Answer{}, err }), metrics.ToJudge)
	ask := func(e error) {
		err = e
		_, _ = r.Resolve(t.Context(), resolve.Ask("example.org", "A"))
	}
	ask(nil)
	ask(&resolve.Error{Kind: resolve.ServFail})
	ask(errors.New("odd"))
	for range 10 {
		ask(&resolve.Error{Kind: resolve.Timeout})
	}
	ask(&resolve.Error{Kind: resolve.Canceled})
	want(t, m, map[string]string{
		`dns_questions_total{for="judge",result="answered"}`: "1", `dns_questions_total{for="judge",result="other"}`: "1",
		`dns_questions_total{for="judge",result="timeout"}`: "10", `dns_question_duration_seconds_count{for="judge"}`: "14",
	})
	if c := check(t, m.Ready(), "dns"); c.OK || !strings.Contains(c.Text, "the last 10 questions") {
		t.Errorf("%+v", c)
	}
	ask(&resolve.Error{Kind: resolve.ServFail}) // a server answered
	if c := check(t, m.Ready(), "dns"); !c.OK {
		t.Errorf("%+v", c)
	}
}

func check(t *testing.T, r metrics.Readiness, name string) metrics.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %s in %+v", name, r)
	return metrics.Check{}
}

func TestReady(t *testing.T) {
	m := metrics.New("1")
	if code, text := get(t, m, "/readyz"); code != 503 || !strings.Contains(text, "not been opened") {
		t.Error(code, text)
	}
	if code, text := get(t, m, "/healthz"); code != 200 || text != "ok\n" {
		t.Error(code, text)
	}
	past, soon := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		change func(*metrics.Host)
		ok     bool
		text   string
	}{
		"spool":            {nil, true, "can be written"},
		"spool gone":       {func(h *metrics.Host) { h.SpoolDir = filepath.Join(h.SpoolDir, "gone") }, false, "cannot be written"},
		"disk":             {nil, true, "MiB are free"},
		"disk full":        {func(h *metrics.Host) { h.MinFree = 1 << 62 }, false, "no mail is taken"},
		"queue stopped":    {nil, false, "it stands still"},
		"queue none":       {func(h *metrics.Host) { h.Queue = nil }, false, "there is none"},
		"certificate":      {nil, true, "valid until 2026-11-23"},
		"certificate none": {func(h *metrics.Host) { h.Certs = nil }, true, "STARTTLS is not offered"},
		"certificate ended": {func(h *metrics.Host) {
			h.Certs = func() []control.Cert {
				return []control.Cert{{Names: []string{"a"}, NotAfter: soon}, {Names: []string{"b"}, NotAfter: past}}
			}
		}, false, "the certificate of b ended 2026-11-22T11:00:00Z"},
		"certificate missing": {func(h *metrics.Host) {
			h.Certs = func() []control.Cert { return []control.Cert{{Error: "no such file"}} }
		}, false, "a certificate is not there: no such file"},
	} {
		m, _ := watched(t, test.change)
		which, _, _ := strings.Cut(name, " ")
		if c := check(t, m.Ready(), which); c.OK != test.ok || !strings.Contains(c.Text, test.text) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestReadyRuns: with all in order it is ready, and its trial leaves nothing in the
// spool.
func TestReadyRuns(t *testing.T) {
	var q *queue.Queue
	m, dir := watched(t, func(h *metrics.Host) { q = h.Queue })
	ctx, stop := cancelled(t)
	ran := make(chan struct{})
	go func() { q.Run(ctx); close(ran) }()
	defer func() { stop(); <-ran }()
	for range 1000 {
		if q.Stats().Running {
			break
		}
		time.Sleep(time.Millisecond)
	}
	code, text := get(t, m, "/readyz")
	var r metrics.Readiness
	if err := json.Unmarshal([]byte(text), &r); err != nil || code != 200 || !r.Ready || len(r.Checks) != 5 {
		t.Errorf("%d %s", code, text)
	}
	if left, err := os.ReadDir(dir); err != nil || bytes.Contains([]byte(fmt.Sprint(left)), []byte("probe")) {
		t.Error(left, err)
	}
}

func TestServe(t *testing.T) {
	m := metrics.New("1")
	l := listen(t)
	ctx, stop := cancelled(t)
	served := make(chan error)
	go func() { served <- m.Serve(ctx, l) }()
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 200, "/": 404, "/debug/pprof": 404} {
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	resp, err := http.Post("http://"+l.Addr().String()+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Error(resp, err)
	}
	resp.Body.Close()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestTimeInQueue: a queue tells how long a message was in it.
func TestTimeInQueue(t *testing.T) {
	m := metrics.New("1")
	s, _, err := spool.Open(t.TempDir(), spool.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	removed := make(chan struct{})
	q := queue.New(queue.Options{
		Spool:   s,
		Deliver: func(ctx, queue.Transaction) []queue.Outcome { return []queue.Outcome{{Kind: queue.Delivered}} },
		Observe: func(e queue.Event) {
			m.Observe(e)
			if e.What == queue.Removed {
				close(removed)
			}
		},
	}, nil)
	running, stop := cancelled(t)
	ran := make(chan struct{})
	go func() { q.Run(running); close(ran) }()
	defer func() { stop(); <-ran; s.Close() }()
	e := spool.Envelope{From: "a@b.example", Received: time.Now().Add(-90 * time.Second), Rcpts: []spool.Rcpt{{Addr: "x@y.example"}}}
	if _, err := q.Accept(e, strings.NewReader("A: b\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-removed
	want(t, m, map[string]string{
		`queue_time_seconds_bucket{outcome="delivered",le="60"}`: "0", `queue_time_seconds_bucket{outcome="delivered",le="300"}`: "1",
		`queue_events_total{event="queued"}`: "1", `queue_events_total{event="removed"}`: "1",
	})
}
