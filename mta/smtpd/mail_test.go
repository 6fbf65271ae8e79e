package smtpd_test

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

func TestMessage(t *testing.T) {
	w := play(t, nil)
	c := w.open(smtpd.MX)
	hello := c.say("EHLO mail.sender.example", "250-mx.local.example\n")
	for _, want := range []string{"PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "CHUNKING", "SIZE 52428800", "STARTTLS", "LIMITS RCPTMAX=100"} {
		if !regexp.MustCompile(`(?m)^250[- ]` + want + `$`).MatchString(hello) {
			t.Errorf("%s is not offered:\n%s", want, hello)
		}
	}
	for _, not := range []string{"AUTH", "DSN", "REQUIRETLS", "BINARYMIME"} {
		if strings.Contains(hello, not) {
			t.Errorf("%s is offered:\n%s", not, hello)
		}
	}
	c.startTLS()
	if hello := c.say("EHLO mail.sender.example", "250-"); strings.Contains(hello, "STARTTLS") || strings.Contains(hello, "AUTH") {
		t.Errorf("offered under TLS:\n%s", hello)
	}
	c.say("MAIL FROM:<a@sender.example> SIZE=100 BODY=8BITMIME", "250 2.1.0 ")
	c.say("RCPT TO:<b@LOCAL.example>", "250 2.1.5 ")
	c.say("RCPT TO:<b@local.example>", "250 2.1.5 ") // once more: one copy
	c.say("DATA", "354 ")
	c.send("Subject: x\r\n\r\n..dots\r\n.. \r\n.one\r\nend\r\n.\r\n")
	reply := c.expect("250 2.0.0 OK")
	c.say("QUIT", "221 2.0.0 ")
	c.gone()

	if w.store.count() != 1 {
		t.Fatalf("%d messages", w.store.count())
	}
	m, text := w.store.mails[0], w.store.texts[0]
	if want := "Subject: x\r\n\r\n.dots\r\n. \r\none\r\nend\r\n"; !strings.HasSuffix(text, "\r\n"+want) {
		t.Errorf("message %q", text)
	}
	if e := m.Envelope; e.From != "a@sender.example" || len(e.Rcpts) != 1 || e.Rcpts[0].Addr != "b@local.example" || e.Body != "8BITMIME" ||
		e.HELO != "mail.sender.example" || e.Client != netip.MustParseAddr("198.51.100.7") || e.Size != int64(len(text)) || e.TLS != "TLS 1.3 TLS_AES_128_GCM_SHA256" {
		t.Errorf("envelope %+v", e)
	}
	if !strings.Contains(reply, m.ID) {
		t.Errorf("reply %q, ID %s", reply, m.ID)
	}
	parsed, problems := message.Parse([]byte(text))
	hops, more := parsed.Hops()
	if len(problems)+len(more) != 0 || len(hops) != 1 {
		t.Fatalf("problems %v %v, hops %v", problems, more, hops)
	}
	if h := hops[0]; h.From != "mail.sender.example" || h.Addr != m.Envelope.Client || h.By != "mx.local.example" || h.With != "ESMTPS" ||
		h.ID != m.ID || h.For != "b@local.example" || !h.TLS.Used || h.TLS.Cipher != "TLS_AES_128_GCM_SHA256" || h.At.IsZero() {
		t.Errorf("hop %+v in\n%s", h, text)
	}
	s := w.sessions()[0]
	if len(s.Noted) != 0 || s.Accepted != 1 || s.TLS.Version != "TLS 1.3" || !s.Extended {
		t.Errorf("session %+v", s)
	}
}

