package smtpd_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// TestNotes: what only the receiving side sees is noted, and nothing else.
func TestNotes(t *testing.T) {
	const hello, quit = "EHLO client.example\r\n", "QUIT\r\n"
	mail := "MAIL FROM:<a@sender.example>\r\nRCPT TO:<b@local.example>\r\n"
	for name, test := range map[string]struct {
		segments []string // each waits for a reply, but for the last
		keep     bool
		want     string // kind count detail
	}{
		"nothing":              {[]string{hello, mail + "DATA\r\n", "A: b\r\n\r\nc\r\n.\r\n", quit}, false, ""},
		"chunks":               {[]string{hello, mail + "BDAT 8\r\nA: b\r\n\r\nBDAT 3 LAST\r\nc\r\n", quit}, false, ""},
		"EHLO does not wait":   {[]string{hello + mail, quit}, false, "pipelined 1 EHLO"},
		"DATA does not wait":   {[]string{hello, mail + "DATA\r\nA: b\r\n\r\nc\r\n.\r\n" + quit}, false, "pipelined 1 DATA"},
		"QUIT does not wait":   {[]string{hello, quit + "NOOP\r\n"}, false, "pipelined 1 QUIT"},
		"HELO pipelines":       {[]string{"HELO client.example\r\n", mail, quit}, false, "pipelined 1 MAIL"},
		"HELO":                 {[]string{"HELO client.example\r\n", quit}, false, ""},
		"HELO as a literal":    {[]string{"EHLO [192.0.2.1]\r\n", quit}, false, ""},
		"HELO as an address":   {[]string{"EHLO 192.0.2.256:25\r\n", quit}, false, "bad-helo 1 192.0.2.256:25"},
		"wrong order":          {[]string{"MAIL FROM:<a@sender.example>\r\n", hello, "RCPT TO:<b@local.example>\r\n", "DATA\r\n", quit}, false, "wrong-order 3 MAIL"},
		"two transactions":     {[]string{hello, mail, "MAIL FROM:<>\r\n", quit}, false, "wrong-order 1 MAIL"},
		"unknown":              {[]string{hello, "XYZZY plugh\r\n", quit}, false, "bad-command 1 XYZZY"},
		"a space":              {[]string{hello, "MAIL FROM: <a@sender.example>\r\n", quit}, false, "loose-syntax 1 FROM: <a@sender.example>"},
		"a source route":       {[]string{hello, "MAIL FROM:<@x.example:a@sender.example>\r\n", quit}, false, "source-route 1 FROM:<@x.example:a@sender.example>"},
		"a relay test":         {[]string{hello, "MAIL FROM:<>\r\n", "RCPT TO:<a@b.example>\r\n", quit}, false, "relaying 1 a@b.example"},
		"HELO and extensions":  {[]string{"HELO client.example\r\n", "MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\n", quit}, false, "not-offered 2 BODY"},
		"not offered":          {[]string{hello, "MAIL FROM:<> RET=HDRS\r\n", quit}, false, "not-offered 1 RET"},
		"8-bit body":           {[]string{hello, mail + "DATA\r\n", "A: b\r\n\r\n\xc3\xbc\r\n.\r\n", quit}, false, "undeclared-8bit 1 "},
		"8-bit body, declared": {[]string{hello, "MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<b@local.example>\r\nDATA\r\n", "A: b\r\n\r\n\xc3\xbc\r\n.\r\n", quit}, false, ""},
		"8-bit header":         {[]string{hello, "MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<b@local.example>\r\nDATA\r\n", "A: \xc3\xbc\r\n\r\n.\r\n", quit}, false, "undeclared-utf8 1 "},
		"UTF-8":                {[]string{hello, "MAIL FROM:<\xc3\xbc@sender.example> SMTPUTF8\r\nRCPT TO:<\xc3\xbc@b\xc3\xbccher.example>\r\nDATA\r\n", "A: \xc3\xbc\r\n\r\n.\r\n", quit}, false, ""},
		"a long line":          {[]string{hello, mail + "DATA\r\n", "\r\n" + strings.Repeat("x", 999) + "\r\n.\r\n", quit}, false, "long-line 1 "},
		"a line of 998":        {[]string{hello, mail + "DATA\r\n", "\r\n" + strings.Repeat("x", 998) + "\r\n.\r\n", quit}, false, ""},
		"NUL":                  {[]string{hello, mail + "DATA\r\n", "\r\nx\x00y\x00\r\n.\r\n", quit}, false, "nul 2 "},
		"bare LF":              {[]string{hello, mail + "DATA\r\n", "\r\nx\n\ny\r\n.\r\n", quit}, false, "bare-lf 2 "},
		"bare CR":              {[]string{hello, mail + "DATA\r\n", "\r\nx\ry\r\n.\r\n", quit}, false, "bare-cr 1 "},
		"bare CR at the end":   {[]string{hello, mail + "BDAT 2 LAST\r\nx\r" + quit}, false, "bare-cr 1 "},
		"both, kept":           {[]string{hello, mail + "DATA\r\n", "\r\nx\r\r\n\ny\r\n.\r\n", quit}, true, "bare-lf 1 |bare-cr 1 "},
		"a command ends in LF": {[]string{hello, "NOOP\n", quit}, true, "command-bare-lf 1 NOOP"},
		"failed handshake":     {[]string{hello, "STARTTLS\r\n", "EHLO client.example\r\n"}, false, "handshake-failed 1 tls: first record does not look like a TLS handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			w := play(t, func(c *smtpd.Config) { c.KeepBare = test.keep })
			c := w.open(smtpd.MX)
			for i, segment := range test.segments {
				c.send(segment)
				if i == len(test.segments)-1 {
					break
				}
				replies := strings.Count(segment, "\r\nRCPT") + strings.Count(segment, "\r\nDATA") + strings.Count(segment, "BDAT") + 1
				if strings.HasPrefix(segment, hello) && segment != hello {
					replies++ // MAIL, behind EHLO
				}
				for range replies {
					c.reply()
				}
			}
			for c.reply() != "" { // to the end
			}
			var got []string
			for _, n := range w.sessions()[0].Noted {
				got = append(got, strings.TrimPrefix(string(n.Kind)+" "+string(rune('0'+n.Count))+" "+n.Detail, " "))
			}
			if got := strings.Join(got, "|"); got != test.want {
				t.Errorf("noted %q, want %q", got, test.want)
			}
		})
	}
}

func TestVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := play(t, nil)
		greeted(w).conn.Close()
		synctest.Wait()
		if s := w.sessions()[0]; !s.Has(smtpd.Vanished) {
			t.Errorf("noted %v", s.Noted)
		}
	})
}

func TestEarlyTalk(t *testing.T) {
	for _, early := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := play(t, func(c *smtpd.Config) { c.GreetAfter = 2 * time.Second })
			c := w.dial(smtpd.MX)
			start := time.Now()
			if early {
				time.Sleep(time.Second)
				c.send("EHLO spam.example\r\n")
			}
			c.expect("220")
			if took := time.Since(start); early != (took == time.Second) || !early && took != 2*time.Second {
				t.Errorf("greeted after %v", took)
			}
			if !early {
				c.send("EHLO client.example\r\n")
			}
			c.expect("250")
			c.say("QUIT", "221")
			if s := w.sessions()[0]; s.Has(smtpd.EarlyTalk) != early {
				t.Errorf("early %t: noted %v", early, s.Noted)
			}
		})
	}
}

// TestNotesAreBounded: a client cannot make us remember without end.
func TestNotesAreBounded(t *testing.T) {
	w := play(t, func(c *smtpd.Config) { c.Limits.BadCommands = -1; c.KeepBare = true })
	c := greeted(w)
	for range 300 {
		c.envelope()
		c.say("DATA", "354")
		c.send("x\n" + strings.Repeat("y", 1000) + "\r\n.\r\n")
		c.expect("250")
	}
	c.say(strings.Repeat("z", 2000), "500")
	c.say("QUIT", "221")
	s := w.sessions()[0]
	if len(s.Noted) != 200 || s.Accepted != 300 {
		t.Errorf("%d notes, %d accepted", len(s.Noted), s.Accepted)
	}
	if m := w.store.mails[1]; m.Message != 2 || m.Session.Noted[2].Message != 2 || m.Session.Noted[2].Kind != smtpd.BareLF {
		t.Errorf("second message %d, noted %v", m.Message, m.Session.Noted)
	}
}
