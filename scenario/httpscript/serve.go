package httpscript

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

const (
	maxConnection = 30 * time.Minute // so that a client that went away holds nothing
	maxRequest    = 64 << 10         // octets
)

// Options is the world that requests are answered in.
type Options struct {
	// CA issues the certificates of the hosts.
	CA *smtpscript.CA
}

// Connect dials the site in process: the fate of Admit or, over a net.Pipe, the
// client's end of a connection that is served until that end is closed.
func (s Site) Connect(ctx context.Context, o Options) (net.Conn, error) {
	if err := s.Admit(ctx); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	go s.Serve(server, o)
	return client, nil
}

func (s Site) keys() []string { return slices.Sorted(maps.Keys(s)) }

// host is the page that speaks for a host name: one of its own, or the first of
// the site where it is none of its hosts.
func (s Site) host(name string) (string, *Page) {
	keys := s.keys()
	for _, key := range keys {
		if host, _, _ := strings.Cut(key, "/"); host == name {
			return host, s[key]
		}
	}
	host, _, _ := strings.Cut(keys[0], "/")
	return host, s[keys[0]]
}

// page is the one at "host/path"; else that of the longest pattern, "host/path*",
// that it begins like; nil if there is none.
func (s Site) page(key string) *Page {
	if p := s[key]; p != nil {
		return p
	}
	var page *Page
	longest := -1
	for pattern, p := range s {
		if begin, ok := strings.CutSuffix(pattern, "*"); ok && len(begin) > longest && strings.HasPrefix(key, begin) {
			longest, page = len(begin), p
		}
	}
	return page
}

// Serve answers one request on conn and closes it.
func (s Site) Serve(conn net.Conn, o Options) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(maxConnection))
	raw := &stream{Conn: conn}
	secure := tls.Server(raw, &tls.Config{
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.certificate(strings.ToLower(hello.ServerName), raw, o)
		},
		CurvePreferences:       smtpscript.Groups(),
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true, // over a net.Pipe they would wait for a client that is sending
	})
	if secure.Handshake() != nil {
		return
	}
	request, err := http.ReadRequest(bufio.NewReader(io.LimitReader(secure, maxRequest)))
	if err != nil {
		return
	}
	page := s.page(strings.ToLower(request.Host) + request.URL.RequestURI())
	if page == nil {
		page = &Page{status: http.StatusNotFound, mediaType: "text/html", body: "<h1>Not Found</h1>\n"}
	}
	page.answer(secure, conn)
}

// certificate is that of the host; garbage on the wire where the script says so.
func (s Site) certificate(name string, raw *stream, o Options) (*tls.Certificate, error) {
	host, page := s.host(name)
	if page.tlsFail {
		raw.Conn.Write([]byte("this is not a TLS record\r\n"))
		raw.mute = true
		return nil, fmt.Errorf("the script lets TLS fail")
	}
	want := page.cert
	if len(want.Names) == 0 {
		want.Names = []string{host}
	}
	cert, err := o.CA.Issue(want)
	return &cert, err
}

// A stream is a connection that can be muted, so that no alert follows garbage.
type stream struct {
	net.Conn
	mute bool
}

func (s *stream) Write(p []byte) (int, error) {
	if s.mute {
		return len(p), nil
	}
	return s.Conn.Write(p)
}

// answer sends the response. Errors mean that the client has gone.
func (p *Page) answer(out io.Writer, conn net.Conn) {
	if p.closes || !pause(conn, p.delay) {
		return
	}
	if p.garbage {
		io.WriteString(out, "220 this is not HTTP\r\n")
		return
	}
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nConnection: close\r\n", p.status, http.StatusText(p.status))
	if p.flood == "head" {
		io.WriteString(out, head+"X-Flood: ")
		flood(out)
		return
	}
	if p.mediaType != "" {
		head += "Content-Type: " + p.mediaType + "\r\n"
	}
	for _, field := range p.fields {
		head += field + "\r\n"
	}
	body := []byte(p.body)
	if p.gzip {
		body = compressed(body)
		head += "Content-Encoding: gzip\r\n"
	}
	if p.flood == "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	if _, err := io.WriteString(out, head+"\r\n"); err != nil {
		return
	}
	p.send(out, conn, body)
}

func (p *Page) send(out io.Writer, conn net.Conn, body []byte) {
	switch {
	case p.flood != "":
		flood(out)
	case p.cut:
		out.Write(body[:len(body)/2])
	case p.drip > 0:
		for i := range body {
			if !pause(conn, p.drip) {
				return
			}
			if _, err := out.Write(body[i : i+1]); err != nil {
				return
			}
		}
	default:
		out.Write(body)
	}
}

// flood sends until the client hangs up.
func flood(out io.Writer) {
	for {
		if _, err := out.Write(floodwater); err != nil {
			return
		}
	}
}

var floodwater = []byte(strings.Repeat("flood ", 200))

func compressed(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(body)
	w.Close()
	return b.Bytes()
}

// pause lets d pass and reports whether the client is still there. A client
// that has sent its request says nothing more, so that whatever ends a read is
// its leaving.
func pause(conn net.Conn, d time.Duration) bool {
	if d == 0 {
		return true
	}
	end := time.Now().Add(d)
	conn.SetReadDeadline(end)
	var one [1]byte
	for {
		_, err := conn.Read(one[:])
		switch {
		case err == nil: // what TLS still has to say
		case time.Now().Before(end):
			return false
		default:
			conn.SetDeadline(time.Now().Add(maxConnection))
			return true
		}
	}
}
