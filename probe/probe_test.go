package probe_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

var target = probe.Target{Host: "mx.example.org.", Addr: netip.MustParseAddr("192.0.2.25"), HELO: "probe.example.net"}

// world is one scripted host, and a prober that reaches it only.
func world(t *testing.T, script string) (*probe.Prober, *smtpscript.Script) {
	t.Helper()
	s, err := smtpscript.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if network != "tcp" || address != "192.0.2.25:25" {
			t.Errorf("dialled %s %s", network, address)
		}
		return s.Connect(ctx, smtpscript.Options{CA: ca})
	}
	return &probe.Prober{Dial: dial, RootCAs: ca.Pool()}, s
}

// to is a change of a target: who is asked for.
func to(rcpts ...string) func(*probe.Target) {
	return func(t *probe.Target) { t.Envelopes = append(t.Envelopes, probe.Envelope{Rcpts: rcpts}) }
}

func stages(s probe.Session) string {
	var list []string
	for _, step := range s.Steps {
		list = append(list, step.Stage.String())
	}
	return strings.Join(list, " ")
}

const full = "connect banner ehlo starttls tls ehlo2 quit"

func TestConverse(t *testing.T) {
	tests := []struct {
		name, script string
		target       func(*probe.Target)
		stages       string
		err          string // of the session
		sent         []string
		took         time.Duration
	}{
		{name: "healthy", script: "220 mx.example.org ESMTP", stages: full,
			sent: []string{"EHLO probe.example.net", "STARTTLS", "EHLO probe.example.net", "QUIT"}},
		{name: "with a recipient", script: "220 mx.example.org ESMTP", target: to("postmaster@example.org"),
			stages: "connect banner ehlo starttls tls ehlo2 mail rcpt rset quit",
			sent:   []string{"EHLO probe.example.net", "STARTTLS", "EHLO probe.example.net", "MAIL FROM:<>", "RCPT TO:<postmaster@example.org>", "RSET", "QUIT"}},
		{name: "recipient in clear text", script: "!no-starttls\n220 mx", target: func(t *probe.Target) {
			t.Envelopes = []probe.Envelope{{From: "a@b.example", Rcpts: []string{"c@example.org"}}}
		},
			stages: "connect banner ehlo mail rcpt rset quit",
			sent:   []string{"EHLO probe.example.net", "MAIL FROM:<a@b.example>", "RCPT TO:<c@example.org>", "RSET", "QUIT"}},
		{name: "recipient refused", script: "!no-starttls\n220 mx\nRCPT\n451 4.7.1 greylisted", target: to("c@example.org"),
			stages: "connect banner ehlo mail rcpt rset quit", err: `rcpt: temporary refusal ("451 4.7.1 greylisted")`},
		{name: "sender refused", script: "!no-starttls\n220 mx\nEHLO\n250 mx\nMAIL\n553 5.1.8 no", target: to("c@example.org"),
			stages: "connect banner ehlo mail rset quit", err: `mail: refusal ("553 5.1.8 no")`},
		{name: "sender refused, recipients sent with it", script: "!no-starttls\n220 mx\nMAIL\n553 5.1.8 no\nEHLO\n250-mx\n250 PIPELINING", target: to("c@example.org"),
			stages: "connect banner ehlo mail rcpt rset quit", err: `mail: refusal ("553 5.1.8 no")`},
		{name: "two envelopes and a name", script: "!no-starttls\n220 mx\nEHLO\n250-mx\n250-EXPN\n250 PIPELINING\nRCPT <b@example.org>\n550 5.1.1 no",
			target: func(t *probe.Target) {
				to("a@example.org", "b@example.org")(t)
				to("c@example.net")(t)
				t.Verify = "postmaster"
			},
			stages: "connect banner ehlo mail rcpt rcpt rset mail rcpt rset verify verify quit", err: `rcpt: refusal ("550 5.1.1 no")`,
			sent: []string{"EHLO probe.example.net", "MAIL FROM:<>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "RSET",
				"MAIL FROM:<>", "RCPT TO:<c@example.net>", "RSET", "VRFY postmaster", "EXPN postmaster", "QUIT"}},
		{name: "closes the channel in the middle", script: "!no-starttls\n220 mx\nRCPT <b@example.org>\n421 4.7.0 enough", target: to("a@example.org", "b@example.org", "c@example.org"),
			stages: "connect banner ehlo mail rcpt rcpt", err: `rcpt: temporary refusal ("421 4.7.0 enough")`},
		{name: "closes the channel, no pipelining", script: "!no-starttls\n220 mx\nEHLO\n250 mx\nMAIL\n421 4.7.0 enough", target: to("a@example.org"),
			stages: "connect banner ehlo mail", sent: []string{"EHLO probe.example.net", "MAIL FROM:<>"}, err: `mail: temporary refusal ("421 4.7.0 enough")`},
		{name: "VRFY is nothing to fail by", script: "!no-starttls\n220 mx\nVRFY\n502 5.5.1 no", target: func(t *probe.Target) { t.Verify = "postmaster" },
			stages: "connect banner ehlo verify quit"},
		{name: "only the banner", script: "220 mx", target: func(t *probe.Target) { t.Last = probe.StageBanner },
			stages: "connect banner quit", sent: []string{"QUIT"}},
		{name: "HELO only", script: "220 mx\nEHLO\n502 5.5.1 what", stages: "connect banner ehlo ehlo quit",
			sent: []string{"EHLO probe.example.net", "HELO probe.example.net", "QUIT"}},
		{name: "neither", script: "220 mx\nEHLO\n550 no\nHELO\n550 no", stages: "connect banner ehlo ehlo quit", err: `ehlo: refusal ("550 no")`},
		{name: "EHLO later", script: "220 mx\nEHLO\n450 later", stages: "connect banner ehlo quit", err: `ehlo: temporary refusal ("450 later")`},
		{name: "no name to give", script: "!no-starttls\n220 mx", target: func(t *probe.Target) { t.HELO = "" }, stages: "connect banner ehlo quit",
			sent: []string{"EHLO [127.0.0.1]", "QUIT"}},
		{name: "multi-line greeting", script: "!no-starttls\n220-hello\n220-there\n220 mx", stages: "connect banner ehlo quit"},

		{name: "refused", script: "!refuse", stages: "connect", err: "connect: connection refused"},
		{name: "no route", script: "!unreachable", stages: "connect", err: "connect: network unreachable from here"},
		{name: "no answer", script: "!timeout", stages: "connect", err: "connect: timed out (nothing within 10s)", took: 10 * time.Second},
		{name: "closed at once", script: "!close", stages: "connect banner", err: "banner: connection closed"},
		{name: "tarpit", script: "!silent", stages: "connect banner quit", err: "banner: timed out (no complete answer within 30s)",
			took: 30 * time.Second, sent: []string{"QUIT"}},
		{name: "slow greeting", script: "!delay 25s\n!no-starttls\n220 mx", stages: "connect banner ehlo quit", took: 25 * time.Second},
		{name: "drip", script: "!drip 1s\n220 a banner that takes more than half a minute to arrive", stages: "connect banner quit",
			err: "banner: timed out (no complete answer within 30s)", took: 30 * time.Second},
		{name: "421", script: "421 4.3.2 busy", stages: "connect banner", err: `banner: temporary refusal ("421 4.3.2 busy")`},
		{name: "554", script: "554 no service", stages: "connect banner quit", err: `banner: refusal ("554 no service")`, sent: []string{"QUIT"}},
		{name: "another protocol", script: "SSH-2.0-OpenSSH_9.9", stages: "connect banner quit", err: "banner: not an SMTP reply (a line that does not begin with a reply code)"},
		{name: "wrong code", script: "250 mx", stages: "connect banner quit", err: "banner: not an SMTP reply (unexpected reply 250)"},
		{name: "codes that differ", script: "220-mx\n221 mx", stages: "connect banner quit", err: "banner: not an SMTP reply (a reply that begins with 220 goes on with 221)"},
		{name: "endless line", script: "!flood", stages: "connect banner quit", err: "banner: not an SMTP reply (a line of more than 2048 octets)"},
		{name: "endless reply", script: strings.Repeat("220-mx\n", 200) + "220 mx", stages: "connect banner quit",
			err: "banner: not an SMTP reply (a reply of more than 100 lines)"},
		{name: "hangs up on EHLO", script: "220 mx\n!close-after EHLO", stages: "connect banner ehlo", err: "ehlo: connection closed"},
		{name: "hangs up on QUIT", script: "!no-starttls\n220 mx\n!close-after QUIT", stages: "connect banner ehlo quit"},
		{name: "slow EHLO", script: "220 mx\n!delay EHLO 1m", stages: "connect banner ehlo quit", err: "ehlo: timed out (no complete answer within 20s)", took: 20 * time.Second},
		{name: "total", script: "220 mx\n!delay EHLO 1m", target: func(t *probe.Target) { t.Limits.Total = 7 * time.Second }, stages: "connect banner ehlo quit",
			err: "ehlo: timed out (the conversation took more than 7s)", took: 7 * time.Second},

		{name: "STARTTLS not now", script: "220 mx\nSTARTTLS\n454 4.7.0 TLS not available", stages: "connect banner ehlo starttls quit",
			err: `starttls: temporary refusal ("454 4.7.0 TLS not available")`},
		{name: "STARTTLS not now, with a recipient", script: "220 mx\nSTARTTLS\n454 4.7.0 no TLS", target: to("c@example.org"),
			stages: "connect banner ehlo starttls mail rcpt rset quit", err: `starttls: temporary refusal ("454 4.7.0 no TLS")`},
		{name: "no handshake", script: "220 mx\n!tls-fail", stages: "connect banner ehlo starttls tls",
			err: "tls: TLS handshake failed (first record does not look like a TLS handshake)"},
		{name: "a target that injects", script: "220 mx", target: func(t *probe.Target) { t.HELO = "a\r\nDATA" }, stages: "connect",
			err: `connect: invalid target (the HELO name has a character that cannot be sent: '\r')`},
		{name: "no address", script: "220 mx", target: func(t *probe.Target) { t.Addr = netip.Addr{} }, stages: "connect", err: "connect: invalid target (no address)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // every goroutine and connection has to end
				prober, script := world(t, test.script)
				target := target
				if test.target != nil {
					test.target(&target)
				}
				start := time.Now()
				s := prober.Converse(t.Context(), target)
				if got := stages(s); got != test.stages {
					t.Errorf("stages %q, want %q", got, test.stages)
				}
				got := ""
				if s.Err != nil {
					got = s.Err.Error()
				}
				if got != test.err {
					t.Errorf("error %q, want %q", got, test.err)
				}
				if took := time.Since(start); took != test.took || s.Took > took {
					t.Errorf("took %v and says %v, want %v", took, s.Took, test.took)
				}
				synctest.Wait()
				sent := slices.Concat(script.Sent()...)
				if test.sent != nil && !reflect.DeepEqual(sent, test.sent) {
					t.Errorf("sent %q, want %q", sent, test.sent)
				}
				if slices.Contains(sent, "DATA") {
					t.Error("DATA was sent")
				}
			})
		})
	}
}

