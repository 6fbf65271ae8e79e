package resolve

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// authority returns a certificate for 127.0.0.1 and example.com and the roots that trust it.
func authority(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.TLS.Certificates[0], roots
}

func TestClientTLS(t *testing.T) {
	cert, roots := authority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	start(t, &dns.Server{Listener: l, Net: "tcp-tls", MaxTCPQueries: -1, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		w.WriteMsg(answer(m, 0, spfLine))
	})})
	p := &peer{addr: l.Addr().String()}
	ask := func(config *tls.Config) (Answer, error) {
		c := NewClient(Options{Servers: []Server{p.server("tls")}, TLSConfig: config, Timeout: 2 * time.Second})
		defer c.Close()
		c.Resolve(t.Context(), Ask("example.org", "TXT"))
		return c.Resolve(t.Context(), Ask("example.org", "TXT"))
	}
	ans, err := ask(&tls.Config{RootCAs: roots})
	if got := said(ans, err); got != "v=spf1 -all" || ans.Server != "tls://"+p.addr {
		t.Error(got, ans.Server)
	}
	const want = "TXT example.org: DNS server unreachable (its certificate does not verify)"
	if _, err := ask(nil); err == nil || err.Error() != want {
		t.Errorf("unknown authority: %v", err)
	}
	if _, err := ask(&tls.Config{RootCAs: roots, ServerName: "dns.example.net"}); err == nil || err.Error() != want {
		t.Errorf("another name: %v", err)
	}
}

func TestClientTLSWithoutTLS(t *testing.T) {
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {})
	c := NewClient(Options{Servers: []Server{p.server("tls")}, Timeout: 300 * time.Millisecond})
	defer c.Close()
	if _, err := c.Resolve(t.Context(), Ask("example.org", "TXT")); KindOf(err) != Unreachable && KindOf(err) != Timeout {
		t.Error(err)
	}
}

func TestClientHTTPS(t *testing.T) {
	respond := func(change func(http.ResponseWriter, []byte) []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			m := new(dns.Msg)
			if err := m.Unpack(body); err != nil || r.Method != "POST" || r.URL.Path != "/dns-query" || r.Header.Get("Content-Type") != dnsMessage {
				t.Errorf("%s %s %v", r.Method, r.URL, err)
			}
			if m.Id != 0 {
				t.Errorf("ID %d (RFC 8484, 4.1)", m.Id)
			}
			wire, _ := answer(m, 0, spfLine).Pack()
			w.Header().Set("Content-Type", dnsMessage)
			w.Write(change(w, wire))
		}
	}
	same := func(_ http.ResponseWriter, wire []byte) []byte { return wire }
	tests := []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"answer", respond(same), "v=spf1 -all"},
		{"status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "TXT example.org: DNS server unreachable (HTTP status 503)"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://192.0.2.1/", http.StatusTemporaryRedirect)
		}, "TXT example.org: DNS server unreachable (HTTP status 307)"},
		{"web page", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>log in first") }, "TXT example.org: DNS server unreachable (not an answer of DNS over HTTPS)"},
		{"too large", respond(func(_ http.ResponseWriter, wire []byte) []byte { return append(wire, make([]byte, maxMessage)...) }), "TXT example.org: answer too large"},
		{"short", respond(func(_ http.ResponseWriter, wire []byte) []byte { return wire[:20] }), "TXT example.org: malformed answer"},
		{"another question", respond(func(_ http.ResponseWriter, wire []byte) []byte { wire[14]++; return wire }), "TXT example.org: malformed answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(tt.h)
			s.Config.ErrorLog = log.New(io.Discard, "", 0) // the failed handshakes are meant
			s.EnableHTTP2 = true
			s.StartTLS()
			defer s.Close()
			server, err := ParseServer(s.URL + "/dns-query")
			if err != nil {
				t.Fatal(err)
			}
			c := NewClient(Options{Servers: []Server{server}, TLSConfig: s.Client().Transport.(*http.Transport).TLSClientConfig})
			defer c.Close()
			if got := said(c.Resolve(t.Context(), Ask("example.org", "TXT"))); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if tt.name != "answer" {
				return
			}
			strict := NewClient(Options{Servers: []Server{server}})
			defer strict.Close()
			if _, err := strict.Resolve(t.Context(), Ask("example.org", "TXT")); err == nil || !strings.Contains(err.Error(), "certificate does not verify") {
				t.Errorf("unknown authority: %v", err)
			}
		})
	}
}

// TestClientStreamBreaks has a server that closes the connection after every answer.
func TestClientStreamBreaks(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c := &dns.Conn{Conn: conn}
			if m, err := c.ReadMsg(); err == nil {
				c.WriteMsg(answer(m, 0, spfLine))
			}
			conn.Close()
		}
	}()
	c := NewClient(Options{Servers: []Server{(&peer{addr: l.Addr().String()}).server("tcp")}, Timeout: 2 * time.Second})
	defer c.Close()
	for range 5 {
		if got := said(c.Resolve(t.Context(), Ask("example.org", "TXT"))); got != "v=spf1 -all" {
			t.Error(got)
		}
	}
}