// TestRelay has every way to ask for mail to somebody else.
func TestRelay(t *testing.T) {
	for _, test := range []struct{ to, stranger, user string }{ // replies
		{"<b@local.example>", "250 2.1.5", "250 2.1.5"},
		{"<b@LOCAL.Example>", "250 2.1.5", "250 2.1.5"},
		{"<b@bücher.example>", "553 5.6.7", "553 5.6.7"},
		{"<b@xn--bcher-kva.example>", "250 2.1.5", "250 2.1.5"},
		{`<"b c"@local.example>`, "250 2.1.5", "250 2.1.5"},
		{"<postmaster>", "250 2.1.5", "250 2.1.5"},
		{"<PostMaster>", "250 2.1.5", "250 2.1.5"},
		{"<b@[192.0.2.25]>", "250 2.1.5", "250 2.1.5"},
		{"<b@[IPv6:2001:db8:0::25]>", "250 2.1.5", "250 2.1.5"},

		{"<victim@ex.org>", "550 5.7.1", "250 2.1.5"},
		{"<victim@sub.local.example>", "550 5.7.1", "250 2.1.5"},
		{"<victim@ex.org.local.example>", "550 5.7.1", "250 2.1.5"},
		{"<victim%ex.org@local.example>", "550 5.7.1", "550 5.7.1"},
		{"<@local.example:victim@ex.org>", "550 5.7.1", "553 5.1.3"},
		{"<@ex.org:victim@local.example>", "553 5.1.3", "553 5.1.3"},
		{"<@local.example,@ex.org:b@local.example>", "553 5.1.3", "553 5.1.3"},
		{`<"victim@ex.org"@local.example>`, "550 5.7.1", "550 5.7.1"},
		{`<"victim\@ex.org"@local.example>`, "550 5.7.1", "550 5.7.1"},
		{`<"victim%ex.org"@local.example>`, "550 5.7.1", "550 5.7.1"},
		{"<ex.org!victim@local.example>", "550 5.7.1", "550 5.7.1"},
		{"<local.example!ex.org!victim>", "501 5.1.3", "501 5.1.3"},
		{"<victim%ex.org>", "501 5.1.3", "501 5.1.3"},
		{"<victim@ex.org@local.example>", "501 5.1.3", "501 5.1.3"},
		{"<victim@local.example@ex.org>", "501 5.1.3", "501 5.1.3"},
		{"<victim@ex.org,b@local.example>", "501 5.1.3", "501 5.1.3"},
		{"<victim@[198.51.100.9]>", "550 5.7.1", "550 5.7.1"},
		{"<victim@[IPv6:2001:db8::9]>", "550 5.7.1", "550 5.7.1"},
		{"<victim@[IPv6:::ffff:198.51.100.9]>", "550 5.7.1", "550 5.7.1"},
		{"<victim@[local.example]>", "501 5.1.3", "501 5.1.3"},
		{"<victim@3325256713>", "550 5.7.1", "250 2.1.5"},
		{"<victim@local.example.>", "501 5.1.3", "501 5.1.3"},
		{"<victim@ex.org\x00@local.example>", "500 5.5.2", "500 5.5.2"},
		{"<victim@ex.org> <b@local.example>", "501 5.5.4", "501 5.5.4"},
		{"victim@ex.org", "501 5.1.3", "501 5.1.3"},
		{"<>", "501 5.1.3", "501 5.1.3"},
		{"<@local.example>", "501 5.1.3", "501 5.1.3"},
		{`<""@local.example>`, "501 5.1.3", "501 5.1.3"},
	} {
		t.Run(test.to, func(t *testing.T) {
			w := play(t, nil)
			c := w.open(smtpd.MX)
			c.say("EHLO client.example", "250")
			c.say("MAIL FROM:<a@sender.example>", "250")
			t.Attr("relaying|port_25,_a_stranger", firstLine(c.say("RCPT TO:"+test.to, test.stranger)))

			c = w.open(smtpd.Submission)
			c.logIn("a@local.example")
			c.say("MAIL FROM:<a@local.example>", "250")
			t.Attr("relaying|port_587,_a@local.example", firstLine(c.say("RCPT TO:"+test.to, test.user)))
		})
	}
	for _, from := range []string{"<b@local.example>", "<victim@ex.org>", "<a@ex.org>"} { // AUTH as A, MAIL FROM B
		t.Run("MAIL FROM "+from, func(t *testing.T) {
			c := play(t, nil).open(smtpd.Submission)
			c.say("EHLO client.example", "250")
			c.startTLS()
			c.say("EHLO client.example", "250")
			t.Attr("relaying|port_587,_nobody", firstLine(c.say("MAIL FROM:"+from, "530 5.7.0")))
			c.say("AUTH PLAIN "+plain("a@local.example", "secret"), "235 2.7.0 ")
			t.Attr("relaying|port_587,_a@local.example", firstLine(c.say("MAIL FROM:"+from, "553 5.7.1")))
		})
	}
}

