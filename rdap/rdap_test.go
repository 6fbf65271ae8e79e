package rdap_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/rdap"
)

func day(s string) time.Time {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return at
}

const answer = `{
  "objectClassName": "domain", "handle": "D-1", "ldhName": "EXAMPLE.ORG",
  "status": ["client transfer prohibited", "serverHold", "ACTIVE", "active", 7],
  "events": [
    {"eventAction": "registration", "eventDate": "1995-08-31T04:00:00Z"},
    {"eventAction": "last changed", "eventDate": "2026-01-02T05:00:00+05:00"},
    {"eventAction": "expiration", "eventDate": "2027-08-30"},
    {"eventAction": "last update of RDAP database", "eventDate": "2026-11-22T00:00:00Z"},
    {"eventAction": "expiration", "eventDate": "never"}, "nonsense", null
  ],
  "entities": [
    {"objectClassName": "entity", "roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", "Anna"]]]},
    {"objectClassName": "entity", "roles": ["abuse", "registrar"], "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", " Good Names Ltd "]]]}
  ]}`

func TestParse(t *testing.T) {
	d, err := rdap.Parse([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	want := "{example.org. [client transfer prohibited server hold active] 1995-08-31 04:00:00 +0000 UTC 0001-01-01 00:00:00 +0000 UTC " +
		"2027-08-30 00:00:00 +0000 UTC 2026-01-02 00:00:00 +0000 UTC Good Names Ltd}"
	if got := fmt.Sprint(d); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !d.Has("pending delete", "server hold") || d.Has("client hold") {
		t.Errorf("status %v", d.Status)
	}
}

func TestParseWhatIsMissing(t *testing.T) {
	tests := []struct{ name, in, err string }{
		{"the least", `{"objectClassName": "domain"}`, ""},
		{"one status, not a list", `{"objectClassName": "domain", "status": "active"}`, ""},
		{"shapes that are wrong", `{"objectClassName": "domain", "ldhName": 1, "status": {}, "events": [[]], "entities": [{"roles": ["registrar"], "vcardArray": [1, {}]}]}`, ""},
		{"an error", `{"errorCode": 404, "title": "not found"}`, "an RDAP error"},
		{"another object", `{"objectClassName": "entity"}`, "no RDAP answer about a domain"},
		{"a page", `<html>`, "not JSON at octet 1"},
		{"nothing", ``, "not JSON"},
		{"a list", `[]`, "another shape"},
	}
	for _, tt := range tests {
		_, err := rdap.Parse([]byte(tt.in))
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
	}
}

func TestBegan(t *testing.T) {
	first, again := day("2010-01-01"), day("2026-11-01")
	for _, tt := range []struct{ d, want rdap.Domain }{
		{rdap.Domain{Registration: first}, rdap.Domain{Registration: first}},
		{rdap.Domain{Registration: first, Reregistration: again}, rdap.Domain{Registration: again}},
		{rdap.Domain{Registration: again, Reregistration: first}, rdap.Domain{Registration: again}},
	} {
		if got := tt.d.Began(); !got.Equal(tt.want.Registration) {
			t.Errorf("%+v began %v", tt.d, got)
		}
	}
}

const bootstrap = `{"version": "1.0", "publication": "2026-11-20T00:00:00Z", "description": "d", "services": [
  [["com", "net"], ["https://rdap.nic.example/v1/"]],
  [["ORG"], ["http://rdap.org.example/", "https://rdap.org.example"]],
  [["plain"], ["http://rdap.plain.example/"]],
  [["co.uk"], ["https://second.example/"]],
  [["uk"], ["https://first.example/"]],
  "nonsense", [["alone"]],
  [["xn--p1ai"], ["https://idn.example/"]]
]}`

func TestBootstrap(t *testing.T) {
	b, err := rdap.ParseBootstrap([]byte(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]string{
		"example.com.":     "https://rdap.nic.example/v1/",
		"a.b.Example.NET":  "https://rdap.nic.example/v1/",
		"example.org":      "https://rdap.org.example/",
		"example.plain":    "",
		"example.co.uk":    "https://second.example/",
		"example.org.uk":   "https://first.example/",
		"notco.uk":         "https://first.example/",
		"example.alone":    "",
		"example.de":       "",
		"xn--e1a.xn--p1ai": "https://idn.example/",
		".":                "",
	} {
		if base, ok := b.Base(domain); base != want || ok != (want != "") {
			t.Errorf("%s: %q, %t; want %q", domain, base, ok, want)
		}
	}
	for in, want := range map[string]string{
		"": "not JSON", "{}": "names no service", `{"services": 1}`: "another shape", `{"services": [[["x"],["ftp://x/"]]]}`: "names no service",
	} {
		if _, err := rdap.ParseBootstrap([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestURL(t *testing.T) {
	for domain, want := range map[string]string{
		"Example.ORG.":           "https://r.example/domain/example.org",
		"xn--bcher-kva.example.": "https://r.example/domain/xn--bcher-kva.example",
		"a/../b?c#d .example.":   "https://r.example/domain/a%2F..%2Fb%3Fc%23d%20.example",
	} {
		if got := rdap.URL("https://r.example/", domain); got != want {
			t.Errorf("%s: %s, want %s", domain, got, want)
		}
	}
}

func TestRegistrable(t *testing.T) {
	for name, want := range map[string]string{
		"example.org.":                 "example.org.",
		"Mail.Example.ORG":             "example.org.",
		"_spf.mail.example.co.uk.":     "example.co.uk.",
		"foo.github.io.":               "github.io.",
		"x.s3.eu-west-1.amazonaws.com": "amazonaws.com.",
		"blog.blogspot.com":            "blogspot.com.",
		"a.b.new-tld.":                 "b.new-tld.",
		"co.uk.":                       "",
		"uk.":                          "",
		".":                            "",
		`a\.b.org.`:                    "",
		"www.ck.":                      "www.ck.",
		"x.y.ck.":                      "x.y.ck.",
		"y.ck.":                        "",
		"..":                           "",
	} {
		got, ok := rdap.Registrable(name)
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, %t; want %q", name, got, ok, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte(`{"objectClassName":"domain","entities":[{"roles":"registrar","vcardArray":["vcard",[["FN",{},"text","\ud800x"]]]}]}`))
	f.Add([]byte(`{"objectClassName":"domain","status":["AAAAAAAAAAAAAAAA"," "],"events":[{"eventAction":"REGISTRATION","eventDate":"0000-01-01"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := rdap.Parse(data)
		if err != nil {
			return
		}
		if len(d.Status) > 64 || len(d.Registrar) > 200 || len(d.Name) > 202 {
			t.Errorf("unbounded: %+v", d)
		}
		for _, s := range d.Status {
			if len(s) > 600 || s == "" {
				t.Errorf("status %q", s)
			}
		}
	})
}

func FuzzBootstrap(f *testing.F) {
	f.Add([]byte(bootstrap), "example.org")
	f.Add([]byte(`{"services":[[[""],["https://x/"]]]}`), ".")
	f.Add([]byte(`{"services":[[["a"],["httpS://x?"]], [["a"],["httpS://x"]]]}`), "b.a")
	f.Fuzz(func(t *testing.T, data []byte, domain string) {
		b, err := rdap.ParseBootstrap(data)
		if err != nil {
			return
		}
		if base, ok := b.Base(domain); ok && (!strings.HasPrefix(base, "https://") || !strings.HasSuffix(base, "/")) {
			t.Errorf("base %q", base)
		}
		if name, ok := rdap.Registrable(domain); ok {
			if again, ok := rdap.Registrable(name); !ok || again != name {
				t.Errorf("%q is below %q, which is below %q, %t", domain, name, again, ok)
			}
		}
	})
}
