package smtpscript

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func mustParse(t *testing.T, text string) *Script {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newCA(t *testing.T) *CA {
	t.Helper()
	ca, err := NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// talk connects, sends each line after reading what came before, and returns
// everything the server said.
func talk(t *testing.T, s *Script, o Options, lines ...string) string {
	t.Helper()
	conn, err := s.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var got strings.Builder
	in := bufio.NewReader(conn)
	hear := func() bool {
		for {
			line, err := in.ReadString('\n')
			got.WriteString(line)
			if err != nil {
				return false
			}
			if len(line) < 4 || line[3] != '-' {
				return true
			}
		}
	}
	if !hear() {
		return got.String()
	}
	for _, line := range lines {
		if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
			return got.String() + "(closed)"
		}
		if !hear() {
			return got.String() + "(closed)"
		}
	}
	return got.String()
}

func TestConversations(t *testing.T) {
	tests := []struct {
		name, script string
		say          []string
		want         string
	}{
		{"defaults", "220 mx.example.org ESMTP", []string{"EHLO a", "MAIL FROM:<>", "DATA", "RCPT TO:<a@b>", "QUIT"},
			"220 mx.example.org ESMTP\r\n250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 8BITMIME\r\n" +
				"250 2.1.0 sender ok\r\n503 5.5.1 RCPT first\r\n250 2.1.5 recipient ok\r\n221 2.0.0 bye\r\n"},
		{"multi-line greeting and escapes", "220-mx.example.org \\x1b[2J\n220 \\e]0;x\\x07\\\\", []string{"QUIT"},
			"220-mx.example.org \x1b[2J\r\n220 \x1b]0;x\x07\\\r\n221 2.0.0 bye\r\n"},
		{"no starttls", "!no-starttls\n220 mx", []string{"EHLO a", "STARTTLS", "QUIT"},
			"220 mx\r\n250-mx\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n502 5.5.1 command not implemented\r\n221 2.0.0 bye\r\n"},
		{"overrides", "220 mx\nEHLO\n502 no\nRCPT <No@Example.org>\n550 5.1.1 nobody\nRCPT\n451 4.7.1 later\n",
			[]string{"ehlo a", "HELO a", "RCPT TO:<no@example.org> X=1", "RCPT TO:<other@example.org>", "QUIT"},
			"220 mx\r\n502 no\r\n250 mx\r\n550 5.1.1 nobody\r\n451 4.7.1 later\r\n221 2.0.0 bye\r\n"},
		{"a transaction", "220 mx", []string{"EHLO a", "RCPT TO:<a@b>", "MAIL FROM:<>", "RCPT TO:<a@b>", "RCPT TO:<@b:a@example.com>", "RSET", "RCPT TO:<a@b>", "VRFY x", "EXPN x", "QUIT"},
			"220 mx\r\n250-mx\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 8BITMIME\r\n" +
				"503 5.5.1 MAIL first\r\n250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n554 5.7.1 relay access denied\r\n250 2.0.0 ok\r\n503 5.5.1 MAIL first\r\n" +
				"252 2.5.0 cannot verify\r\n502 5.5.1 command not implemented\r\n221 2.0.0 bye\r\n"},
		{"421 closes", "421 mx too busy", []string{"QUIT", "QUIT"}, "421 mx too busy\r\n(closed)"},
		{"554 refuses all but QUIT", "554 mx no service", []string{"EHLO a", "QUIT"}, "554 mx no service\r\n503 5.5.1 bad sequence of commands\r\n221 2.0.0 bye\r\n"},
		{"close after", "220 mx\n!close-after EHLO", []string{"EHLO a"}, "220 mx\r\n(closed)"},
		{"close at once", "!close", nil, ""},
		{"unknown command", "220 mx", []string{"XYZZY", "QUIT"}, "220 mx\r\n500 5.5.2 command not recognized\r\n221 2.0.0 bye\r\n"},
	}
	ca := newCA(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := mustParse(t, test.script)
			if got := talk(t, s, Options{CA: ca}, test.say...); got != test.want {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
			if strings.HasSuffix(test.want, "(closed)") || test.say == nil {
				return
			}
			if got := s.Sent(); !reflect.DeepEqual(got, [][]string{test.say}) {
				t.Errorf("sent %q, want %q", got, test.say)
			}
		})
	}
}

