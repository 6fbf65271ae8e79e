package smtpd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// greeted is a client of a mail host that has said EHLO.
func greeted(w *world) *client {
	w.t.Helper()
	c := w.open(smtpd.MX)
	c.say("EHLO client.example", "250")
	return c
}

func TestDefaultLimitOfSize(t *testing.T) {
	c := greeted(play(t, nil))
	c.say("MAIL FROM:<a@sender.example> SIZE=52428801", "552 5.3.4 ")
	c.say("MAIL FROM:<a@sender.example> SIZE=99999999999999999999", "552 5.3.4 ")
	c.say("MAIL FROM:<a@sender.example> SIZE=52428800", "250 ")
}

// TestLimitsOfMessage: a message over a limit is read to its end, then refused, by
// DATA and by BDAT; one within is taken.
func TestLimitsOfMessage(t *testing.T) {
	field, line := "X-Field: y\r\n", strings.Repeat("x", 78)+"\r\n"
	for name, test := range map[string]struct {
		size  int64
		text  string
		reply string
	}{
		"size":               {10_000, "A: b\r\n\r\n" + strings.Repeat(line, 125)[:10_000-10] + "\r\n", "250 2.0.0"},
		"over size":          {10_000, "A: b\r\n\r\n" + strings.Repeat(line, 125)[:10_000-9] + "\r\n", "552 5.3.4"},
		"far over size":      {10_000, "A: b\r\n\r\n" + strings.Repeat(line, 2000), "552 5.3.4"},
		"1000 fields":        {0, strings.Repeat(field, 1000) + "\r\n" + strings.Repeat(field, 10), "250 2.0.0"},
		"1001 fields":        {0, strings.Repeat(field, 1001) + "\r\n", "554 5.6.0"},
		"folded":             {0, "A: b\r\n" + strings.Repeat(" "+line, 3000) + "\r\n", "250 2.0.0"},
		"header of 256 KiB":  {0, "A:" + strings.Repeat(" x\r\n", 65535) + "\r\n" + line, "250 2.0.0"},
		"bigger header":      {0, "A:" + strings.Repeat(" x\r\n", 65537) + "\r\n" + line, "552 5.3.4"},
		"header in one line": {0, strings.Repeat("x", 300<<10) + "\r\n\r\n", "552 5.3.4"},
		"50 hops":            {0, strings.Repeat("Received: x\r\n", 50) + "\r\nReceived: x\r\n", "250 2.0.0"},
		"51 hops":            {0, strings.Repeat("Received: x\r\n", 50) + "rEcEivEd: x\r\n\r\n", "554 5.4.6"},
		"not hops":           {0, strings.Repeat("Received-SPF: x\r\n", 60) + "\r\n", "250 2.0.0"},
		"no header at all":   {0, "", "250 2.0.0"},
		"a body of 1 MiB":    {0, "A: b\r\n\r\n" + strings.Repeat(line, 13108), "250 2.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := play(t, func(c *smtpd.Config) { c.Limits.MessageBytes = test.size })
			c := greeted(w)
			c.envelope()
			c.say("DATA", "354")
			c.send(test.text + ".\r\n")
			c.expect(test.reply)
			c.envelope()
			c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(test.text), test.text))
			c.expect(test.reply)
			c.say("NOOP", "250")
			for _, text := range w.store.texts {
				if !strings.HasSuffix(text, " +0000\r\n"+test.text) {
					t.Errorf("stored %.200q", text)
				}
			}
			if (w.store.count() == 2) != (test.reply[0] == '2') {
				t.Errorf("%d messages stored", w.store.count())
			}
		})
	}
}

func TestLimitOfRecipients(t *testing.T) {
	w := play(t, nil)
	c := greeted(w)
	c.say("MAIL FROM:<a@sender.example>", "250")
	for i := range 100 {
		c.say(fmt.Sprintf("RCPT TO:<b%d@local.example>", i), "250 2.1.5")
	}
	c.say("RCPT TO:<b100@local.example>", "452 4.5.3")
	c.say("DATA", "354")
	c.send("A: b\r\n\r\n.\r\n")
	c.expect("250")
	if n := len(w.store.mails[0].Envelope.Rcpts); n != 100 {
		t.Errorf("%d recipients", n)
	}
	if strings.Contains(w.store.texts[0], "for <") {
		t.Errorf("shows a recipient to the others:\n%s", w.store.texts[0])
	}
}

