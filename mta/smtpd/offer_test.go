package smtpd_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// TestNoCertificate: STARTTLS is not offered while there is no certificate, as before
// the first one comes from an authority.
func TestNoCertificate(t *testing.T) {
	w := play(t, func(c *smtpd.Config) { c.TLS = func() *tls.Config { return nil } })
	c := w.open(smtpd.MX)
	if said := c.say("EHLO mx.sender.example", "250"); strings.Contains(said, "STARTTLS") {
		t.Errorf("offered: %q", said)
	}
	c.say("STARTTLS", "454")
	c.say("QUIT", "221")
	if s := w.sessions(); len(s) != 1 || s[0].TLS.Offered {
		t.Errorf("%+v", s)
	}
}