func TestReplyIsKept(t *testing.T) {
	prober, _ := world(t, "220-\\x1b[2Jmx.example.org\n220 \\xff\nEHLO\n250-mx\n250-SIZE 100 x\n250 dsn\nMAIL\n250 2.1.0 ok")
	target := target
	to("c@example.org")(&target)
	s := prober.Converse(t.Context(), target)
	banner, _ := s.Step(probe.StageBanner)
	if want := []string{"220-\x1b[2Jmx.example.org", "220 \xff"}; !reflect.DeepEqual(banner.Reply.Lines, want) || banner.Reply.Code != 220 {
		t.Errorf("banner %d %q", banner.Reply.Code, banner.Reply.Lines)
	}
	if p, ok := s.Extension("size"); !ok || p != "100 x" {
		t.Errorf("SIZE %q, %v", p, ok)
	}
	if _, ok := s.Extension("DSN"); !ok {
		t.Error("DSN not seen")
	}
	if _, ok := s.Extension("mx"); ok {
		t.Error("the host's name counts as an extension")
	}
	if mail, _ := s.Step(probe.StageMail); mail.Reply.Enhanced != "2.1.0" {
		t.Errorf("enhanced code %q", mail.Reply.Enhanced)
	}
	want := "connected\n< 220-\x1b[2Jmx.example.org\n< 220 \xff\n> EHLO probe.example.net\n< 250-mx\n< 250-SIZE 100 x\n< 250 dsn\n" +
		"> MAIL FROM:<>\n< 250 2.1.0 ok\n> RCPT TO:<c@example.org>\n< 250 2.1.5 recipient ok\n> RSET\n< 250 2.0.0 ok\n> QUIT"
	if e := s.Evidence(); e.Question != "SMTP 192.0.2.25:25" || e.Answer != want {
		t.Errorf("evidence of %q:\n%q\nwant\n%q", e.Question, e.Answer, want)
	}
}