// firstLine is a reply for the table of relaying (make mta-tables).
func firstLine(reply string) string {
	line, _, _ := strings.Cut(reply, "\n")
	return line
}

// TestOwn: the domains can change while the server runs.
func TestOwn(t *testing.T) {
	w := play(t, nil)
	c := w.open(smtpd.MX)
	c.say("EHLO client.example", "250")
	c.say("MAIL FROM:<a@sender.example>", "250")
	c.say("RCPT TO:<b@new.example>", "550 5.7.1")
	if err := w.server.Own([]string{"bad..example"}, nil); err == nil {
		t.Error("no error")
	}
	c.say("RCPT TO:<b@local.example>", "250")
	if err := w.server.Own([]string{"New.example."}, []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.99")}); err != nil {
		t.Fatal(err)
	}
	c.say("RCPT TO:<b@new.example>", "250")
	c.say("RCPT TO:<b@[192.0.2.99]>", "250")
	c.say("RCPT TO:<b@[192.0.2.25]>", "550 5.7.1")
	c.say("RCPT TO:<c@local.example>", "550 5.7.1")
}

func TestOpenRelayServesOnLoopbackOnly(t *testing.T) {
	for addr, want := range map[string]error{
		"0.0.0.0:25": smtpd.ErrOpenRelay, "[::]:25": smtpd.ErrOpenRelay, "192.0.2.25:25": smtpd.ErrOpenRelay,
		"10.0.0.1:25": smtpd.ErrOpenRelay, "[fe80::1]:25": smtpd.ErrOpenRelay,
		"127.0.0.1:25": smtpd.ErrStopped, "127.9.9.9:25": smtpd.ErrStopped, "[::1]:25": smtpd.ErrStopped,
	} {
		c := config(new(store))
		c.RelayAll = true
		s, err := smtpd.New(c)
		if err != nil {
			t.Fatal(err)
		}
		l := newListener()
		l.addr = addr
		done := make(chan error)
		go func() { done <- s.Serve(l, smtpd.MX) }()
		if want == smtpd.ErrStopped {
			ours, theirs := net.Pipe()
			l.conns <- end{theirs, addr, "127.0.0.1:4000"}
			ours.Close()
			_ = s.Shutdown(t.Context())
		}
		if got := <-done; got != want {
			t.Errorf("Serve on %s: %v, want %v", addr, got, want)
		}
	}
}

