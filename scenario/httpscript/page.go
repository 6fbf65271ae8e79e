// Package httpscript is a scripted HTTPS server: single responses told by a few
// lines of text. Scenarios play it in process over net.Pipe, the lab serves it
// on a loopback socket.
//
// It is a stage prop for a client that fetches policies and logos. It answers
// one GET for each connection, and is no web server for anything else.
//
// # The script
//
// A page is the body of a response. Lines in front of it that begin with "!"
// direct the server; after them the body is sent as it stands.
//
//	!status 404            the status code; 200 without it
//	!type text/html        the media type; text/plain without it, none with "!type -"
//	!header Name: value    one more field
//	!redirect https://…    status 301 and Location; 302 and others with !status after it
//	!gzip                  the body is sent compressed
//	!slow 3s               waits before the response
//	!drip 1s               sends one octet of the body each second
//	!flood                 sends a body that never ends; !flood head a field that never ends
//	!close                 closes instead of answering
//	!cut                   closes in the middle of the body
//	!garbage               answers with something that is not HTTP
//
// The host of a page is directed by
//
//	!refuse                the connection is refused
//	!timeout               the connection is never answered
//	!unreachable           there is no route to the network of the address
//	!tls names=a,b         the certificate's names, the host's without it; further words:
//	                       expired, self-signed, issuer=other (a CA nobody trusts),
//	                       issuer=DigiCert_Inc (that organization, trusted)
//	!tls-fail              sends garbage in place of the TLS handshake
package httpscript

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A Page is one scripted response, and how its host behaves.
type Page struct {
	text      string // as it was parsed
	status    int
	fields    []string // of the head, "Name: value"
	mediaType string   // empty: no Content-Type
	body      string
	gzip      bool
	cut       bool
	delay     time.Duration
	drip      time.Duration
	flood     string // "body", "head", or empty
	closes    bool
	garbage   bool

	// Of the host.
	dial    *smtpscript.Script // the fate of a dial; nil accepts
	cert    smtpscript.Certificate
	tlsFail bool
}

// Parse reads a page. The error names the line.
func Parse(text string) (*Page, error) {
	p := &Page{text: text, status: 200, mediaType: "text/plain"}
	for n := 1; strings.HasPrefix(text, "!"); n++ {
		line, rest, _ := strings.Cut(text, "\n")
		if err := p.direct(strings.TrimSpace(line[1:])); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		text = rest
	}
	p.body = text
	return p, nil
}

// String is the text of the page, its directives first.
func (p *Page) String() string { return p.text }

func (p *Page) direct(line string) (err error) {
	word, value, _ := strings.Cut(line, " ")
	value = strings.TrimSpace(value)
	switch word {
	case "status":
		p.status, err = strconv.Atoi(value)
		if err == nil && (p.status < 100 || p.status > 999) {
			err = fmt.Errorf("%d is no status code", p.status)
		}
	case "type":
		p.mediaType = strings.TrimPrefix(value, "-")
	case "header":
		p.fields = append(p.fields, value)
	case "redirect":
		p.status = 301
		p.fields = append(p.fields, "Location: "+value)
	case "slow":
		p.delay, err = wait(value)
	case "drip":
		p.drip, err = wait(value)
	case "flood":
		if p.flood = value; value == "" {
			p.flood = "body"
		}
	case "tls":
		err = p.directTLS(strings.Fields(value))
	case "refuse", "timeout", "unreachable":
		p.dial, err = smtpscript.Parse("!" + word)
	default:
		return p.flag(word)
	}
	return err
}

func (p *Page) flag(word string) error {
	flags := map[string]*bool{
		"gzip": &p.gzip, "close": &p.closes, "cut": &p.cut, "garbage": &p.garbage, "tls-fail": &p.tlsFail,
	}
	flag, ok := flags[word]
	if !ok {
		return fmt.Errorf("no directive !%s", word)
	}
	*flag = true
	return nil
}

func (p *Page) directTLS(words []string) error {
	for _, word := range words {
		names, isNames := strings.CutPrefix(word, "names=")
		switch {
		case isNames && names != "":
			p.cert.Names = strings.Split(names, ",")
		case word == "expired":
			p.cert.Expired = true
		case word == "self-signed":
			p.cert.SelfSigned = true
		case word == "issuer=other":
			p.cert.Untrusted = true
		case strings.HasPrefix(word, "issuer=") && len(word) > len("issuer="):
			p.cert.Issuer = strings.ReplaceAll(word[len("issuer="):], "_", " ")
		default:
			return fmt.Errorf("!tls does not know %q", word)
		}
	}
	return nil
}

// wait reads a time, at most an hour.
func wait(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > time.Hour {
		return 0, fmt.Errorf("%q is not a time between 0 and 1h", text)
	}
	return d, nil
}

// Slow reports whether a client has to wait for this page.
func (p *Page) Slow() bool {
	return p.delay > 0 || p.drip > 0 || p.dial != nil && p.dial.Slow()
}

// A Site is the pages that one address serves, by host and path:
// "mta-sts.example.org/.well-known/mta-sts.txt". A path that ends in "*" stands
// for all that begin so and have no page of their own.
type Site map[string]*Page

// Add puts a page at "host/path" on the site.
func (s Site) Add(key string, p *Page) error {
	host, _, ok := strings.Cut(key, "/")
	if !ok || host == "" || host != strings.ToLower(host) {
		return fmt.Errorf("want https/HOST/PATH, the host in lower case, got %q", key)
	}
	s[key] = p
	return nil
}

// Admit is the fate of a dial, see smtpscript.Script.Admit. It is that of the
// first page that has one: an address that refuses, refuses everybody.
func (s Site) Admit(ctx context.Context) error {
	for _, key := range s.keys() {
		if dial := s[key].dial; dial != nil {
			return dial.Admit(ctx)
		}
	}
	if len(s) == 0 {
		return errors.New("a site without pages")
	}
	return nil
}