// Half a line is evidence too.
func TestHalfALineIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prober, _ := world(t, "!drip 5s\n220 mx.example.org")
		s := prober.Converse(t.Context(), target)
		if banner, _ := s.Step(probe.StageBanner); !strings.HasPrefix("220 mx", strings.Join(banner.Reply.Lines, "")) || len(banner.Reply.Lines) != 1 {
			t.Errorf("lines %q", banner.Reply.Lines)
		}
	})
}

func TestCertificates(t *testing.T) {
	tests := []struct {
		directive string
		faults    []probe.FaultKind
		name      string
	}{
		{"", nil, ""},
		{"!tls names=mx.example.org,alias.example.org", nil, ""},
		{"!tls names=*.example.org", nil, ""},
		{"!tls names=other.example.org", nil, "names other.example.org, not mx.example.org"},
		{"!tls names=a,b,c,d,e,f,g", nil, "names a, b, c, d, e and 2 more, not mx.example.org"},
		{"!tls names=\x1b.example", nil, `names \x1b.example, not mx.example.org`},
		{"!tls names=192.0.2.25", nil, "names 192.0.2.25, not mx.example.org"},
		{"!tls expired", []probe.FaultKind{probe.Expired}, ""},
		{"!tls self-signed", []probe.FaultKind{probe.SelfSigned}, ""},
		{"!tls issuer=other", []probe.FaultKind{probe.Untrusted}, ""},
		{"!tls expired issuer=other", []probe.FaultKind{probe.Expired, probe.Untrusted}, ""},
		{"!tls self-signed names=localhost", []probe.FaultKind{probe.SelfSigned}, "names localhost, not mx.example.org"},
	}
	for _, test := range tests {
		t.Run(test.directive, func(t *testing.T) {
			prober, _ := world(t, "220 mx.example.org ESMTP\n"+test.directive)
			s := prober.Converse(t.Context(), target)
			if s.Err != nil || s.TLS == nil {
				t.Fatalf("error %v, TLS %v", s.Err, s.TLS)
			}
			var kinds []probe.FaultKind
			for _, fault := range s.TLS.ChainFaults {
				kinds = append(kinds, fault.Kind)
			}
			if !reflect.DeepEqual(kinds, test.faults) || s.TLS.NameFault != test.name {
				t.Errorf("faults %v, name %q; want %v, %q", kinds, s.TLS.NameFault, test.faults, test.name)
			}
			if len(s.TLS.Chain) != 1 || s.TLS.Version == 0 || s.TLS.Cipher == 0 {
				t.Errorf("TLS %+v", s.TLS)
			}
		})
	}
}

