package probe_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

var unended = probe.Unended{
	To: "postmaster@example.org", Head: "Subject: a test\r\n\r\nNobody should get this.\r\n",
	Endings: []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r"},
}

// endings is what was tried, and the code of each answer.
func endings(s probe.Session) string {
	var list []string
	for _, step := range s.Steps {
		switch {
		case step.Stage == probe.StageData:
			list = append(list, "DATA")
		case step.Stage == probe.StageEnding && len(step.Reply.Lines) > 0:
			list = append(list, step.Command+" "+step.Reply.Lines[0][:3])
		case step.Stage == probe.StageEnding:
			list = append(list, step.Command)
		}
	}
	return strings.Join(list, ", ")
}

// TestUnended: a message is begun and never ended, whatever the host makes of it.
func TestUnended(t *testing.T) {
	all := "<LF>.<LF>, <LF>.<CR><LF>, <CR><LF>.<LF>, <CR>.<CR>, <CR>.<CR><LF>, <CR><LF>.<CR>, "
	tests := []struct {
		name, script string
		tried        string
		quit         bool // it was sent
		took         time.Duration
	}{
		{"waits for the end", "!ends crlf.crlf\n220 mx", "DATA, " + all, false, 21 * time.Second},
		{"refuses both", "220 mx", "DATA, <LF>.<LF> 550, DATA, <CR>.<CR> 550", true, 0},
		{"accepts LF.CRLF", "!ends lf.crlf\n220 mx", "DATA, <LF>.<LF>, <LF>.<CR><LF> 250", true, 3 * time.Second},
		{"accepts CRLF.CR", "!ends crlf.cr\n220 mx", "DATA, " + strings.TrimSuffix(all, ", ") + " 250", true, 15 * time.Second},
		{"accepts late", "!ends lf.lf\n!delay MESSAGE 7s\n220 mx", "DATA, <LF>.<LF>, <LF>.<CR><LF>, <CR><LF>.<LF> 250", true, 7 * time.Second},
		{"accepts and says no", "!ends lf.lf\n220 mx\nMESSAGE\n554 5.7.1 spam", "DATA, <LF>.<LF> 554, DATA, <CR>.<CR>, <CR>.<CR><LF>, <CR><LF>.<CR>, ", false, 12 * time.Second},
		{"hangs up", "220 mx\n!close-after MESSAGE", "DATA, <LF>.<LF>", false, 0},
		{"closes the channel", "220 mx\nMESSAGE\n521 5.5.2 bare LF\n!ends lf.lf", "DATA, <LF>.<LF> 521", false, 0},
		{"takes no mail", "220 mx\nDATA\n554 no", "DATA", true, 0},
		{"refuses the recipient", "220 mx\nRCPT\n550 5.1.1 no", "", true, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				prober, script := world(t, "!no-starttls\n"+test.script)
				var sent recorded
				dial := prober.Dial
				prober.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := dial(ctx, network, address)
					return &tapped{Conn: conn, to: &sent}, err
				}
				target := target
				target.Unended = &unended
				s := prober.Converse(t.Context(), target)
				if got := endings(s); got != test.tried {
					t.Errorf("tried %q, want %q", got, test.tried)
				}
				if s.Took != test.took {
					t.Errorf("took %v, want %v", s.Took, test.took)
				}
				if got := s.Done(probe.StageQuit); got != test.quit {
					t.Errorf("quit: %t\n%s", got, s.Evidence().Answer)
				}
				if bytes.Contains(sent.bytes(), []byte("\r\n.\r\n")) {
					t.Errorf("the message was ended: %q", sent.bytes())
				}
				synctest.Wait()
				for _, lines := range script.Sent() {
					if i := slices.Index(lines, "DATA"); i >= 2 && lines[i-1] != "RCPT TO:<postmaster@example.org>" {
						t.Errorf("sent %q", lines)
					}
				}
			})
		})
	}
}

// recorded is what was sent over a tapped connection.
type recorded struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorded) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.buf.Bytes())
}

type tapped struct {
	net.Conn
	to *recorded
}

func (c *tapped) Write(p []byte) (int, error) {
	c.to.mu.Lock()
	c.to.buf.Write(p)
	c.to.mu.Unlock()
	return c.Conn.Write(p)
}

// TestUnendedInTLS: waiting for an answer that does not come leaves TLS alone.
func TestUnendedInTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prober, _ := world(t, "!ends crlf.cr\n220 mx.example.org ESMTP")
		target := target
		target.Unended = &unended
		if s := prober.Converse(t.Context(), target); !strings.HasSuffix(endings(s), "<CR><LF>.<CR> 250") || s.TLS == nil {
			t.Errorf("%s", s.Evidence().Answer)
		}
	})
}