func TestSubmission(t *testing.T) {
	w := play(t, nil)
	c := w.open(smtpd.Submission)
	if hello := c.say("EHLO client.example", "250"); strings.Contains(hello, "AUTH") || !strings.Contains(hello, "STARTTLS") {
		t.Errorf("offered in clear:\n%s", hello)
	}
	c.say("AUTH PLAIN "+plain("a@local.example", "secret"), "538 5.7.11 ")
	c.say("MAIL FROM:<a@local.example>", "530 5.7.0 ")
	c.startTLS()
	c.say("AUTH PLAIN "+plain("a@local.example", "secret"), "503 5.5.1 ") // EHLO comes first
	if hello := c.say("EHLO client.example", "250"); !strings.Contains(hello, "AUTH PLAIN LOGIN") {
		t.Errorf("offered under TLS:\n%s", hello)
	}
	c.say("MAIL FROM:<a@local.example>", "530 5.7.0 ")
	c.say("AUTH CRAM-MD5", "504 5.5.4 ")
	c.say("AUTH PLAIN "+plain("a@local.example", "guess"), "535 5.7.8 ")
	c.say("AUTH PLAIN "+plain("broken", "secret"), "454 4.7.0 ")
	c.say("AUTH PLAIN", "334 ")
	c.say("*", "501 5.7.0 ")
	c.say("AUTH PLAIN ====", "501 5.5.2 ")
	c.say("AUTH LOGIN", "334 VXNlcm5hbWU6")
	c.say("YUBsb2NhbC5leGFtcGxl", "334 UGFzc3dvcmQ6")
	c.say("c2VjcmV0", "235 2.7.0 ")
	c.say("AUTH LOGIN", "503 5.5.1 ")
	c.say("MAIL FROM:<b@local.example>", "553 5.7.1 ") // AUTH as A with MAIL FROM B
	c.say("MAIL FROM:<victim@ex.org>", "553 5.7.1 ")
	c.say("MAIL FROM:<>", "250 ")
	c.say("RSET", "250 ")
	c.say("MAIL FROM:<a@local.example> AUTH=<>", "250 ")
	c.say("RCPT TO:<c@ex.org>", "250 ")
	c.say("DATA", "354 ")
	c.send("Subject: x\r\n\r\n.\r\n")
	c.expect("250 2.0.0 ")
	if m := w.store.mails[0]; m.Envelope.Auth != "a@local.example" || !strings.Contains(w.store.texts[0], " with ESMTPSA ") {
		t.Errorf("mail %+v\n%s", m, w.store.texts[0])
	}
}

func TestSubmissions(t *testing.T) {
	w := play(t, nil)
	c := w.open(smtpd.Submissions)
	if hello := c.say("EHLO client.example", "250"); !strings.Contains(hello, "AUTH PLAIN LOGIN") || strings.Contains(hello, "STARTTLS") {
		t.Errorf("offered:\n%s", hello)
	}
	c.say("STARTTLS", "503 5.5.1 ")
	for range 2 {
		c.say("AUTH PLAIN "+plain("a", "guess"), "535 5.7.8 ")
	}
	c.say("AUTH PLAIN "+plain("a", "guess"), "535 5.7.8 ")
	c.expect("421 4.7.0 ")
	c.gone()
	if s := w.sessions()[0]; !slices.ContainsFunc(s.Noted, func(n smtpd.Note) bool { return n.Kind == smtpd.LoginFailed && n.Count == 3 }) {
		t.Errorf("noted %+v", s.Noted)
	}
}

func TestNobodyLogsInAtMX(t *testing.T) {
	c := play(t, nil).open(smtpd.MX)
	c.say("EHLO client.example", "250")
	c.startTLS()
	c.say("EHLO client.example", "250")
	c.say("AUTH PLAIN "+plain("a", "secret"), "502 5.5.1 ")
	c.say("MAIL FROM:<a@sender.example> AUTH=a@local.example", "555 5.5.4 ")
}

// TestAnswered: who counts hears of every refusal of a connection and a recipient,
// and of every message.
func TestAnswered(t *testing.T) {
	var mu sync.Mutex
	var got []string
	w := play(t, func(c *smtpd.Config) {
		c.Limits.ClientSessions = 1
		c.Answered = func(p smtpd.Port, at smtpd.Stage, r smtpd.Reply) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf("%s %s %d %s", p, at, r.Code, r.Status))
		}
	})
	c := w.open(smtpd.MX)
	w.dial(smtpd.MX).expect("421 4.7.0")
	if n := w.server.Sessions(); n != 1 {
		t.Errorf("%d sessions are open", n)
	}
	c.say("EHLO client.example", "250")
	c.say("MAIL FROM:<a@sender.example>", "250")
	c.say("RCPT TO:<b@elsewhere.example>", "550 5.7.1")
	c.say("RCPT TO:<b@local.example>", "250")
	c.say("DATA", "354")
	c.send("A: b\n\r\n.\r\n")
	c.expect("550 5.6.11")
	c.envelope()
	c.say("DATA", "354")
	c.send("A: b\r\n.\r\n")
	c.expect("250 2.0.0")
	mu.Lock()
	defer mu.Unlock()
	want := []string{"mx connection 421 4.7.0", "mx recipient 550 5.7.1", "mx message 550 5.6.11", "mx message 250 2.0.0"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