func TestLimitOfBadCommands(t *testing.T) {
	for _, bad := range []string{"XYZZY", "RCPT TO:<b@local.example>", "MAIL FROM:b", "EHLO", "AUTH PLAIN", "EXPN list", "\x01"} {
		c := greeted(play(t, nil))
		for range 9 {
			c.say(bad, "50")
		}
		c.say("NOOP", "250")
		c.say(bad, "50")
		c.expect("421 4.7.0")
		c.gone()
	}
}

func TestLimitOfRefusedRecipients(t *testing.T) {
	c := greeted(play(t, nil))
	c.say("MAIL FROM:<a@sender.example>", "250")
	for i := range 100 {
		c.say(fmt.Sprintf("RCPT TO:<b%d@ex.org>", i), "550")
	}
	c.expect("421 4.7.0")
	c.gone()
}

func TestLimitOfLine(t *testing.T) {
	c := greeted(play(t, nil))
	c.say("NOOP "+strings.Repeat("x", 2041), "250")
	c.say("NOOP "+strings.Repeat("x", 2042), "500 5.5.2")
	c.say("NOOP "+strings.Repeat("x", 100_000), "500 5.5.2")
	c.say("NOOP", "250")
	c = play(t, nil).open(smtpd.Submissions)
	c.say("EHLO client.example", "250")
	c.say("AUTH PLAIN", "334")
	c.say(strings.Repeat("A", 12289), "500 5.5.6")
	c.say("NOOP", "250")
}

// TestLimitOfSessions: 30 at a time and 300 a minute of one client.
func TestLimitOfSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := play(t, nil)
		for i := range 30 {
			w.dialFrom(smtpd.MX, fmt.Sprintf("198.51.100.7:%d", 1000+i)).expect("220")
		}
		c := w.dial(smtpd.MX)
		c.expect("421 4.7.0")
		c.gone()
		w.dialFrom(smtpd.MX, "198.51.100.8:1000").expect("220")
		w.dialFrom(smtpd.MX, "[2001:db8::1]:1000").expect("220")
	})
	synctest.Test(t, func(t *testing.T) {
		w := play(t, nil)
		visit := func(remote, want string) {
			c := w.dialFrom(smtpd.MX, remote)
			if c.expect(want); want == "220" {
				c.say("QUIT", "221")
			}
			c.gone()
			synctest.Wait()
		}
		for i := range 300 { // the addresses of a /64 are one client
			visit(fmt.Sprintf("[2001:db8::%x]:1000", i), "220")
		}
		visit("[2001:db8::1]:1000", "421 4.7.0")
		visit("[2001:db8:0:1::1]:1000", "220")
		time.Sleep(time.Second) // of the bubble
		for range 5 {
			visit("[2001:db8::1]:1000", "220")
		}
		visit("[2001:db8::1]:1000", "421 4.7.0")
	})
}

func TestLimitOfAllSessions(t *testing.T) {
	w := play(t, func(c *smtpd.Config) { c.Limits.Sessions = 3 })
	for i := range 3 {
		w.dialFrom(smtpd.MX, fmt.Sprintf("198.51.100.%d:1000", i)).expect("220")
	}
	w.dialFrom(smtpd.MX, "198.51.100.9:1000").expect("421 4.3.2")
}

// TestGuessing: failed logins cost as much as sessions.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := play(t, nil)
		refused := 0
		for range 20 {
			c := w.dial(smtpd.Submissions)
			if c.reply() == "" {
				refused++
				continue
			}
			c.say("EHLO client.example", "250")
			for range 3 {
				c.say("AUTH PLAIN "+plain("a", "guess"), "535")
			}
			c.expect("421")
			c.gone()
		}
		if refused < 9 {
			t.Errorf("%d sessions of 20 refused", refused)
		}
	})
}

