package smtpd

import (
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FuzzUndot: however the text after DATA is cut, it ends at the first CRLF.CRLF,
// and is what the words of RFC 5321, 4.5.2 make of it.
func FuzzUndot(f *testing.F) {
	for _, seed := range []string{"", ".\r\n", "a\r\n.\r\nb", "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\n", "\r\n.\r", "\n.\r", "\r\r\n.\r\n", "\r\n.\r\r\n.\r\n",
		"..\r\n.a\r\n...\r\n.\r\n", "a\r\nb\r\n\r\n\r\n.\r.\r\n.\r\n", "\r\n\r.\r\n.\r\n", "a\r\n\n.\r\n.\r\n"} {
		f.Add(seed, uint8(1))
		f.Add(seed, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, cut uint8) {
		var d undot
		var got []byte
		read, ended := 0, false
		for step := max(int(cut), 1); read < len(text) && !ended; {
			var n int
			n, ended = d.feed([]byte(text[read:min(read+step, len(text))]), func(p []byte) { got = append(got, p...) })
			read += n
		}
		end := strings.Index("\r\n"+text, "\r\n.\r\n")
		if ended != (end >= 0) || ended && read != end+3 {
			t.Fatalf("%q ends at %d (%t), want %d", text, read, ended, end+3)
		}
		if !ended {
			return
		}
		lines := strings.Split(text[:end], "\r\n")
		bare := strings.Join(lines, "")
		for i := range lines {
			lines[i] = strings.TrimPrefix(lines[i], ".")
		}
		if want := strings.Join(lines, "\r\n"); string(got) != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
		var s scan
		for i := 0; i < end; i += int(max(cut, 1)) {
			s.feed([]byte(text[i:min(i+int(max(cut, 1)), end)]))
		}
		s.end()
		if s.bare != d.bare || d.bare.cr != strings.Count(bare, "\r") || d.bare.lf != strings.Count(bare, "\n") {
			t.Errorf("%q: bare %+v by DATA, %+v by BDAT", text, d.bare, s.bare)
		}
	})
}

// FuzzPath: what parses is written in a way that parses to the same, and never
// holds more than one address.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"<>", "<a@b.example>", `<"a b"@b.example> SIZE=1`, "<@x,@y:a@b.example>", "<postmaster>", "<a@[192.0.2.1]>", "<a@[IPv6:::1]>",
		"<\xc3\xbc@\xc3\xbc.example>", `<"a\"b\\c"@d>`, "<a..b@c>", `<"">`, "<a@b", `<"a>b"@c>`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, _, problem := parsePath(text)
		if problem != "" || p.null || p.Domain == "" {
			return
		}
		again, rest, problem := parsePath("<" + p.String() + ">")
		if problem != "" || rest != "" || again.Address != p.Address || again.route != "" {
			t.Errorf("%q is %+v, then %q is %+v (%s)", text, p.Address, p.String(), again.Address, problem)
		}
	})
}

type sink struct {
	got [][]byte
	to  []Address
}

func (s *sink) Accept(_ context.Context, m *Mail, r io.Reader) error {
	text, err := io.ReadAll(r)
	s.got, s.to = append(s.got, text), append(s.to, m.To...)
	return err
}

// scripted is a connection on which the client says its text in pieces, whatever
// it hears, and hangs up.
type scripted struct {
	net.Conn
	text  []byte
	step  int
	heard bytes.Buffer
}

func (c *scripted) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), c.step)], c.text)
	c.text = c.text[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
func (c *scripted) Write(p []byte) (int, error)      { return c.heard.Write(p) }
func (c *scripted) Close() error                     { return nil }
func (c *scripted) SetReadDeadline(time.Time) error  { return nil }
func (c *scripted) SetWriteDeadline(time.Time) error { return nil }
func (c *scripted) SetDeadline(time.Time) error      { return nil }
func (c *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 25), Port: 25} }
func (c *scripted) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 40000}
}

var replyForm = regexp.MustCompile(`^([2345]\d\d)([ -])(?:[245]\.\d{1,3}\.\d{1,3} )?[ -~]*\r\n$`)

// FuzzDialogue: whatever a client says, the answers are replies of SMTP, as many
// messages are stored as are answered so, and none goes to a foreign domain.
func FuzzDialogue(f *testing.F) {
	for _, seed := range []string{
		"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@local.example>\r\nDATA\r\nA: b\r\n\r\nc\r\n.\r\nQUIT\r\n",
		"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<c@local.example>\r\nBDAT 3\r\na\r\nBDAT 0 LAST\r\nRSET\r\n",
		"HELO [192.0.2.1]\r\nMAIL FROM:<@x:a@b> SIZE=5 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<c%d@local.example>\r\nDATA\r\n",
		"EHLO a\r\nSTARTTLS\r\nAUTH PLAIN AGEAYg==\r\nVRFY\r\nNOOP\nHELP\r\nEXPN\r\nGET /\r\n",
		"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@local.example>\r\nDATA\r\n\n.\nMAIL\r\n.\r\r\n\r\n.\r\nQUIT\r\n",
	} {
		f.Add([]byte(seed), uint8(0), false)
		f.Add([]byte(seed), uint8(2), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, step uint8, keep bool) {
		store := new(sink)
		var seen *Session
		srv, err := New(Config{Hostname: "mx.local.example", Domains: []string{"local.example"}, Store: store, KeepBare: keep, GreetAfter: -1,
			Limits: Limits{Memory: 16 << 10, Fields: 20, HeaderBytes: 1000, Hops: 3, MessageBytes: 5000}, Ended: func(s *Session) { seen = s }})
		if err != nil {
			t.Fatal(err)
		}
		conn := &scripted{text: text, step: int(step)}
		if step == 0 {
			conn.step = 1 << 20
		}
		ss := newSession(srv, conn, MX, addrPort(conn.RemoteAddr()))
		ss.run()
		taken := 0
		for line := range strings.SplitAfterSeq(conn.heard.String(), "\n") {
			if line == "" {
				continue
			}
			if !replyForm.MatchString(line) || strings.HasPrefix(line, "421 4.3.0") {
				t.Fatalf("said %q", line)
			}
			if strings.HasPrefix(line, "250 2.0.0 OK, taken") {
				taken++
			}
		}
		if taken != len(store.got) || taken != seen.Accepted {
			t.Errorf("%d messages answered, %d stored", taken, len(store.got))
		}
		for _, got := range store.got {
			if !bytes.HasPrefix(got, []byte("Received: from ")) {
				t.Errorf("stored %q", got)
			}
			var s scan
			if s.feed(got); !keep && s.bare != (bare{}) {
				t.Errorf("stored bare CR or LF: %q", got)
			}
		}
		for _, to := range store.to {
			if to.Domain != "local.example" || strings.ContainsAny(to.Local, "%!@") {
				t.Errorf("relayed to %v", to)
			}
		}
		if r := srv.room; r.memory != 16<<10 || r.disk != 1<<30 {
			t.Errorf("room left %d, %d", r.memory, r.disk)
		}
	})
}
