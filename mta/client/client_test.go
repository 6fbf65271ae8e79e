package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/probe"
)

const body = "From: a@example.net\r\nSubject: dots\r\n\r\n.one\r\n..two\r\nthree\r\n"

func mail(text string, rcpts ...string) client.Mail {
	m := client.Mail{From: "a@example.net", Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	for _, r := range rcpts {
		m.Rcpts = append(m.Rcpts, client.Rcpt{Addr: r})
	}
	return m
}

// deliver holds a conversation with STARTTLS where it is offered.
func deliver(ctx context.Context, c *client.Client, m client.Mail) ([]client.Answer, probe.Session) {
	k, err := c.Connect(ctx, client.Target{Host: "mx.example.org", Addr: netip.MustParseAddr("192.0.2.25")})
	defer k.Close()
	if err == nil {
		err = k.Hello()
	}
	if _, offered := k.Offers("STARTTLS"); err == nil && offered {
		if err = k.StartTLS(client.TLS{Name: "mx.example.org"}); err == nil {
			err = k.Hello()
		}
	}
	if err != nil {
		return nil, k.Session()
	}
	answers := k.Send(m)
	k.Close()
	return answers, k.Session()
}

func stages(s probe.Session) string {
	var names []string
	for _, step := range s.Steps {
		names = append(names, step.Stage.String())
	}
	return strings.Join(names, " ")
}

func TestSend(t *testing.T) {
	ca := clienttest.NewCA(t, time.Now())
	for name, test := range map[string]struct {
		host  *clienttest.Host
		steps string
	}{
		"plain":      {&clienttest.Host{}, "connect banner ehlo mail rcpt rcpt data message quit"},
		"pipelining": {&clienttest.Host{Offers: []string{"PIPELINING", "SIZE 1000000"}}, "connect banner ehlo mail rcpt rcpt data message quit"},
		"tls":        {&clienttest.Host{Cert: ca.Issue(t, "mx.example.org"), Offers: []string{"PIPELINING"}}, "connect banner ehlo starttls tls ehlo2 mail rcpt rcpt data message quit"},
		"helo":       {&clienttest.Host{Answers: map[string]string{"EHLO": "502 what?"}}, "connect banner ehlo ehlo mail rcpt rcpt data message quit"},
		"251":        {&clienttest.Host{Answers: map[string]string{"RCPT": "251 will forward"}}, "connect banner ehlo mail rcpt rcpt data message quit"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &client.Client{Dial: test.host.Dial, Name: "out.example.net", Roots: ca.Roots()}
			var observed probe.Session
			c.Observe = func(_ probe.Target, step probe.Step) { observed.Steps = append(observed.Steps, step) }
			answers, session := deliver(t.Context(), c, mail(body, "b@example.org", "c@example.org"))
			if stages(observed) != stages(session) {
				t.Errorf("observed: %s", stages(observed))
			}
			if len(answers) != 2 || answers[0].Err != nil || answers[1].Err != nil || answers[0].Stage != probe.StageMessage || answers[0].Maybe {
				t.Fatalf("answers: %+v", answers)
			}
			if got := stages(session); got != test.steps || session.Err != nil {
				t.Errorf("stages: %s, error %v", got, session.Err)
			}
			want := "From: a@example.net\r\nSubject: dots\r\n\r\n..one\r\n...two\r\nthree\r\n"
			got := test.host.Messages()
			if len(got) != 1 || got[0].Data != want || len(got[0].Rcpts) != 2 || got[0].TLS != (session.TLS != nil) {
				t.Errorf("got %+v", got)
			}
			if session.TLS != nil && (!session.TLS.Trusted() || session.TLS.NameFault != "" || got[0].SNI != "mx.example.org") {
				t.Errorf("TLS: %v, SNI %q", session.TLS, got[0].SNI)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	h := &clienttest.Host{Offers: []string{"SIZE", "8BITMIME", "SMTPUTF8", "DSN", "PIPELINING", "REQUIRETLS"}}
	c := &client.Client{Dial: h.Dial, Name: "out.example.net"}
	m := mail("x: \xc3\xa4\r\n", "b@example.org")
	m.EightBit, m.SMTPUTF8, m.RequireTLS, m.Ret, m.EnvID = true, true, true, "HDRS", "id+2B1"
	m.Rcpts[0].Notify, m.Rcpts[0].ORcpt = []string{"FAILURE", "DELAY"}, "rfc822;b@example.org"
	if answers, s := deliver(t.Context(), c, m); len(answers) != 1 || answers[0].Err != nil {
		t.Fatal(s.Evidence().Answer)
	}
	want := []string{
		"EHLO out.example.net",
		"MAIL FROM:<a@example.net> SIZE=7 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS ENVID=id+2B1",
		"RCPT TO:<b@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;b@example.org",
		"DATA", "QUIT",
	}
	if got := h.Commands(); !slices.Equal(got, want) {
		t.Errorf("commands:\n%s", strings.Join(got, "\n"))
	}
	bare := &clienttest.Host{} // offers nothing, so nothing is said
	c.Dial = bare.Dial
	deliver(t.Context(), c, m)
	if got := bare.Commands(); got[1] != "MAIL FROM:<a@example.net>" || got[2] != "RCPT TO:<b@example.org>" {
		t.Errorf("commands: %q", got)
	}
}

// Recipients are answered for one by one, however many there are at once.
func TestRecipients(t *testing.T) {
	for _, offers := range [][]string{nil, {"PIPELINING"}} {
		answers := make(map[string]string)
		var rcpts []string
		for i := range 300 {
			addr := fmt.Sprintf("rcpt%d@example.org", i)
			rcpts = append(rcpts, addr)
			if i%3 == 1 {
				answers["RCPT "+addr] = "550 5.1.1 unknown"
			} else if i%3 == 2 {
				answers["RCPT "+addr] = "450 4.2.0 later"
			}
		}
		h := &clienttest.Host{Offers: offers, Answers: answers}
		got, _ := deliver(t.Context(), &client.Client{Dial: h.Dial, Name: "out.example.net"}, mail(body, rcpts...))
		for i, a := range got {
			want := [...]probe.Kind{0, probe.Permanent, probe.Temporary}[i%3]
			if probe.KindOf(orNil(a.Err)) != want || want != 0 && a.Stage != probe.StageRcpt {
				t.Fatalf("%s: %+v", rcpts[i], a)
			}
		}
		if m := h.Messages(); len(m) != 1 || len(m[0].Rcpts) != 100 {
			t.Errorf("%d messages", len(m))
		}
	}
}

func orNil(err *probe.Error) error {
	if err == nil {
		return nil
	}
	return err
}

// Every way in which each stage can go wrong: what is said of it, and that no
// message is taken twice or called delivered.
func TestChaos(t *testing.T) {
	for _, test := range []struct {
		stage, answer string
		want          string // kinds and stages of both recipients' answers, or of the session's fault
		maybe         bool
	}{
		{"banner", "421 4.3.2 busy", "banner temporary refusal", false},
		{"banner", "554 no", "banner refusal", false},
		{"banner", clienttest.Close, "banner connection closed", false},
		{"banner", clienttest.Hang, "banner timed out", false},
		{"banner", clienttest.Garbage, "banner not an SMTP reply", false},
		{"banner", clienttest.Drip, "banner timed out", false},
		{"banner", clienttest.Endless, "banner not an SMTP reply", false},
		{"banner", clienttest.Huge, "banner not an SMTP reply", false},
		{"EHLO", "421 go away", "ehlo temporary refusal", false},
		{"EHLO", clienttest.Close, "ehlo connection closed", false},
		{"EHLO", clienttest.Hang, "ehlo timed out", false},
		{"EHLO", clienttest.Garbage, "ehlo not an SMTP reply", false},
		{"EHLO", clienttest.Endless, "ehlo not an SMTP reply", false},
		{"STARTTLS", "454 4.7.0 not now", "starttls temporary refusal", false},
		{"STARTTLS", "501 no", "starttls refusal", false},
		{"STARTTLS", clienttest.Close, "starttls connection closed", false},
		{"STARTTLS", clienttest.Hang, "starttls timed out", false},
		{"tls", clienttest.Close, "tls connection closed", false},
		{"tls", clienttest.Hang, "tls timed out", false},
		{"tls", clienttest.Garbage, "tls TLS handshake failed", false},
		{"EHLO2", clienttest.Close, "ehlo2 connection closed", false},
		{"MAIL", "450 4.1.8 later", "mail temporary refusal", false},
		{"MAIL", "550 5.7.1 no", "mail refusal", false},
		{"MAIL", "571 5.7.1 no", "mail refusal", false},
		{"MAIL", "421 4.4.2 bye", "mail temporary refusal", false},
		{"MAIL", clienttest.Close, "mail connection closed", false},
		{"MAIL", clienttest.Hang, "mail timed out", false},
		{"MAIL", clienttest.Garbage, "mail not an SMTP reply", false},
		{"RCPT", "450 4.2.0 greylisted", "rcpt temporary refusal", false},
		{"RCPT", "550 5.1.1 unknown", "rcpt refusal", false},
		{"RCPT", "421 4.4.2 bye", "rcpt temporary refusal", false},
		{"RCPT", clienttest.Close, "rcpt connection closed", false},
		{"RCPT", clienttest.Hang, "rcpt timed out", false},
		{"RCPT", clienttest.Garbage, "rcpt not an SMTP reply", false},
		{"DATA", "451 4.3.0 later", "data temporary refusal", false},
		{"DATA", "554 5.5.1 no valid recipients", "data refusal", false},
		{"DATA", "250 ok", "data not an SMTP reply", false},
		{"DATA", clienttest.Close, "data connection closed", false},
		{"DATA", clienttest.Hang, "data timed out", false},
		{"DATA", clienttest.Garbage, "data not an SMTP reply", false},
		{".", "451 4.3.0 later", "message temporary refusal", false},
		{".", "550 5.7.1 spam", "message refusal", false},
		{".", "421 4.3.2 going down", "message temporary refusal", false},
		{".", clienttest.Close, "message connection closed", true},
		{".", clienttest.Hang, "message timed out", true},
		{".", clienttest.Garbage, "message not an SMTP reply", true},
		{".", clienttest.Drip, "message timed out", true},
		{".", "354 more", "message not an SMTP reply", true},
		{"QUIT", "500 what", "", false},
		{"QUIT", clienttest.Close, "", false},
		{"QUIT", clienttest.Hang, "", false},
	} {
		for _, offers := range [][]string{nil, {"PIPELINING"}} {
			t.Run(fmt.Sprintf("%s %s %v", test.stage, test.answer, offers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ca := clienttest.NewCA(t, time.Now())
					h := &clienttest.Host{Offers: offers, Answers: map[string]string{test.stage: test.answer}, Cert: ca.Issue(t, "mx.example.org")}
					if test.stage == "tls" {
						h.Handshake = test.answer
					}
					c := &client.Client{Dial: h.Dial, Name: "out.example.net", Roots: ca.Roots()}
					start := time.Now()
					answers, session := deliver(t.Context(), c, mail(body, "b@example.org", "c@example.org"))
					if took := time.Since(start); took > 11*time.Minute {
						t.Errorf("took %v", took)
					}
					if answers == nil {
						answers = []client.Answer{{Stage: session.Err.Stage, Err: session.Err}}
					}
					for _, a := range answers {
						got := ""
						if a.Err != nil {
							got = a.Err.Stage.String() + " " + a.Err.Kind.String()
						}
						if got != test.want || a.Maybe != test.maybe {
							t.Errorf("%q (%v), maybe %v, want %q", got, a.Err, a.Maybe, test.want)
						}
					}
					if n := len(h.Messages()); test.stage != "." && test.stage != "QUIT" && n != 0 {
						t.Errorf("%d messages were taken", n)
					}
					if strings.Contains(stages(session), "data message message") {
						t.Error("sent twice")
					}
					time.Sleep(2 * time.Second) // in which the host notices that it is alone
				})
			})
		}
	}
}

// What was pipelined into clear text before TLS is not read inside TLS.
func TestInjection(t *testing.T) {
	ca := clienttest.NewCA(t, time.Now())
	h := &clienttest.Host{Cert: ca.Issue(t, "mx.example.org"), Inject: "250-mx\r\n250 AUTH PLAIN\r\n"}
	answers, session := deliver(t.Context(), &client.Client{Dial: h.Dial, Name: "out.example.net", Roots: ca.Roots()}, mail(body, "b@example.org"))
	if len(answers) != 1 || answers[0].Err != nil || string(session.TLS.Injected) != h.Inject {
		t.Fatalf("%+v, injected %q", answers, session.TLS.Injected)
	}
	if _, offered := session.Extension("AUTH"); offered {
		t.Error("AUTH was believed")
	}
}

func TestAuthenticate(t *testing.T) {
	ca := clienttest.NewCA(t, time.Now())
	for name, test := range map[string]struct {
		offer    string
		cert     string // its name; empty: no TLS
		password string
		said     []string
		fault    string
	}{
		"plain":      {"AUTH PLAIN LOGIN", "mx.example.org", "secret", []string{"AUTH PLAIN AHVzZXIAc2VjcmV0"}, ""},
		"login":      {"AUTH LOGIN", "mx.example.org", "secret", []string{"AUTH LOGIN"}, ""},
		"long":       {"AUTH PLAIN", "mx.example.org", strings.Repeat("x", 400), []string{"AUTH PLAIN"}, ""},
		"clear":      {"AUTH PLAIN LOGIN", "", "secret", nil, "the password is sent over verified TLS only"},
		"wrong name": {"AUTH PLAIN LOGIN", "other.example.org", "secret", nil, "the password is sent over verified TLS only"},
		"neither":    {"AUTH XOAUTH2", "mx.example.org", "secret", nil, "neither AUTH PLAIN nor AUTH LOGIN is offered"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &clienttest.Host{Offers: []string{test.offer}}
			if test.cert != "" {
				h.Cert = ca.Issue(t, test.cert)
			}
			c := &client.Client{Dial: h.Dial, Name: "out.example.net", Roots: ca.Roots()}
			k, err := c.Connect(t.Context(), client.Target{Host: "mx.example.org", Addr: netip.MustParseAddr("192.0.2.25"), Port: 587})
			defer k.Close()
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Hello(); err != nil {
				t.Fatal(err)
			}
			if test.cert != "" {
				if err := k.StartTLS(client.TLS{Name: "mx.example.org", Strict: true}); err != nil {
					t.Fatal(err)
				}
				if err := k.Hello(); err != nil {
					t.Fatal(err)
				}
			}
			got := ""
			if err := k.Authenticate("user", test.password); err != nil {
				got = err.Detail
			}
			if got != test.fault {
				t.Errorf("fault %q", got)
			}
			said := slices.DeleteFunc(h.Commands(), func(c string) bool { return !strings.HasPrefix(c, "AUTH") })
			if !slices.Equal(said, test.said) {
				t.Errorf("said %q", said)
			}
			if text := k.Session().Evidence().Answer; strings.Contains(text, "AHVzZX") || strings.Contains(text, "dXNlcg") || strings.Contains(text, "c2VjcmV0") {
				t.Errorf("the transcript shows a password:\n%s", text)
			}
		})
	}
}

// A message that is not as it must be never gets its final dot.
func TestBareLines(t *testing.T) {
	for _, text := range []string{
		"a\n.\r\nb\r\n", "a\n.\nb\r\n", "a\r\n.\nb\r\n", "a\r.\rb\r\n", "a\r.\nb\r\n", "a\r\n.\rb\r\n", "a\n.\rb", "a\r\r\n.\r\n", "a\r\n.\r\r\nb", "\n", "\r", "a\r", "a\r\n\r",
	} {
		h := &clienttest.Host{}
		answers, _ := deliver(t.Context(), &client.Client{Dial: h.Dial, Name: "out.example.net"}, mail(text, "b@example.org"))
		if len(answers) != 1 || answers[0].Err == nil || answers[0].Maybe || !errors.Is(answers[0].Err, client.ErrBareCR) && !errors.Is(answers[0].Err, client.ErrBareLF) {
			t.Errorf("%q: %+v", text, answers)
		}
		if m := h.Messages(); len(m) != 0 {
			t.Errorf("%q was sent: %q", text, m[0].Data)
		}
		if _, err := client.Look(strings.NewReader(text)); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

func TestLook(t *testing.T) {
	for _, test := range []struct {
		text string
		want client.Lines
	}{
		{"", client.Lines{}},
		{"Received: a\r\nreceived: b\r\n c\r\nX-Received: d\r\n\r\nReceived: e\r\n", client.Lines{Size: 60, Hops: 2}},
		{"\r\nReceived: x\r\n", client.Lines{Size: 15}},
		{"A: \xe4\r\n", client.Lines{Size: 6, Eight: true, Header: true}},
		{"A: b\r\n\r\n\xe4\r\n", client.Lines{Size: 11, Eight: true}},
		{strings.Repeat("x", 32<<10-1) + "\r\n" + strings.Repeat("y", 70000), client.Lines{Size: 32<<10 + 1 + 70000}},
		{"Received: " + strings.Repeat("x", 70000) + "\r\nReceived:\r\n", client.Lines{Size: 70023, Hops: 2}},
	} {
		got, err := client.Look(strings.NewReader(test.text))
		if got != test.want || err != nil {
			t.Errorf("%.30q: %+v, %v", test.text, got, err)
		}
	}
}

func TestSendable(t *testing.T) {
	for addr, ok := range map[string]bool{
		"": true, "a@example.org": true, `"a b"@example.org`: true, `"a\"b>"@example.org`: true, "ä@example.org": true, "a@[192.0.2.1]": true,
		"a@b\r\nRCPT TO:<c@d": false, "a>b@c": false, "a b@c": false, `"a@b`: false, `"a\`: false, "a\x00@b": false, "a\x7f@b": false, "<a@b": false,
		strings.Repeat("x", 1001): false,
	} {
		if (client.Sendable(addr) == nil) != ok {
			t.Errorf("%.30q: %v", addr, client.Sendable(addr))
		}
	}
	h := &clienttest.Host{}
	answers, _ := deliver(t.Context(), &client.Client{Dial: h.Dial, Name: "out.example.net"}, mail(body, "b@example.org", "x>\r\nDATA@example.org"))
	if answers[0].Err == nil || slices.ContainsFunc(h.Commands(), func(c string) bool { return strings.HasPrefix(c, "MAIL") }) {
		t.Errorf("%+v", answers)
	}
}

// A host that stops reading, or that the caller gives up on, does not keep us.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &clienttest.Host{Answers: map[string]string{"DATA": "354 go on"}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		h.Answers["."] = clienttest.Hang
		answers, session := deliver(ctx, &client.Client{Dial: h.Dial, Name: "out.example.net"}, mail(body, "b@example.org"))
		if !answers[0].Maybe || answers[0].Err == nil || session.Took > 61*time.Second {
			t.Errorf("%+v after %v", answers[0], session.Took)
		}
	})
}
