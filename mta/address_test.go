package mta

import (
	"testing"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// Paths of a spooled envelope read as the receiving side wrote them.
func TestParse(t *testing.T) {
	for path, want := range map[string]smtpd.Address{
		"ann@example.org":      {Local: "ann", Domain: "example.org"},
		"ann@Bücher.Example":   {Local: "ann", Domain: "xn--bcher-kva.example"},
		`"a@b"@example.org`:    {Local: "a@b", Domain: "example.org"},
		`"a\"b\\"@example.org`: {Local: `a"b\`, Domain: "example.org"},
		`"@example.org`:        {Local: `"`, Domain: "example.org"},
		"postmaster":           {Local: "postmaster"},
		"a@[192.0.2.1]":        {Local: "a", Domain: "[192.0.2.1]"},
		"a@[IPv6:2001:db8::1]": {Local: "a", Domain: "[ipv6:2001:db8::1]"},
		"":                     {},
	} {
		if got := parse(path); got != want {
			t.Errorf("%q: %+v, want %+v", path, got, want)
		}
		if want.Domain == "example.org" && parse(parse(path).String()) != want {
			t.Errorf("%q becomes %q", path, parse(path).String())
		}
	}
}

// A domain's own keys sign for it, else those of the nearest above it.
func TestKeysFor(t *testing.T) {
	all := []Key{{Domain: "example.org", Selector: "a"}, {Domain: "News.example.org.", Selector: "b"}, {Domain: "example.org", Selector: "c"}}
	for domain, want := range map[string]string{
		"example.org": "ac", "EXAMPLE.org.": "ac", "mx.example.org": "ac", "news.example.org": "b", "x.news.example.org": "b",
		"example.net": "", "org": "", "badexample.org": "", "": "", "[192.0.2.1]": "",
	} {
		got := ""
		for _, k := range KeysFor(all, domain) {
			got += k.Selector
		}
		if got != want {
			t.Errorf("%q: %q, want %q", domain, got, want)
		}
	}
}
