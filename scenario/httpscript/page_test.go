package httpscript

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

func TestParse(t *testing.T) {
	for _, script := range []string{"", "body", "!status 404\nbody", "!type -\n!header A: b\n!slow 1s\n!tls names=a,b expired self-signed issuer=other\n", "!flood head"} {
		if _, err := Parse(script); err != nil {
			t.Errorf("%q: %v", script, err)
		}
	}
	for script, want := range map[string]string{
		"!nonsense":                  "line 1: no directive !nonsense",
		"!close\n!status many\n":     `line 2: strconv.Atoi: parsing "many": invalid syntax`,
		"!status 1000":               "line 1: 1000 is no status code",
		"!slow 2h":                   `line 1: "2h" is not a time between 0 and 1h`,
		"!drip -1s":                  `line 1: "-1s" is not a time between 0 and 1h`,
		"!tls names=":                `line 1: !tls does not know "names="`,
		"!tls-fail\n!tls blue\nbody": `line 2: !tls does not know "blue"`,
	} {
		if _, err := Parse(script); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", script, err, want)
		}
	}
}

func TestAdd(t *testing.T) {
	site := make(Site)
	for _, key := range []string{"", "host", "/path", "Host/path"} {
		if site.Add(key, &Page{}) == nil {
			t.Errorf("%q is taken", key)
		}
	}
	if err := site.Add("host/path", &Page{}); err != nil || len(site) != 1 {
		t.Error(err)
	}
}

// TestServe asks two hosts at one address, and one that is none of them.
func TestServe(t *testing.T) {
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	site := make(Site)
	for key, script := range map[string]string{
		"a.example/one":  "!status 201\n!header X-One: 1\nfirst\n",
		"b.example/two":  "!gzip\n!type text/html\nsecond\n",
		"b.example/d/*":  "any",
		"b.example/d/e*": "e",
		"b.example/d/f":  "f",
	} {
		page, err := Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		if err := site.Add(key, page); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ host, path, names, want string }{
		{"a.example", "/one", "a.example", "201 text/plain  first\n"},
		{"a.example", "/two", "a.example", "404 text/html  <h1>Not Found</h1>\n"},
		{"b.example", "/two", "b.example", "200 text/html gzip "},
		{"b.example", "/d/x", "b.example", "200 text/plain  any"},
		{"b.example", "/d/ef", "b.example", "200 text/plain  e"},
		{"b.example", "/d/f", "b.example", "200 text/plain  f"},
		{"b.example", "/d", "b.example", "404 text/html  <h1>Not Found</h1>\n"},
		{"c.example", "/one", "a.example", "404 text/html  <h1>Not Found</h1>\n"},
	}
	for _, tt := range tests {
		conn, err := site.Connect(context.Background(), Options{CA: ca})
		if err != nil {
			t.Fatal(err)
		}
		secure := tls.Client(conn, &tls.Config{ServerName: tt.host, InsecureSkipVerify: true})
		io.WriteString(secure, "GET "+tt.path+" HTTP/1.1\r\nHost: "+tt.host+"\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(secure), nil)
		if err != nil {
			t.Fatalf("%s%s: %v", tt.host, tt.path, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		coding := response.Header.Get("Content-Encoding")
		if coding != "" {
			body = nil
		}
		got := strings.Join([]string{response.Status[:3], response.Header.Get("Content-Type"), coding, string(body)}, " ")
		if got != tt.want {
			t.Errorf("%s%s: %q, want %q", tt.host, tt.path, got, tt.want)
		}
		if names := secure.ConnectionState().PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != tt.names {
			t.Errorf("%s shows a certificate for %v", tt.host, names)
		}
		conn.Close()
	}
}

func TestAdmit(t *testing.T) {
	refusing, err := Parse("!refuse")
	if err != nil {
		t.Fatal(err)
	}
	if err := (Site{"a.example/": &Page{}, "b.example/": refusing}).Admit(context.Background()); err == nil {
		t.Error("an address of which one host refuses accepts")
	}
	if err := (Site{"a.example/": &Page{}}).Admit(context.Background()); err != nil {
		t.Error(err)
	}
}
