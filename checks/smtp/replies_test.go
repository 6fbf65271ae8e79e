package smtp

import (
	"testing"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/probe"
)

// TestRefusals: what servers say to a recipient that they do not take, and what
// is made of it.
func TestRefusals(t *testing.T) {
	for _, test := range []struct{ said, enhanced, want string }{
		{"550 5.1.1 <postmaster@example.org>: Recipient address rejected: User unknown in local recipient table", "5.1.1", "mailbox"},
		{"550-5.1.1 The email account that you tried to reach does not exist.", "5.1.1", "mailbox"},
		{"550 5.4.1 Recipient address rejected: Access denied.", "5.4.1", "mailbox"}, // Microsoft 365
		{"550 5.2.1 The email account that you tried to reach is disabled.", "5.2.1", "mailbox"},
		{"550 No Such User Here", "", "mailbox"},
		{"550 Unrouteable address", "", "mailbox"},
		{"550 unknown user", "", "mailbox"},
		{"550 Requested action not taken: mailbox unavailable", "", "mailbox"},
		{"554 5.7.1 <postmaster@example.org>: Relay access denied", "5.7.1", "relay"},
		{"550 5.7.1 <postmaster@example.org>... Relaying denied", "5.7.1", "relay"},
		{"550 relay not permitted", "", "relay"},
		{"550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "5.7.54", "relay"},
		{"550 5.7.64 TenantAttribution; Relay Access Denied", "5.7.64", "relay"},
		{"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "", "relay"},
		{"554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org", "5.7.1", ""},
		{"550 5.7.1 Client host rejected: cannot find your reverse hostname", "5.7.1", ""},
		{"550 5.7.23 The message was rejected because of Sender Policy Framework violation", "5.7.23", ""},
		{"553 5.1.8 <>: Sender address rejected: Domain not found", "5.1.8", ""},
		{"550 Access denied - Invalid HELO name", "", ""},
		{"550 Administrative prohibition", "", ""},
		{"503 5.5.1 Error: need MAIL command", "5.5.1", ""},
	} {
		step := probe.Step{Reply: probe.Reply{Enhanced: test.enhanced, Lines: []string{test.said}}}
		got := ""
		switch {
		case facts.AboutRelaying(step):
			got = "relay"
		case facts.AboutMailbox(step):
			got = "mailbox"
		}
		if got != test.want {
			t.Errorf("%q: %q, want %q", test.said, got, test.want)
		}
	}
}

func TestGreylisted(t *testing.T) {
	for said, want := range map[string]bool{
		"450 4.2.0 <a@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html": true,
		"451 4.7.1 Greylisting in action, please come back later":                                                                    true,
		"451 Temporary local problem - please try later":                                                                             true,
		"450 4.7.1 Please try again in 300 seconds":                                                                                  true,
		"450 4.1.1 Recipient address rejected: unverified address":                                                                   false,
		"451 4.3.0 Mail server temporarily rejected message (#4.3.0)":                                                                false,
	} {
		step := probe.Step{
			Stage: probe.StageRcpt, Reply: probe.Reply{Code: 450, Lines: []string{said}},
			Err: &probe.Error{Stage: probe.StageRcpt, Kind: probe.Temporary},
		}
		if got := greylisted(step); got != want {
			t.Errorf("%q: %t, want %t", said, got, want)
		}
	}
}

func TestVersion(t *testing.T) {
	for said, want := range map[string]string{
		"mx.example.org ESMTP Exim 4.96 #2 Sun, 22 Nov 2026 12:00:00 +0000":               "Exim 4.96",
		"mx.example.org ESMTP Postfix (3.7.11)":                                           "Postfix (3.7.11)",
		"mx.example.org ESMTP Sendmail 8.17.1/8.17.1; Sun, 22 Nov 2026 12:00:00 GMT":      "Sendmail 8.17.1",
		"mx.example.org Microsoft ESMTP MAIL Service, Version: 10.0.14393.4169 ready":     "Version: 10.0.14393.4169",
		"mx.example.org ESMTP Postfix (Debian/GNU)":                                       "",
		"mx.example.org ESMTP ready at Sun, 22 Nov 2026 12:00:00":                         "",
		"VI1EUR05FT012.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at": "",
	} {
		if got := version.FindString(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
