package ddns

import (
	"strings"
	"testing"
)

func FuzzParseSource(f *testing.F) {
	for _, s := range []string{"interface:eth0", "stun:[2001:db8::1]:3478", "stun://x.example:1", "https://a.example/?b#c", "http://[::1]:80/", "address:::ffff:192.0.2.1", "http://127.0.0.1@x.example/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSource(text)
		if err != nil {
			return
		}
		again, err := ParseSource(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("%q: %q is read back as %q, %v", text, s, again, err)
		}
		if s.Kind() == Web && s.url.Scheme == "http" && !onLoopback(s.url.Hostname()) {
			t.Errorf("%q is asked over http", text)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"192.0.2.25", `{"ip":"2001:db8::1"}`, "{", "fe80::1%\x1b", strings.Repeat("9", 5000), "::ffff:192.0.2.1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, family := range []Family{IPv4, IPv6} {
			addr, err := parseBody(body, family)
			if err == nil && (!family.of(addr) || addr.Zone() != "" || addr.Is4In6()) {
				t.Errorf("%q: %v", body, addr)
			}
			if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("control octets in %q", err)
			}
		}
	})
}

func FuzzIfInet6(f *testing.F) {
	f.Add(ifInet6)
	f.Fuzz(func(t *testing.T, text string) {
		for addr, flags := range parseIfInet6(strings.NewReader(text)) {
			if !addr.Is6() || flags>>32 != 0 {
				t.Errorf("%v %x", addr, flags)
			}
		}
	})
}