// TestUnendedIsHarmless: nothing is begun that could end, or be a command.
func TestUnendedIsHarmless(t *testing.T) {
	tests := []struct {
		name   string
		change func(*probe.Unended)
	}{
		{"the real end", func(u *probe.Unended) { u.Endings = []string{"\r\n.\r\n"} }},
		{"the real end, hidden", func(u *probe.Unended) { u.Endings = []string{"\n\r\n.\r\n"} }},
		{"nothing bare", func(u *probe.Unended) { u.Endings = []string{"\r\n"} }},
		{"a command", func(u *probe.Unended) { u.Endings = []string{"\nDATA\n"} }},
		{"too many", func(u *probe.Unended) { u.Endings = slices.Repeat([]string{"\n.\n"}, 11) }},
		{"a head with a bare LF", func(u *probe.Unended) { u.Head = "a\nb\r\n" }},
		{"a head with a dot", func(u *probe.Unended) { u.Head = "a\r\n.\r\n" }},
		{"a head that begins with a dot", func(u *probe.Unended) { u.Head = ".\r\n" }},
		{"a head without an end", func(u *probe.Unended) { u.Head = "a" }},
		{"no recipient", func(u *probe.Unended) { u.To = "" }},
		{"two recipients", func(u *probe.Unended) { u.To = "a@b>\r\nRCPT TO:<c@d" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := unended
			test.change(&u)
			target := target
			target.Unended = &u
			prober := &probe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
				t.Error("dialled")
				return nil, net.ErrClosed
			}}
			if s := prober.Converse(t.Context(), target); probe.KindOf(s.Err) != probe.Invalid {
				t.Errorf("error %v", s.Err)
			}
		})
	}
}

// TestKeyExchange: what TLS shows of the key exchange is kept.
func TestKeyExchange(t *testing.T) {
	tests := []struct {
		script string
		group  tls.CurveID
		cipher uint16
	}{
		{"!tls version=1.3 group=P-384\n220 mx", tls.CurveP384, 0},
		{"!tls version=1.2 group=X25519 suite=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\n220 mx", tls.X25519, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		{"!tls version=1.2 rsa=2048 suite=TLS_RSA_WITH_AES_128_CBC_SHA\n220 mx", 0, tls.TLS_RSA_WITH_AES_128_CBC_SHA},
	}
	for _, test := range tests {
		prober, _ := world(t, test.script)
		s := prober.Converse(t.Context(), target)
		if s.TLS == nil || s.TLS.Group != test.group || test.cipher != 0 && s.TLS.Cipher != test.cipher || !s.TLS.MasterSecret {
			t.Errorf("%s: %+v, %v", test.script, s.TLS, s.Err)
		}
	}
}

// FuzzUnended talks to a server that says anything, one answer to each line it is
// sent, about a message that must not end: whatever it says, what it is sent is
// never <CRLF>.<CRLF>, and no other recipient is named.
func FuzzUnended(f *testing.F) {
	f.Add([]byte("220 mx\r\n\xfe250 mx\r\n\xfe250 ok\r\n\xfe250 ok\r\n\xfe354 go\r\n\xfe\xfe550 bare LF\r\n\xfe250 ok\r\n\xfe250 ok\r\n\xfe250 ok\r\n\xfe354 go\r\n"))
	f.Add([]byte("220 mx\r\n\xfe250 mx\r\n\xfe250 ok\r\n\xfe250 ok\r\n\xfe354 go\r\n250 taken\r\n"))
	f.Add([]byte("220 mx\r\n\xfe250 mx\r\n\xfe250 ok\r\n\xfe250 ok\r\n\xfe354 go\r\n4"))
	f.Fuzz(func(t *testing.T, said []byte) {
		synctest.Test(t, func(t *testing.T) {
			var heard []string
			var sent recorded
			prober := &probe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go parrot(server, strings.Split(string(said), "\xfe"), &heard)
				return &tapped{Conn: client, to: &sent}, nil
			}}
			target := target
			target.Unended = &unended
			start := time.Now()
			s := prober.Converse(t.Context(), target)
			if took := time.Since(start); took > probe.DefaultTimeouts().Total+time.Second {
				t.Errorf("took %v", took)
			}
			synctest.Wait()
			text := sent.bytes()
			if bytes.Contains(text, []byte("\r\n.\r\n")) || bytes.Count(text, []byte("RCPT TO:")) != bytes.Count(text, []byte("RCPT TO:<postmaster@example.org>\r\n")) {
				t.Errorf("sent %q", text)
			}
			s.Evidence()
		})
	})
}