func TestNotYetValid(t *testing.T) {
	prober, _ := world(t, "220 mx.example.org ESMTP")
	prober.Now = func() time.Time { return time.Now().AddDate(0, -3, 0) }
	s := prober.Converse(t.Context(), target)
	if s.TLS == nil || len(s.TLS.ChainFaults) != 1 || s.TLS.ChainFaults[0].Kind != probe.NotYetValid {
		t.Errorf("TLS %v, error %v", s.TLS, s.Err)
	}
}

func TestOldTLSIsNegotiated(t *testing.T) {
	prober, _ := world(t, "220 mx.example.org ESMTP\n!tls version=1.0")
	s := prober.Converse(t.Context(), target)
	if s.TLS == nil || !strings.HasPrefix(s.TLS.String(), "TLS 1.0, certificate: trusted, names the host") {
		t.Errorf("TLS %v, error %v", s.TLS, s.Err)
	}
}

// What a server says between its reply to STARTTLS and the handshake is
// noticed, and takes no part in what follows.
func TestInjection(t *testing.T) {
	prober, _ := world(t, "220 mx.example.org ESMTP\nSTARTTLS\n220 go\n250-evil\n250 AUTH PLAIN")
	s := prober.Converse(t.Context(), target)
	if s.TLS == nil || string(s.TLS.Injected) != "250-evil\r\n250 AUTH PLAIN\r\n" {
		t.Fatalf("TLS %+v, error %v", s.TLS, s.Err)
	}
	if _, ok := s.Extension("AUTH"); ok || !s.Done(probe.StageEHLO2) {
		t.Error("the injected reply was believed")
	}
}

