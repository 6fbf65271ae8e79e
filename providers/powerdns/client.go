package powerdns

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/maildoctor/maildoctor/providers"
)

// Bounds of one request.
const (
	patience = 30 * time.Second // until the answer is there
	maxBody  = 32 << 20         // octets of an answer: a zone of 200,000 records
	maxError = 64 << 10         // octets of an answer that tells of an error
)

// A client speaks with the API of one server.
type client struct {
	base string // the URL of the server in the API, without a final slash
	host string
	key  string
	http http.Client
}

// String is what the server is called.
func (c *client) String() string { return "PowerDNS at " + c.host }

// newClient checks the options. Its errors hold neither the key nor the URL,
// which may have a password in it.
func newClient(o Options) (*client, error) {
	at, base, err := parseURL(o.URL)
	if err != nil {
		return nil, fmt.Errorf("the URL of PowerDNS %w; it looks like http://127.0.0.1:8081", err)
	}
	if at.Scheme == "http" && !o.Insecure && !loopback(at.Hostname()) {
		return nil, fmt.Errorf("the API key would travel to %s in clear text; use https:// (the API behind a reverse proxy with TLS) or an SSH tunnel to http://127.0.0.1", at.Host)
	}
	key := strings.TrimSpace(o.APIKey)
	switch {
	case key == "":
		return nil, fmt.Errorf("%w: there is no API key; POWERDNS_API_KEY takes what api-key is in pdns.conf", providers.ErrDenied)
	case strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }):
		return nil, fmt.Errorf("%w: the API key has characters that no header has (not printable ASCII)", providers.ErrDenied)
	}
	id := o.ServerID
	if id == "" {
		id = DefaultServerID
	}
	if !plainID(id) {
		return nil, fmt.Errorf("the server ID %.40q is none; it is %q unless the API is that of several servers", id, DefaultServerID)
	}
	c := &client{base: base + "/api/v1/servers/" + id, host: at.Host, key: key}
	if o.HTTP != nil {
		c.http = *o.HTTP
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the key is for this host
	return c, nil
}

// parseURL reads the URL of a server; base is without what every one of them
// ends in.
func parseURL(text string) (at *url.URL, base string, err error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil:
		return nil, "", errors.New("cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "", errors.New("begins with neither http:// nor https://")
	case u.Hostname() == "" || strings.ContainsFunc(u.Host, unprintable):
		return nil, "", errors.New("names no host")
	case u.User != nil:
		return nil, "", errors.New("has a user or password in it, where the API takes a key only")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, "", errors.New("has a ? or # in it")
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	path = strings.TrimSuffix(strings.TrimSuffix(path, "/v1"), "/api")
	return u, u.Scheme + "://" + u.Host + strings.TrimRight(path, "/"), nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// plainID reports whether an ID may stand in a path as it is. Those of PowerDNS
// have any other octet as =XX.
func plainID(id string) bool {
	return id != "" && len(id) <= 1024 && id != "." && id != ".." && !strings.ContainsFunc(id, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("._=-", r)
	})
}

// find is the zone of this very name; nil if the server has none.
func (c *client) find(ctx context.Context, name string) (*zone, error) {
	var list []zone
	if err := c.call(ctx, http.MethodGet, "/zones?"+url.Values{"zone": {name}}.Encode(), nil, &list); err != nil {
		return nil, c.explained(err)
	}
	for _, z := range list { // old servers do not know the parameter, and list them all
		if z.canonical() != name {
			continue
		}
		if !plainID(z.ID) {
			return nil, fmt.Errorf("%s: the zone ID %.80q is none", c, z.ID)
		}
		return &z, nil
	}
	return nil, nil
}

// explained adds to the first error of a server what is most often the cause.
func (c *client) explained(err error) error {
	var answer *answerError
	switch {
	case errors.As(err, &answer) && answer.status == http.StatusNotFound:
		return fmt.Errorf("%w; is this the URL of the webserver of PowerDNS, and api=yes in pdns.conf?", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w; does it run, with webserver=yes and api=yes in pdns.conf?", err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w; does webserver-allow-from in pdns.conf let this machine in?", err)
	}
	return err
}

// read is a zone with its records.
func (c *client) read(ctx context.Context, id string) (zone, error) {
	var z zone
	err := c.call(ctx, http.MethodGet, "/zones/"+id, nil, &z)
	var answer *answerError
	if errors.As(err, &answer) {
		switch answer.status {
		case http.StatusNotFound:
			err = fmt.Errorf("%w: %w", providers.ErrNoZone, err)
		case http.StatusInternalServerError: // so it answers where a record in its database cannot be read
			err = fmt.Errorf("%w; `pdnsutil check-zone` on the server names the record that cannot be read", err)
		}
	}
	return z, err
}

// metadata is what a zone has of some kind; nothing where the server does not say.
func (c *client) metadata(ctx context.Context, id, kind string) ([]string, error) {
	var m struct {
		Metadata []string `json:"metadata"`
	}
	err := c.call(ctx, http.MethodGet, "/zones/"+id+"/metadata/"+kind, nil, &m)
	var answer *answerError
	if errors.As(err, &answer) || errors.Is(err, providers.ErrDenied) {
		return nil, nil // a kind that it does not tell, an older server, a proxy that lets pass zones only
	}
	return m.Metadata, err
}

// patch changes sets, all in one transaction.
func (c *client) patch(ctx context.Context, id string, sets []change) error {
	body, err := json.Marshal(struct {
		RRSets []change `json:"rrsets"`
	}{sets})
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPatch, "/zones/"+id, body, nil)
}

