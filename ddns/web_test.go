package ddns

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestWeb(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"text":               {answer(200, "192.0.2.25\n"), "192.0.2.25"},
		"JSON":               {answer(200, ` {"ip": "192.0.2.25", "country": "XX"}`), "192.0.2.25"},
		"mapped":             {answer(200, "::ffff:192.0.2.25"), "192.0.2.25"},
		"other JSON":         {answer(200, `{"address": "192.0.2.25"}`), "error: without an address as \"ip\""},
		"a page":             {answer(200, "<html>\x1b[31m"), `error: its answer is no address: "<html>\x1b[31m"`},
		"nothing":            {answer(200, ""), "error: no address"},
		"the other family":   {answer(200, "2001:db8::25"), "error: asked over IPv4 it answers with 2001:db8::25"},
		"a zone":             {answer(200, "fe80::1%\x1b[31m"), "error: asked over IPv4 it answers with fe80::1"},
		"private":            {answer(200, "10.0.0.1"), "error: private"},
		"a status":           {answer(503, "192.0.2.25"), "error: the status 503"},
		"too much":           {answer(200, strings.Repeat(" ", 5000)+"192.0.2.25"), "error: longer than 4096 octets"},
		"endless":            {func(w http.ResponseWriter, r *http.Request) { endless(w) }, "error: longer than 4096 octets"},
		"in circles":         {redirect("/again"), "error: redirects more than 3 times"},
		"to http":            {redirect("http://192.0.2.1/"), "error: not https"},
		"to this machine":    {redirect("http://127.0.0.1/"), "error: not https"},
		"with a password":    {redirect("https://a:b@ip.example.net/"), "error: password"},
		"a head without end": {func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, "error: "},
		"hangs up":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "error: "},
	} {
		t.Run(name, func(t *testing.T) {
			d := onServer(t, test.handler)
			d.Sources = []Source{source(t, "https://ip.example.com/")}
			checkReading(t, d.Detect(t.Context(), IPv4), test.want)
		})
	}
}

func endless(w http.ResponseWriter) {
	for range 1000 {
		if _, err := fmt.Fprint(w, strings.Repeat(" ", 1024)); err != nil {
			return
		}
	}
}

// onServer is a Detector to which every host is a server on this machine.
func onServer(t *testing.T, h http.HandlerFunc) *Detector {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &Detector{
		Refuse: refuse, RootCAs: roots,
		Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("192.0.2.80"), netip.MustParseAddr("2001:db8::80")}, nil
		},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if network == "tcp4" && address != "192.0.2.80:443" {
				return nil, fmt.Errorf("%s is dialled", address)
			}
			return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
		},
	}
}

// TestWebCertificate: who is in between cannot tell an address.
func TestWebCertificate(t *testing.T) {
	d := onServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "192.0.2.25") })
	d.Sources = []Source{source(t, "https://ip.example.org/")} // the certificate is for example.com
	checkReading(t, d.Detect(t.Context(), IPv4), "error: certificate is not in order")
	d.RootCAs = x509.NewCertPool()
	d.Sources = []Source{source(t, "https://ip.example.com/")}
	checkReading(t, d.Detect(t.Context(), IPv4), "error: certificate is not in order")
}

// TestWebOnLoopback: a router or container on this machine may speak http.
func TestWebOnLoopback(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ip" {
			http.Redirect(w, r, "/ip", http.StatusFound)
			return
		}
		fmt.Fprint(w, "192.0.2.25")
	}))
	defer server.Close()
	d := &Detector{Sources: []Source{source(t, server.URL+"/")}}
	checkReading(t, d.Detect(t.Context(), IPv4), "192.0.2.25")
	checkReading(t, d.Detect(t.Context(), IPv6), "error: an IPv4 address cannot tell")
}