// Pipelined commands cost one round trip (RFC 2920).
func TestPipelining(t *testing.T) {
	for _, test := range []struct {
		offer string
		want  time.Duration
	}{{"PIPELINING", 3 * time.Second}, {"SIZE", 7 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			prober, _ := world(t, "!no-starttls\n220 mx\nEHLO\n250-mx\n250 "+test.offer)
			dial := prober.Dial
			prober.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return &distant{Conn: conn}, err
			}
			target := target
			to("a@example.org", "b@example.org")(&target)
			target.Verify = "postmaster"
			start := time.Now()
			prober.Converse(t.Context(), target)
			if took := time.Since(start); took != test.want {
				t.Errorf("with %s it took %v, want %v", test.offer, took, test.want)
			}
		})
	}
}

// A distant host hears what is written a second later.
type distant struct{ net.Conn }

func (d *distant) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	return d.Conn.Write(p)
}

func TestOnlyOldTLS(t *testing.T) {
	for script, version := range map[string]string{"": "", "\n!tls oldest=1.0": "TLS 1.1", "\n!tls version=1.0": "TLS 1.0"} {
		prober, _ := world(t, "220 mx.example.org ESMTP"+script)
		target := target
		target.NewestTLS, target.Last = tls.VersionTLS11, probe.StageTLS
		s := prober.Converse(t.Context(), target)
		switch {
		case version == "" && (s.TLS != nil || probe.KindOf(s.Err) != probe.Handshake):
			t.Errorf("refused: TLS %v, error %v", s.TLS, s.Err)
		case version != "" && (s.TLS == nil || tls.VersionName(s.TLS.Version) != version):
			t.Errorf("%s: TLS %v, error %v", script, s.TLS, s.Err)
		}
	}
}

func TestEnvelope(t *testing.T) {
	prober, _ := world(t, "!no-starttls\n220 mx\nRCPT <b@example.org>\n550 5.1.1 no")
	target := target
	to("a@example.org", "b@example.org")(&target)
	to("c@example.org")(&target)
	s := prober.Converse(t.Context(), target)
	var got []string
	for i := range 3 {
		for _, step := range s.Envelope(i) {
			got = append(got, fmt.Sprint(i, " ", step.Command, " ", step.Reply.Code))
		}
	}
	want := []string{"0 MAIL FROM:<> 250", "0 RCPT TO:<a@example.org> 250", "0 RCPT TO:<b@example.org> 550", "1 MAIL FROM:<> 250", "1 RCPT TO:<c@example.org> 250"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestAtMostTwoPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prober, _ := world(t, "!delay 1s\n!no-starttls\n220 mx")
		var now, most atomic.Int32
		dial := prober.Dial
		prober.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			most.Store(max(most.Load(), now.Add(1)))
			conn, err := dial(ctx, network, address)
			return counted{conn, &now}, err
		}
		start := time.Now()
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if s := prober.Converse(t.Context(), target); s.Err != nil {
					t.Error(s.Err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); most.Load() != 2 || took != 3*time.Second {
			t.Errorf("%d at once, %v in all; want 2 and 3s", most.Load(), took)
		}
	})
}

type counted struct {
	net.Conn
	open *atomic.Int32
}

func (c counted) Close() error {
	c.open.Add(-1)
	return c.Conn.Close()
}

func TestCancel(t *testing.T) {
	for _, script := range []string{"!timeout", "!silent", "!drip 2s\n220 mx", "220 mx\n!delay EHLO 1m", "220 mx\n!delay STARTTLS 1m", "220 mx\n!flood EHLO2"} {
		t.Run(script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				prober, _ := world(t, script)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				s := prober.Converse(ctx, target)
				if script == "220 mx\n!flood EHLO2" {
					if probe.KindOf(s.Err) != probe.Garbage {
						t.Errorf("error %v", s.Err)
					}
					return
				}
				if probe.KindOf(s.Err) != probe.Canceled {
					t.Errorf("error %v, want cut short", s.Err)
				}
				if took := time.Since(start); took > 3*time.Second+500*time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestCanceledInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prober, _ := world(t, "!silent")
		prober.MaxPerHost = 1
		go prober.Converse(t.Context(), target)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s := prober.Converse(ctx, target); probe.KindOf(s.Err) != probe.Canceled {
			t.Errorf("error %v", s.Err)
		}
		time.Sleep(time.Minute) // the first ends by its own timeout
	})
}