// TestDeadlines: a client that is too slow hears 421 at the time told.
func TestDeadlines(t *testing.T) {
	drip := func(c *client, octet string, every time.Duration) {
		go func() {
			for {
				if _, err := c.conn.Write([]byte(octet)); err != nil {
					return
				}
				select {
				case <-c.conn.(*queued).done:
					return
				case <-time.After(every):
				}
			}
		}()
	}
	message := func(c *client) {
		c.say("EHLO client.example", "250")
		c.envelope()
	}
	for name, test := range map[string]struct {
		act   func(c *client)
		after time.Duration
		reply string
	}{
		"says nothing":            {func(c *client) {}, 5 * time.Minute, "421 4.4.2"},
		"never ends a command":    {func(c *client) { drip(c, "x", time.Second) }, 5 * time.Minute, "421 4.4.2"},
		"ends commands by CR":     {func(c *client) { drip(c, "NOOP\r", time.Second) }, 5 * time.Minute, "421 4.4.2"},
		"is slow to begin":        {func(c *client) { message(c); c.say("DATA", "354") }, time.Minute, "421 4.4.2"},
		"drips data":              {func(c *client) { message(c); c.say("DATA", "354"); drip(c, "x", time.Second) }, 60 * time.Second, "421 4.4.2"},
		"drips 50 octets/s":       {func(c *client) { message(c); c.say("DATA", "354"); drip(c, strings.Repeat("x", 50), time.Second) }, 120 * time.Second, "421 4.4.2"},
		"never ends the data":     {func(c *client) { message(c); c.say("DATA", "354"); drip(c, strings.Repeat("x", 200), time.Second) }, 10 * time.Minute, "421 4.4.2"},
		"ends the data by CR":     {func(c *client) { message(c); c.say("DATA", "354"); c.send("hello\r\n.\r") }, time.Minute, "421 4.4.2"},
		"drips a chunk":           {func(c *client) { message(c); c.send("BDAT 1000000 LAST\r\n"); drip(c, "x", time.Second) }, 60 * time.Second, "421 4.4.2"},
		"drips a chunk to no end": {func(c *client) { c.send("BDAT 9223372036854775807\r\n"); drip(c, "x", time.Second) }, 10 * time.Minute, "421 4.4.2"},
		"does nothing for ever": {func(c *client) {
			for range 19 {
				c.say("NOOP", "250")
				time.Sleep(time.Minute)
			}
		}, 20 * time.Minute, "421 4.4.2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := play(t, nil)
				c := w.open(smtpd.MX)
				start := time.Now()
				test.act(c)
				c.expect(test.reply)
				c.gone()
				c.conn.Close()
				if took := time.Since(start); took < test.after-time.Second || took > test.after+2*time.Second {
					t.Errorf("after %v, want %v", took, test.after)
				}
				if s := w.sessions()[0]; !s.Has(smtpd.TimedOut) {
					t.Errorf("noted %v", s.Noted)
				}
				if w.store.count() != 0 {
					t.Error("stored", w.store.texts)
				}
			})
		})
	}
}

// TestSlowReaders: a client that does not read its replies is dropped.
func TestSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := play(t, nil)
		c := w.open(smtpd.MX)
		c.send("NOOP\r\n")
		time.Sleep(5*time.Minute + 6*time.Second)
		c.gone()
	})
	synctest.Test(t, func(t *testing.T) { // nor is one awaited that never begins TLS
		w := play(t, nil)
		c := greeted(w)
		c.say("STARTTLS", "220")
		start := time.Now()
		c.gone()
		if took := time.Since(start); took != time.Minute {
			t.Errorf("a handshake may take %v", took)
		}
	})
}

// TestIdleConnections: a thousand of them take little memory.
func TestIdleConnections(t *testing.T) {
	w := play(t, func(c *smtpd.Config) { c.Limits.Sessions = -1 })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 1000
	for i := range n {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { ours.Close() })
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 1000)
		w.ends[smtpd.MX].conns <- end{theirs, "192.0.2.25:25", addr.String()}
		buf := make([]byte, 512)
		if got, err := ours.Read(buf); err != nil || string(buf[:4]) != "220 " {
			t.Fatalf("%q %v", buf[:got], err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := int64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse) / n
	t.Logf("%d octets each", each)
	if each > 32<<10 {
		t.Errorf("an idle connection takes %d octets", each)
	}
}