func TestStartTLS(t *testing.T) {
	ca := newCA(t)
	tests := []struct {
		name, directive string
		check           func(*x509.Certificate, error) bool
	}{
		{"trusted", "", func(c *x509.Certificate, err error) bool {
			return err == nil && c.VerifyHostname("mx.example.org") == nil
		}},
		{"names", "!tls names=other.example.org", func(c *x509.Certificate, err error) bool {
			return err == nil && c.VerifyHostname("mx.example.org") != nil && c.VerifyHostname("other.example.org") == nil
		}},
		{"expired", "!tls expired", func(_ *x509.Certificate, err error) bool {
			var invalid x509.CertificateInvalidError
			return errors.As(err, &invalid) && invalid.Reason == x509.Expired
		}},
		{"self-signed", "!tls self-signed", unknownAuthority},
		{"other issuer", "!tls issuer=other", unknownAuthority},
		{"default issuer", "", func(c *x509.Certificate, err error) bool {
			return slices.Equal(c.Issuer.Organization, []string{"Let's Encrypt"})
		}},
		{"named issuer", "!tls issuer=DigiCert_Inc", func(c *x509.Certificate, err error) bool {
			return slices.Equal(c.Issuer.Organization, []string{"DigiCert Inc"})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := mustParse(t, "220 mx.example.org ESMTP\n"+test.directive)
			secure, in := upgrade(t, s, ca)
			leaf := secure.ConnectionState().PeerCertificates[0]
			_, err := leaf.Verify(x509.VerifyOptions{Roots: ca.Pool()})
			if !test.check(leaf, err) {
				t.Errorf("certificate of %q: %v", leaf.DNSNames, err)
			}
			io.WriteString(secure, "EHLO again\r\n")
			var reply string
			for !strings.HasPrefix(reply, "250 ") {
				var err error
				if reply, err = in.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(reply, "STARTTLS") {
					t.Error("STARTTLS offered inside TLS")
				}
			}
			if got, want := s.Sent()[0], []string{"STARTTLS", "EHLO again"}; !reflect.DeepEqual(got, want) {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}

func unknownAuthority(_ *x509.Certificate, err error) bool {
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

func upgrade(t *testing.T, s *Script, ca *CA) (*tls.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := s.Connect(t.Context(), Options{CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	in := bufio.NewReader(conn)
	in.ReadString('\n')
	io.WriteString(conn, "STARTTLS\r\n")
	if reply, _ := in.ReadString('\n'); !strings.HasPrefix(reply, "220 ") {
		t.Fatalf("STARTTLS: %q", reply)
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	return secure, bufio.NewReader(secure)
}

func TestTLSVersion(t *testing.T) {
	secure, _ := upgrade(t, mustParse(t, "220 mx\n!tls version=1.2"), newCA(t))
	if v := secure.ConnectionState().Version; v != tls.VersionTLS12 {
		t.Errorf("negotiated %s", tls.VersionName(v))
	}
}

func TestTLSFail(t *testing.T) {
	conn, err := mustParse(t, "220 mx\n!tls-fail").Connect(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	in.ReadString('\n')
	io.WriteString(conn, "STARTTLS\r\n")
	in.ReadString('\n')
	var record tls.RecordHeaderError
	if err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Handshake(); !errors.As(err, &record) {
		t.Errorf("handshake: %v", err)
	}
}

func TestDial(t *testing.T) {
	if _, err := mustParse(t, "!refuse").Connect(t.Context(), Options{}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("!refuse: %v", err)
	}
	if _, err := mustParse(t, "!unreachable").Connect(t.Context(), Options{}); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("!unreachable: %v", err)
	}
	if !errors.Is(Refused(), syscall.ECONNREFUSED) {
		t.Errorf("Refused() = %v", Refused())
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := mustParse(t, "!timeout").Connect(ctx, Options{})
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("!timeout: %v", err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("!timeout took %v", took)
		}
	})
}

func TestTiming(t *testing.T) {
	tests := []struct {
		name, script string
		took         time.Duration
	}{
		{"prompt", "220 mx", 0},
		{"delay", "!delay 3s\n220 mx", 3 * time.Second},
		{"delay of a reply", "220 mx\n!delay QUIT 4s", 4 * time.Second},
		{"drip", "!drip 1s\n220 mx\nQUIT\n221 ok", 16 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				talk(t, mustParse(t, test.script), Options{}, "QUIT")
				if took := time.Since(start); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
			})
		})
	}
}

// A server that says nothing, or too much, is rid of a client that hangs up.
func TestHangUp(t *testing.T) {
	for _, script := range []string{"!silent", "!flood", "220 mx\n!flood EHLO", "!delay 1m\n220 mx"} {
		t.Run(script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // fails where a goroutine never ends
				conn, err := mustParse(t, script).Connect(t.Context(), Options{})
				if err != nil {
					t.Fatal(err)
				}
				conn.SetDeadline(time.Now().Add(time.Second))
				buffer := make([]byte, 64)
				_, err = io.ReadFull(conn, buffer)
				if flood := script == "!flood"; flood != (err == nil) {
					t.Errorf("read %q, %v", buffer, err)
				}
				conn.Close()
			})
		})
	}
}

// A conversation whose client stays silent ends by itself.
func TestForgottenClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, err := mustParse(t, "!silent").Connect(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		conn.Read(make([]byte, 1))
		if took := time.Since(start); took != maxConversation {
			t.Errorf("closed after %v", took)
		}
	})
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ script, want string }{
		{"", "no greeting"},
		{"220 mx\nEHLO\n", "EHLO has no reply"},
		{"220 mx\nEHLO\n250 a\nEHLO\n250 b", "line 4: EHLO stands twice"},
		{"!jump", "line 1: no directive !jump"},
		{"!", "line 1: an empty directive"},
		{"!silent now", "takes no argument"},
		{"!delay", "needs a time"},
		{"!delay 3", "is not a time"},
		{"!delay XYZ 3s", `no command "XYZ"`},
		{"!drip 0s", "is not a time"},
		{"!close-after", "name one command"},
		{"!tls names=", "does not know"},
		{"!tls version=4", "does not know"},
		{"!tls suite=TLS_NULL", "does not know"},
		{"!ends", "needs what ends"},
		{"!ends lf-lf", "does not know"},
		{`220 \q`, `unknown escape \q`},
		{`220 \xzz`, "is not an octet"},
		{`220 \x1`, `unknown escape \x`},
		{`220 \`, `a lone \`},
		{strings.Repeat("220-x\n", maxLines+1), "more than 1000 lines"},
	}
	for _, test := range tests {
		if _, err := Parse(test.script); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%.40q): %v, want %q", test.script, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"220 mx", "!silent", "!tls names=a,b expired\n220 mx", "220 mx\nRCPT <a@b>\n550 no", "!delay EHLO 3s\n220 \\x1b\\e", "!drip 1s\n!flood QUIT\n220-a\n220 b", "!ends lf.crlf\n220 a\nMESSAGE\n250 ok",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		s.Host()
		s.Dial()
		for _, verb := range verbs {
			if (&conversation{Script: s}).standard(verb, verb) == nil {
				t.Errorf("no reply to %s", verb)
			}
		}
	})
}
