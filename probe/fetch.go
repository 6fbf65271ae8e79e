package probe

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A Request is one HTTPS GET.
type Request struct {
	// URL is absolute, of the scheme https, with a host that is a name.
	URL string

	// Lookup tells the addresses of a host (lower-case, without a final dot), in
	// the order in which they are tried. No addresses and no error is the fact that
	// it has none.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	// Refuse says why an address must not be fetched from, and nothing of one that
	// may be. It sees what Lookup found, so that no name leads to where it must not.
	// nil lets every address pass.
	Refuse func(netip.Addr) string

	Accept  string // the media types wanted; empty is any
	MaxBody int    // octets of the body that are read; 0 is 64 KiB
	Limits  FetchTimeouts

	// Keep is how long a FetchMemo may give what was got to others who want the
	// same; 0 is not at all.
	Keep time.Duration
}

// FetchTimeouts bounds the stages of a Fetch, each as a whole.
type FetchTimeouts struct {
	Connect time.Duration // to each address
	TLS     time.Duration // the handshake
	Request time.Duration // sending the request and receiving the head of the response
	Body    time.Duration
	Total   time.Duration // the whole fetch, the DNS included
}

func (t FetchTimeouts) or(more FetchTimeouts) FetchTimeouts {
	fill := func(d *time.Duration, from time.Duration) {
		if *d <= 0 {
			*d = from
		}
	}
	fill(&t.Connect, more.Connect)
	fill(&t.TLS, more.TLS)
	fill(&t.Request, more.Request)
	fill(&t.Body, more.Body)
	fill(&t.Total, more.Total)
	return t
}

// DefaultFetchTimeouts is 7 s to connect to an address, 10 s for the TLS
// handshake, 15 s for the head of the response, 15 s for its body and 30 s in
// all. RFC 8461, 3.3 suggests a minute to senders, who have days for a message.
func DefaultFetchTimeouts() FetchTimeouts {
	return FetchTimeouts{
		Connect: 7 * time.Second, TLS: 10 * time.Second, Request: 15 * time.Second, Body: 15 * time.Second,
		Total: 30 * time.Second,
	}
}

// A Fetch is what came of a Request. What the host sent is kept octet for octet,
// and is never safe to print raw.
type Fetch struct {
	URL   string
	Addrs []netip.Addr // of the host, as looked up
	// Refused is those of Addrs that were left alone, and why.
	Refused []RefusedAddr
	Steps   []FetchStep // in the order they were taken
	Addr    netip.Addr  // connected to; the zero Addr if none was

	// TLS is what the handshake showed; nil where none was completed. A certificate
	// that is not in order does not end the fetch: see TLS.Trusted and NameFault.
	TLS *TLS

	Status    int    // 0 where no head of a response came
	Reason    string // what follows the HTTP version: "404 Not Found"
	Header    http.Header
	Body      []byte // at most Request.MaxBody octets, as sent
	Truncated bool   // the body goes on beyond them

	// Err is why the fetch ended before the response did; nil for every response
	// that is complete or Truncated, whatever its status is. Redirects are not
	// followed: they are such a response.
	Err  *Error
	Took time.Duration
}

// A RefusedAddr is an address that must not be fetched from.
type RefusedAddr struct {
	Addr netip.Addr
	Why  string
}

// A FetchStep is one stage of a Fetch.
type FetchStep struct {
	Stage Stage
	Addr  netip.Addr // where the stage has one
	Took  time.Duration
	Err   *Error // nil if the stage did what it is there for
}

// MediaType is the type and subtype that the response claims, in lower case;
// empty where it claims none or what it claims is no media type.
func (f Fetch) MediaType() string {
	mediaType, _, err := mime.ParseMediaType(f.Header.Get("Content-Type"))
	if err != nil && mediaType == "" {
		return ""
	}
	return mediaType
}

// Encoding is a content coding of the body other than identity, which is all
// that was asked for; empty where there is none.
func (f Fetch) Encoding() string {
	coding := strings.ToLower(strings.TrimSpace(f.Header.Get("Content-Encoding")))
	if coding == "identity" {
		return ""
	}
	return coding
}

// Redirect reports whether the response leads elsewhere (RFC 9110, 15.4), and
// the place as it is written there.
func (f Fetch) Redirect() (location string, redirects bool) {
	switch f.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return f.Header.Get("Location"), true
	}
	return "", false
}

// RetryAfter is when the server wants to be asked again, as it is written there
// (RFC 9110, 10.2.3): seconds or a date; empty where it does not say.
func (f Fetch) RetryAfter() string { return clip(f.Header.Get("Retry-After")) }

// Bounds of the body in evidence.
const (
	maxShownLines  = 40
	maxShownOctets = 2048
)

// Evidence is the fetch as a reader follows it: the URL, where it led, what the
// certificate is worth, and what came back.
func (f Fetch) Evidence() diagnosis.Evidence {
	var lines []string
	for _, r := range f.Refused {
		lines = append(lines, fmt.Sprintf("! %s is left alone: %s", r.Addr, r.Why))
	}
	for _, step := range f.Steps {
		at := ""
		if step.Addr.IsValid() {
			at = step.Addr.String() + ": "
		}
		switch {
		case step.Err != nil:
			lines = append(lines, "! "+at+step.Err.Error())
		case step.Stage == StageConnect:
			lines = append(lines, "connected to "+netip.AddrPortFrom(step.Addr, portHTTPS).String())
		case step.Stage == StageTLS && f.TLS != nil:
			lines = append(lines, f.TLS.String())
		case step.Stage == StageRequest:
			lines = append(lines, f.head()...)
		}
	}
	if body := f.shown(); body != "" {
		lines = append(lines, "", body)
	}
	return diagnosis.Evidence{Question: "GET " + f.URL, Answer: strings.Join(lines, "\n")}
}

// head is the status and those fields that matter.
func (f Fetch) head() []string {
	lines := []string{f.Reason}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Location"} {
		if value := f.Header.Get(name); value != "" {
			lines = append(lines, name+": "+clip(value))
		}
	}
	return lines
}

// shown is the beginning of the body.
func (f Fetch) shown() string {
	body, cut := string(f.Body), f.Truncated
	if len(body) > maxShownOctets {
		body, cut = body[:maxShownOctets], true
	}
	lines := strings.SplitAfter(body, "\n")
	if len(lines) > maxShownLines {
		lines, cut = lines[:maxShownLines], true
	}
	body = strings.TrimRight(strings.Join(lines, ""), "\r\n")
	if cut {
		body += "…"
	}
	return body
}

// clip bounds a word of the host.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
