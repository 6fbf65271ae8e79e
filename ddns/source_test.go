package ddns

import (
	"strings"
	"testing"
)

func TestParseSource(t *testing.T) {
	for text, want := range map[string]string{
		"interface:eth0":                    "interface:eth0",
		"stun:stun.example.net":             "stun:stun.example.net",
		"STUN:Stun.Example.NET.:3479":       "stun:stun.example.net:3479",
		"stun://stun.example.net":           "stun:stun.example.net",
		"stun:192.0.2.1":                    "stun:192.0.2.1",
		"stun:2001:db8::1":                  "stun:[2001:db8::1]",
		"stun:[2001:db8::1]:3478":           "stun:[2001:db8::1]",
		"stun:localhost:3478":               "stun:localhost",
		"https://ip.example.net/plain?x=1#": "https://ip.example.net/plain?x=1",
		"http://127.0.0.1:8080/":            "http://127.0.0.1:8080/",
		"http://[::1]/ip":                   "http://[::1]/ip",
		"http://localhost/":                 "http://localhost/",
		" address:192.0.2.25":               "address:192.0.2.25",
		"address:::ffff:192.0.2.25":         "address:192.0.2.25",
		"address:2001:DB8::25":              "address:2001:db8::25",
	} {
		s, err := ParseSource(text)
		if err != nil || s.String() != want {
			t.Errorf("%q: %v %v, want %s", text, s, err, want)
		}
		if again, err := ParseSource(s.String()); err != nil || again.String() != s.String() {
			t.Errorf("%q is read back as %v %v", s, again, err)
		}
	}
	for text, why := range map[string]string{
		"":                             "of what kind",
		"interface:":                   "names no interface",
		"interface:../x":               "names no interface",
		"stun:":                        "its host",
		"stun:host:0":                  "no port",
		"stun:host:99999":              "no port",
		"stun:a b":                     "no source",
		"turn:turn.example.net":        "only STUN",
		"http://ip.example.net/":       "anybody on the way",
		"http://127.0.0.1.example.net": "anybody on the way",
		"https://":                     "no URL",
		"https://user:pw@example.net/": "password",
		"address:eth0":                 "no IP address",
		"address:fe80::1%eth0":         "one machine only",
		"192.0.2.25":                   "give address:192.0.2.25",
		"2001:db8::25":                 "give address:2001:db8::25",
		"dns:example.net":              "no source of the kind",
		"stun:x\x1b[31m":               "no source",
		strings.Repeat("a", 10000):     "no source",
	} {
		if s, err := ParseSource(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v %v, want %q", text, s, err, why)
		}
	}
}
