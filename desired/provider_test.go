package desired

import (
	"strings"
	"testing"
)

func TestParseProvider(t *testing.T) {
	for _, text := range []string{
		"cloudflare", "zone:example.com.zone", "zone:/etc/bind/zones/example com.zone", "zone:C:\\zones\\a.zone",
		"rfc2136:ns1.example.net", "rfc2136:ns1.example.net.:53", "rfc2136:localhost", "rfc2136:192.0.2.53", "rfc2136:192.0.2.53:5353",
		"rfc2136:2001:db8::53", "rfc2136:[2001:db8::53]", "rfc2136:[2001:db8::53]:5353",
		"powerdns:http://127.0.0.1:8081", "powerdns:https://dns.example.net/pdns", "powerdns:http://[::1]:8081/",
	} {
		p, err := ParseProvider(text)
		if err != nil || p.String() != text {
			t.Errorf("%s: %q, %v", text, p, err)
		}
	}
	const secret = "s3cr3tT0kenOfForty"
	for text, want := range map[string]string{
		"":                                      "is no provider",
		"cloudfare":                             "did you mean cloudflare?",
		"Cloudflare":                            "did you mean cloudflare?",
		"rfc1036:ns1.example.net":               "did you mean rfc2136?",
		secret:                                  "is no provider",
		"cloudflare:" + secret:                  "CLOUDFLARE_API_TOKEN",
		"cloudflare:":                           "stands alone",
		"zone:":                                 "wants the path",
		"zone:-":                                "not standard input",
		"zone:a\x1b[2J":                         "control characters",
		"rfc2136:":                              "wants a name server",
		"rfc2136:ns1.example.net:":              "wants a name server",
		"rfc2136:ns1.example.net:0":             "wants a name server",
		"rfc2136:ns1.example.net:65536":         "wants a name server",
		"rfc2136:ns1.example.net:" + secret:     "wants a name server",
		"rfc2136:key:" + secret + "@ns1.net":    "no password",
		"rfc2136:[192.0.2.53":                   "wants a name server",
		"rfc2136:2001:db8::53]":                 "wants a name server",
		"rfc2136:[2001:db8::53]:0":              "wants a name server",
		"rfc2136:ns1 example":                   "wants a name server",
		"rfc2136:https://ns1.example.net":       "wants a name server",
		"powerdns:127.0.0.1:8081":               "wants the URL",
		"powerdns:ftp://127.0.0.1":              "wants the URL",
		"powerdns:http://":                      "wants the URL",
		"powerdns:http://x:" + secret + "%zz@a": "wants the URL",
		"powerdns:http://x:" + secret + "@a/":   "POWERDNS_API_KEY",
		"powerdns:http://" + secret + "@a/":     "POWERDNS_API_KEY",
		"powerdns:http://a/?key=" + secret:      "POWERDNS_API_KEY",
		"powerdns:http://a/#" + secret:          "POWERDNS_API_KEY",
	} {
		p, err := ParseProvider(text)
		if err == nil || p != (Provider{}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want an error with %q", text, p, err, want)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error has what may be a secret: %v", text, err)
		}
	}
}

// TestProviderOfADomain: what a domain does not say the defaults do, and a key in
// the place of its path is not repeated.
func TestProviderOfADomain(t *testing.T) {
	s := state(t, readFile(t, "full.yaml"))
	for _, d := range s.Domains {
		want := Provider{ByRFC2136, "ns1.example.net:5353"}
		if d.Name == "parked.example." {
			want = Provider{Kind: ByCloudflare}
		}
		if got := d.Over(s.Defaults); got.Provider != want || got.TSIGKey != "keys/update.key" {
			t.Errorf("%s: %v with %q", d.Name, got.Provider, got.TSIGKey)
		}
	}
	const secret = "c2VjcmV0c2VjcmV0"
	for _, text := range []string{"hmac-sha256:name:" + secret, secret + "=", `key "a" { algorithm hmac-sha256; secret "` + secret + `"; };`} {
		_, problems := Parse([]byte("version: 1\ndomains:\n  example.com:\n    tsig-key: '"+text+"'\n"), nil)
		if len(problems) != 1 || problems[0].Line != 4 || strings.Contains(problems[0].Error(), secret) {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

func FuzzParseProvider(f *testing.F) {
	for _, text := range []string{"cloudflare", "zone:a", "rfc2136:[::1]:53", "rfc2136:a:53", "powerdns:http://a:1/b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProvider(text)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' || c == 0x7f }) {
				t.Errorf("%q: %q has control octets", text, err)
			}
			return
		}
		if p.String() != text {
			t.Errorf("%q is written %q", text, p)
		}
	})
}