func TestConclude(t *testing.T) {
	failed := func(kind probe.Kind) probe.Session {
		e := &probe.Error{Stage: probe.StageConnect, Kind: kind}
		return probe.Session{Steps: []probe.Step{{Stage: probe.StageConnect, Err: e}}, Err: e}
	}
	open := probe.Session{Steps: []probe.Step{{Stage: probe.StageConnect}}}
	tests := []struct {
		name     string
		sessions []probe.Session
		want     probe.Reach
	}{
		{"nobody asked", nil, probe.ReachUnknown},
		{"one got through", []probe.Session{failed(probe.Timeout), open, failed(probe.NoRoute)}, probe.ReachOpen},
		{"none got through", []probe.Session{failed(probe.Timeout), failed(probe.Refused)}, probe.ReachClosed},
		{"one is too few", []probe.Session{failed(probe.Timeout)}, probe.ReachUnknown},
		{"no route at all", []probe.Session{failed(probe.NoRoute), failed(probe.NoRoute)}, probe.ReachNone},
		{"no route to some", []probe.Session{failed(probe.NoRoute), failed(probe.Timeout)}, probe.ReachClosed},
		{"cut short", []probe.Session{failed(probe.Timeout), failed(probe.Timeout), failed(probe.Canceled)}, probe.ReachUnknown},
	}
	for _, test := range tests {
		if got := probe.Conclude(test.sessions); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestQuitLater: a conversation is told of once QUIT is sent. Its place is taken
// until that is answered or has had its time, whatever becomes of the context.
func TestQuitLater(t *testing.T) {
	for delay, wait := range map[string]time.Duration{"3s": 3 * time.Second, "1m": 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			prober, script := world(t, "220 mx\n!delay QUIT "+delay)
			var leaving sync.WaitGroup
			prober.Later, prober.MaxPerHost = leaving.Go, 1
			start := time.Now()
			for i := range 2 {
				ctx, cancel := context.WithCancel(t.Context())
				s := prober.Converse(ctx, target)
				cancel()
				if got := stages(s); got != full || s.Err != nil || s.Took != 0 {
					t.Errorf("%s, %v after %v", got, s.Err, s.Took)
				}
				if took, want := time.Since(start), time.Duration(i)*wait; took != want {
					t.Errorf("conversation %d is over after %v, want %v", i, took, want)
				}
			}
			leaving.Wait()
			if took := time.Since(start); took != 2*wait {
				t.Errorf("the answers to QUIT came after %v, want %v", took, 2*wait)
			}
			for _, sent := range script.Sent() {
				if sent[len(sent)-1] != "QUIT" {
					t.Errorf("sent %q", sent)
				}
			}
		})
	}
}

func TestOutboundAsksForNoMoreThanTheGreeting(t *testing.T) {
	prober, script := world(t, "220 mx")
	reach, sessions := probe.Outbound(t.Context(), prober.Converse, []probe.Target{target})
	if reach != probe.ReachOpen || len(sessions) != 1 {
		t.Errorf("reach %v, %d sessions", reach, len(sessions))
	}
	if got := script.Sent(); !reflect.DeepEqual(got, [][]string{{"QUIT"}}) {
		t.Errorf("sent %q", got)
	}
}

// Over a real socket with the default dialer's errors.
func TestRealSocket(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	script, err := smtpscript.Parse("220 mx.example.org ESMTP")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go script.Serve(conn, smtpscript.Options{CA: ca})
		}
	}()
	at := netip.MustParseAddrPort(listener.Addr().String())
	real := probe.Target{Host: "mx.example.org", Addr: at.Addr(), Port: at.Port()}
	prober := &probe.Prober{RootCAs: ca.Pool()}
	s := prober.Converse(t.Context(), real)
	if stages(s) != full || s.Err != nil || !s.TLS.Trusted() || s.TLS.NameFault != "" {
		t.Errorf("%s, error %v, TLS %v", stages(s), s.Err, s.TLS)
	}
	listener.Close()
	if s := prober.Converse(t.Context(), real); probe.KindOf(s.Err) != probe.Refused {
		t.Errorf("error %v, want refused", s.Err)
	}
}
