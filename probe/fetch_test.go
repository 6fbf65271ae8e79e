package probe_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

const policyURL = "https://mta-sts.example.org/.well-known/mta-sts.txt"

var web = netip.MustParseAddr("192.0.2.80")

// site is one scripted page at 192.0.2.80, and a fetcher that reaches it only.
func site(t *testing.T, script string) *probe.Fetcher {
	t.Helper()
	page, err := httpscript.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pages := httpscript.Site{strings.TrimPrefix(policyURL, "https://"): page}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if network != "tcp" || address != "192.0.2.80:443" {
			return nil, smtpscript.Refused()
		}
		return pages.Connect(ctx, httpscript.Options{CA: ca})
	}
	return &probe.Fetcher{Dial: dial, RootCAs: ca.Pool()}
}

func at(addrs ...netip.Addr) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) { return addrs, nil }
}

func fetchStages(f probe.Fetch) string {
	var list []string
	for _, step := range f.Steps {
		list = append(list, step.Stage.String())
	}
	return strings.Join(list, " ")
}

func errText(e *probe.Error) string {
	if e == nil {
		return ""
	}
	return e.Error()
}

func TestFetch(t *testing.T) {
	const whole = "resolve connect tls request body"
	tests := []struct {
		name, script string
		stages, err  string
		status       int
		body         string
		took         time.Duration // at most
	}{
		{"a policy", "version: STSv1\n", whole, "", 200, "version: STSv1\n", 0},
		{"not there", "!status 404\nno\n", whole, "", 404, "no\n", 0},
		{"a redirect is not followed", "!redirect https://evil.example/\n", whole, "", 301, "", 0},
		{"refused", "!refuse\n", "resolve connect", "connect: connection refused", 0, "", 0},
		{"no route", "!unreachable\n", "resolve connect", "connect: network unreachable from here", 0, "", 0},
		{"dead", "!timeout\n", "resolve connect", "connect: timed out (nothing within 7s)", 0, "", 7 * time.Second},
		{"no TLS", "!tls-fail\n", "resolve connect tls", "tls: TLS handshake failed (first record does not look like a TLS handshake)", 0, "", 0},
		{"hangs up", "!close\n", "resolve connect tls request", "request: connection closed", 0, "", 0},
		{"not HTTP", "!garbage\n", "resolve connect tls request", `request: not an HTTP response (malformed HTTP status code "this")`, 0, "", 0},
		{"slow", "!slow 1h\n", "resolve connect tls request", "request: timed out (not complete within 15s)", 0, "", 15 * time.Second},
		{"dripping", "!drip 2s\n0123456789\n", whole, "body: timed out (not complete within 15s)", 200, "0123456", 15 * time.Second},
		{"cut off", "!cut\n0123456789", whole, "body: connection closed", 200, "01234", 0},
		{"a head without end", "!flood head\n", "resolve connect tls request", "request: too large (more than a client takes)", 0, "", 0},
		{"compressed unasked is left so", "!header Content-Encoding: gzip\n\x1f\x8b", whole, "", 200, "\x1f\x8b", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := site(t, tt.script).Fetch(t.Context(), probe.Request{URL: policyURL, Lookup: at(web)})
				if got := fetchStages(f); got != tt.stages {
					t.Errorf("stages %s, want %s", got, tt.stages)
				}
				if got := errText(f.Err); got != tt.err {
					t.Errorf("error %q, want %q", got, tt.err)
				}
				if f.Status != tt.status || string(f.Body) != tt.body || f.Truncated {
					t.Errorf("status %d, body %q, truncated %t", f.Status, f.Body, f.Truncated)
				}
				if f.Took > tt.took {
					t.Errorf("took %v, want at most %v", f.Took, tt.took)
				}
				if f.TLS != nil && (!f.TLS.Trusted() || f.TLS.NameFault != "") {
					t.Errorf("certificate: %s", f.TLS)
				}
			})
		})
	}
}

func TestFetchBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := site(t, "!flood\n").Fetch(t.Context(), probe.Request{URL: policyURL, Lookup: at(web), MaxBody: 1000})
		if len(f.Body) != 1000 || !f.Truncated || f.Err != nil {
			t.Errorf("%d octets, truncated %t, %v", len(f.Body), f.Truncated, f.Err)
		}
		if e := f.Evidence(); len(e.Answer) > 4096 || !strings.HasSuffix(e.Answer, "…") {
			t.Errorf("evidence of %d octets: %q", len(e.Answer), e.Answer)
		}
		f = site(t, "!slow 20s\n").Fetch(t.Context(), probe.Request{URL: policyURL, Lookup: at(web), Limits: probe.FetchTimeouts{Total: 3 * time.Second}})
		if got := errText(f.Err); got != "request: timed out (the whole fetch took more than 3s)" || f.Took > 3*time.Second {
			t.Errorf("%q after %v", got, f.Took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f = site(t, "!slow 20s\n").Fetch(ctx, probe.Request{URL: policyURL, Lookup: at(web)})
		if probe.KindOf(f.Err) != probe.Canceled || f.Took > time.Second {
			t.Errorf("%v after %v", f.Err, f.Took)
		}
	})
}

