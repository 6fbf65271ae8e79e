package smtpd_test

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// TestGiven: how a message was given is told with it.
func TestGiven(t *testing.T) {
	w := play(t, nil)
	c := greeted(w)
	c.say("MAIL FROM:<a@sender.example> SIZE=99", "250")
	c.say("RCPT TO:<b@local.example>", "250")
	c.say("DATA", "354")
	c.say("A: b\r\n\r\n.", "250")
	c.say("MAIL FROM:<a@sender.example>", "250")
	c.say("RCPT TO:<b@local.example>", "250")
	c.send("BDAT 8 LAST\r\nA: b\r\n\r\n")
	c.reply()
	c.say("QUIT", "221")
	for i, want := range []smtpd.Given{{Size: 99, Octets: 8}, {Octets: 8, Chunked: true}} {
		m := w.store.mails[i]
		if m.Given.Begun.IsZero() || m.Given.Begun.After(m.Envelope.Received) {
			t.Errorf("begun at %v, received at %v", m.Given.Begun, m.Envelope.Received)
		}
		if !m.Session.TLS.Offered || m.Session.TLS.Used {
			t.Errorf("TLS %+v", m.Session.TLS)
		}
		if want.Begun = m.Given.Begun; m.Given != want {
			t.Errorf("given %+v, want %+v", m.Given, want)
		}
	}
}

// TestKeepBareFor: bare CR and LF are taken where all recipients want them.
func TestKeepBareFor(t *testing.T) {
	for to, want := range map[string]string{"test": "250", "other": "550", "test other": "550"} {
		w := play(t, func(c *smtpd.Config) {
			c.KeepBareFor = func(to []smtpd.Address) bool {
				for _, a := range to {
					if a.Local != "test" {
						return false
					}
				}
				return true
			}
		})
		c := greeted(w)
		c.say("MAIL FROM:<a@sender.example>", "250")
		for _, local := range strings.Fields(to) {
			c.say("RCPT TO:<"+local+"@local.example>", "250")
		}
		c.say("DATA", "354")
		c.say("A: b\r\n\r\nx\ny\r\n.", want)
		c.send("NOOP\n") // commands are another matter
		if got := c.reply(); !strings.HasPrefix(got, "500") {
			t.Errorf("%s: a command that ends in LF: %s", to, got)
		}
		if n := len(w.sessions()); want == "250" && !w.sessions()[n-1].Has(smtpd.BareLF) {
			t.Errorf("%s: not noted", to)
		}
	}
}