// rectify makes ready the denials of a signed zone.
func (c *client) rectify(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPut, "/zones/"+id+"/rectify", nil, nil)
}

// call makes one request, and never a second: net/http repeats none by itself
// that may have reached the server, GET aside.
func (c *client) call(ctx context.Context, method, path string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return errors.New("the request could not be made") // not err: it holds the URL
	}
	req.Header.Set("X-API-Key", c.key)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return c.unanswered(err)
	}
	defer answer.Body.Close()
	bound := int64(maxBody)
	if answer.StatusCode >= 300 {
		bound = maxError
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, bound+1))
	switch {
	case answer.StatusCode >= 300:
		return c.refusal(answer, text[:min(int64(len(text)), bound)])
	case err != nil:
		return c.unanswered(err)
	case int64(len(text)) > bound:
		return fmt.Errorf("%s: the answer is larger than %d MiB", c, maxBody>>20)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: the answer is not that of the API: %s", c, c.clean(err.Error()))
	}
	return nil
}

// An answerError is an answer that says no.
type answerError struct {
	status int
	text   string
}

func (e *answerError) Error() string { return e.text }

// refusal is what an answer with this status means.
func (c *client) refusal(answer *http.Response, body []byte) error {
	said := c.said(body)
	if said == "" {
		said = http.StatusText(answer.StatusCode)
	}
	text := fmt.Sprintf("%s answers %d: %s", c, answer.StatusCode, said)
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%w: %s; the API key must be what api-key is in pdns.conf", providers.ErrDenied, text)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: %s; the key, or a proxy before the API, does not allow this", providers.ErrDenied, text)
	case status < 400:
		to := "elsewhere"
		if u, err := url.Parse(answer.Header.Get("Location")); err == nil && u.Host != "" {
			to = fmt.Sprintf("%.100q", c.without(u.Host))
		}
		return &answerError{status, fmt.Sprintf("%s answers %d, a redirect to %s, which is not followed: the key is for this host only; give the URL of the API itself", c, status, to)}
	default:
		return &answerError{status, text}
	}
}

// said is what the body of an error says, for a reader.
func (c *client) said(body []byte) string {
	var e struct {
		Error  string   `json:"error"`
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(body, &e) != nil || e.Error == "" {
		return ""
	}
	const most = 600
	said := strings.Join(append([]string{e.Error}, e.Errors...), "; ")
	said = c.without(said)
	if len(said) > most {
		said = strings.ToValidUTF8(said[:most], "") + "..."
	}
	return fmt.Sprintf("%q", said)
}

// unanswered is the error of a request that got no answer, or half of one.
func (c *client) unanswered(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which says nothing new
	}
	text := c.clean(err.Error())
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		text = "no answer in time"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection was closed before the answer was complete"
	}
	return &lostError{fmt.Sprintf("%s: %s", c, text), err}
}

// A lostError is an answer that did not come.
type lostError struct {
	text  string
	cause error
}

func (e *lostError) Error() string { return e.text }
func (e *lostError) Unwrap() error { return e.cause }

// clean is text of libraries, which may quote what came from the network.
func (c *client) clean(text string) string {
	return c.without(strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?")))
}

// without is text without the key, which a server may have sent back: as it is,
// or as it stands in a quoted string.
func (c *client) without(text string) string {
	quoted := strconv.Quote(c.key)
	return strings.NewReplacer(c.key, "***", quoted[1:len(quoted)-1], "***").Replace(text)
}