// TestRoom: what does not fit into memory goes to a file, what does not fit there
// is 452, and all is given back.
func TestRoom(t *testing.T) {
	w := play(t, func(c *smtpd.Config) { c.Limits.Memory, c.Limits.Disk = 16<<10, 1<<20 })
	body := func(n int) string {
		return "A: b\r\n\r\n" + strings.Repeat("0123456789012345678901234567890\r\n", n/33)
	}
	var open []*client
	for i := range 2 { // the first holds the memory
		c := w.dialFrom(smtpd.MX, fmt.Sprintf("198.51.100.%d:1000", i))
		c.expect("220")
		c.say("EHLO client.example", "250")
		c.envelope()
		c.say("DATA", "354")
		c.send(body(10_000))
		open = append(open, c)
	}
	c := greeted(w)
	for range 3 {
		c.envelope()
		c.say("DATA", "354")
		c.send(body(1<<20) + ".\r\n")
		c.expect("452 4.3.1")
		c.envelope()
		c.say("DATA", "354")
		c.send(body(1000<<10) + ".\r\n")
		c.expect("250")
	}
	for _, c := range open {
		c.send(".\r\n")
		c.expect("250")
	}
	for i, text := range w.store.texts {
		if want := body([]int{1000 << 10, 10_000}[i/3]); !strings.HasSuffix(text, "\r\n"+want) {
			t.Errorf("message %d is not what was sent", i)
		}
	}
	w = play(t, func(c *smtpd.Config) { c.Limits.Memory, c.TempDir = 1, "/nonexistent" })
	c = greeted(w)
	c.envelope()
	c.say("DATA", "354")
	c.send("x\r\n.\r\n")
	c.expect("452 4.3.1")
}

// TestErrorsOfStore: what a Store fails with is what the client hears.
func TestErrorsOfStore(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, "250 2.0.0"},
		{spool.ErrFull, "452 4.3.1"},
		{fmt.Errorf("%w: too many messages", spool.ErrFull), "452 4.3.1"},
		{os.ErrPermission, "451 4.3.0"},
		{&smtpd.Reply{Code: 550, Status: "5.2.0", Text: "no"}, "550 5.2.0 no"},
		{fmt.Errorf("so: %w", &smtpd.Reply{Code: 450, Status: "4.2.0", Text: "two\nlines"}), "450-4.2.0 two\n450 4.2.0 lines"},
		{&smtpd.Reply{Code: 250, Status: "2.0.0", Text: "no error"}, "554 5.3.0"},
	} {
		w := play(t, nil)
		w.store.err = test.err
		c := greeted(w)
		c.envelope()
		c.say("DATA", "354")
		c.send("x\r\n.\r\n")
		c.expect(test.want)
		if s := w.sessions(); s[0].Messages != 1 || (s[0].Accepted == 1) != (test.err == nil) {
			t.Errorf("session %+v", s[0])
		}
	}
}

// TestErrorsOfMailbox: likewise at RCPT.
func TestErrorsOfMailbox(t *testing.T) {
	w := play(t, func(c *smtpd.Config) {
		c.Mailbox = func(_ context.Context, a smtpd.Address) error {
			switch a.Local {
			case "none":
				return smtpd.ErrNoMailbox
			case "full":
				return fmt.Errorf("quota: %w", smtpd.ErrMailboxFull)
			case "broken":
				return errors.New("no answer")
			case "own":
				return &smtpd.Reply{Code: 450, Status: "4.7.1", Text: "Greylisted"}
			}
			return nil
		}
	})
	c := greeted(w)
	c.say("MAIL FROM:<a@sender.example>", "250")
	c.say("RCPT TO:<none@local.example>", "550 5.1.1")
	c.say("RCPT TO:<full@local.example>", "452 4.2.2")
	c.say("RCPT TO:<broken@local.example>", "451 4.3.0")
	c.say("RCPT TO:<own@local.example>", "450 4.7.1 Greylisted")
	c.say("DATA", "554 5.5.1")
	c.say("RCPT TO:<b@local.example>", "250")
}

// weigh measures the heap while a message is stored.
type weigh struct{ heap, size int64 }

func (w *weigh) Accept(_ context.Context, _ *smtpd.Mail, r io.Reader) error {
	w.heap = heap()
	var err error
	w.size, err = io.Copy(io.Discard, r)
	return err
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestBigMessage: 50 MiB take no more memory than 128 KiB do.
func TestBigMessage(t *testing.T) {
	const size = 50 << 20
	store := new(weigh)
	w := play(t, func(c *smtpd.Config) { c.Store = store })
	c := greeted(w)
	c.envelope()
	before := heap()
	conn := c.conn.(*queued).Conn // the queue would hold it all
	if _, err := fmt.Fprintf(conn, "BDAT %d LAST\r\n", size); err != nil {
		t.Fatal(err)
	}
	chunk := []byte(strings.Repeat("\r\n"+strings.Repeat("x", 62), 1<<10)) // no header
	for range size / len(chunk) {
		if _, err := conn.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	c.expect("250")
	if more := store.heap - before; more > 1<<20 || store.size < size {
		t.Errorf("%d octets of the heap for a message of %d", more, store.size)
	}
}