func TestFetchCertificate(t *testing.T) {
	for script, want := range map[string]string{
		"!tls expired":                        "TLS 1.3, certificate: expired, names the host",
		"!tls self-signed names=localhost":    "TLS 1.3, certificate: self-signed, names localhost, not mta-sts.example.org",
		"!tls issuer=other":                   "TLS 1.3, certificate: unknown authority, names the host",
		"!tls names=www.example.org,mail.org": "TLS 1.3, certificate: trusted, names www.example.org, mail.org, not mta-sts.example.org",
	} {
		f := site(t, script+"\nbody").Fetch(t.Context(), probe.Request{URL: policyURL, Lookup: at(web)})
		if f.Err != nil || string(f.Body) != "body" || f.TLS.String() != want {
			t.Errorf("%s: %v, %q, %s", script, f.Err, f.Body, f.TLS)
		}
	}
}

func TestFetchResponse(t *testing.T) {
	f := site(t, "!type Text/Plain; charset=utf-8\n!header content-encoding: GZIP\n!redirect /x\n!status 307\n").
		Fetch(t.Context(), probe.Request{URL: policyURL, Lookup: at(web)})
	location, redirects := f.Redirect()
	if f.MediaType() != "text/plain" || f.Encoding() != "gzip" || location != "/x" || !redirects || f.Reason != "307 Temporary Redirect" {
		t.Errorf("%q, %q, %q, %t, %q", f.MediaType(), f.Encoding(), location, redirects, f.Reason)
	}
}

func TestFetchAddresses(t *testing.T) {
	loopback, dead := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.81")
	refuse := func(addr netip.Addr) string {
		if addr.IsLoopback() {
			return "loopback"
		}
		return ""
	}
	tests := []struct {
		name   string
		lookup func(context.Context, string) ([]netip.Addr, error)
		kind   probe.Kind
		stages string
	}{
		{"the next one, where one refuses", at(dead, web), 0, "resolve connect connect tls request body"},
		{"none", at(), probe.NoAddress, "resolve"},
		{"special ones are left alone", at(loopback, netip.MustParseAddr("::ffff:127.0.0.2")), probe.Forbidden, "resolve"},
		{"but not those beside them", at(loopback, web), 0, "resolve connect tls request body"},
		{"few are tried", at(dead, dead, dead, dead, web), probe.Refused, "resolve connect connect connect connect"},
		{"not told", func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("SERVFAIL") }, probe.Unresolved, "resolve"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := site(t, "body").Fetch(t.Context(), probe.Request{URL: policyURL, Lookup: tt.lookup, Refuse: refuse})
			if probe.KindOf(orNil(f.Err)) != tt.kind || fetchStages(f) != tt.stages {
				t.Errorf("%v, stages %s", f.Err, fetchStages(f))
			}
		})
	}
}

func orNil(e *probe.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func TestFetchURL(t *testing.T) {
	for _, url := range []string{
		"", "http://mta-sts.example.org/", "https://", "https:///x", "https://192.0.2.80/", "https://[2001:db8::1]/", "https://user@example.org/",
		"https://example.org:8443/", "https://exa mple.org/", "https://example.org%0d%0a/", "https://ex\x00.org/", "ftp://example.org/",
	} {
		f := site(t, "body").Fetch(t.Context(), probe.Request{URL: url, Lookup: at(web)})
		if probe.KindOf(orNil(f.Err)) != probe.Invalid || len(f.Steps) > 0 {
			t.Errorf("%q: %v", url, f.Err)
		}
	}
	if f := site(t, "body").Fetch(t.Context(), probe.Request{URL: policyURL}); probe.KindOf(orNil(f.Err)) != probe.Invalid {
		t.Errorf("without a lookup: %v", f.Err)
	}
}

// TestFetchRequest: what is sent is a plain GET that asks for no coding and
// holds nothing that the URL could smuggle in.
func TestFetchRequest(t *testing.T) {
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(smtpscript.Certificate{Names: []string{"example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	dial := func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			secure := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true})
			request := make([]byte, 4096)
			n, _ := secure.Read(request)
			heard <- string(request[:n])
			io.WriteString(secure, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end")
		}()
		return client, nil
	}
	f := (&probe.Fetcher{Dial: dial, RootCAs: ca.Pool()}).Fetch(t.Context(), probe.Request{URL: "https://EXAMPLE.org/a%20b?x=%0d%0aHost:%20evil#frag", Lookup: at(web)})
	want := "GET /a%20b?x=%0d%0aHost:%20evil HTTP/1.1\r\nHost: example.org\r\nUser-Agent: maildoctor (+https://github.com/maildoctor/maildoctor)\r\n" +
		"Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
	if got := <-heard; got != want {
		t.Errorf("sent %q\nwant %q", got, want)
	}
	if f.Err != nil || f.Status != 200 || string(f.Body) != "to the end" {
		t.Errorf("%v, %d, %q", f.Err, f.Status, f.Body)
	}
}
