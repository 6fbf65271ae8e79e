package facts_test

import (
	"testing"

	"github.com/maildoctor/maildoctor/checks/facts"
)

func TestHostName(t *testing.T) {
	for _, test := range []struct{ word, name, fault string }{
		{"MX1.Example.org", "mx1.example.org.", ""},
		{"mx1.example.org.", "mx1.example.org.", ""},
		{"xn--bcher-kva.example", "xn--bcher-kva.example.", ""},
		{"", "", "is missing"},
		{"mail", "", "is a single label"},
		{"localhost", "", "is every machine's name for itself"},
		{"localhost.localdomain", "", "is every machine's name for itself"},
		{"mail.lan", "", "ends in .lan, of which the internet knows nothing"},
		{"192.0.2.25", "", "is an IP address"},
		{"[192.0.2.25]", "", "is an IP address"},
		{"[IPv6:2001:db8::25]", "", "is an IP address"},
		{"mail_1.example.org", "", "has an underscore, which host names have not"},
		{"****.example.org", "", "is no host name"},
		{"-a.example.org", "", "is no host name"},
		{"a..example.org", "", "is no host name"},
		{"\x1b[2J.example.org", "", "is no host name"},
	} {
		name, fault := facts.HostName(test.word)
		if fault != "" {
			name = ""
		}
		if name != test.name || fault != test.fault {
			t.Errorf("HostName(%q) = %q, %q", test.word, name, fault)
		}
	}
}
