package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A NotRunningError tells that no server answers at a socket.
type NotRunningError struct{ Path string }

func (e *NotRunningError) Error() string {
	return "no mail server runs: nobody answers at " + e.Path + "; maildoctor mta run starts one"
}

// A DeniedError tells that a socket is somebody else's.
type DeniedError struct{ Path string }

func (e *DeniedError) Error() string {
	return "the mail server's socket " + e.Path + " is for its own user and for root; run this as one of them (sudo)"
}

// A Client speaks to a running server. It is safe for concurrent use.
type Client struct {
	path string
	http *http.Client
}

// maxReply bounds what is read of a reply.
const maxReply = 32 << 20

// Dial makes sure that a server answers at a socket. It fails with a
// *NotRunningError, a *DeniedError, or with what else is wrong.
func Dial(ctx context.Context, path string) (*Client, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("control socket %s: its path has %d octets, the system allows %d", path, len(path), maxPath)
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
		},
		ResponseHeaderTimeout: maxAnswer, MaxResponseHeaderBytes: 16 << 10, DisableCompression: true,
	}
	c := &Client{path: path, http: &http.Client{
		Transport: transport, Timeout: maxAnswer,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	first, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := c.Status(first); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Path is the socket.
func (c *Client) Path() string { return c.path }

// Close gives back the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status is how the server is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.ask(ctx, http.MethodGet, pathStatus, nil, &s)
}

// Reload has the server read its settings again.
func (c *Client) Reload(ctx context.Context) (Reloaded, error) {
	var r Reloaded
	return r, c.ask(ctx, http.MethodPost, pathReload, nil, &r)
}

// List is at most limit messages, 1,000 at most, that fit f, behind the one with the
// ID after. Page.Next is the one to go on behind.
func (c *Client) List(ctx context.Context, f Filter, after string, limit int) (Page, error) {
	q := url.Values{}
	for name, value := range map[string]string{"to": f.To, "from": f.From, "state": string(f.State), "after": after, "limit": strconv.Itoa(limit)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var p Page
	return p, c.ask(ctx, http.MethodGet, pathQueue+"?"+q.Encode(), nil, &p)
}

// Show is one message, by its ID or the beginning of it.
func (c *Client) Show(ctx context.Context, id string) (Detail, error) {
	var d Detail
	if strings.Trim(id, ".") == "" {
		return d, &Fault{codeNone, "no message " + quote(id) + " is in the queue"}
	}
	return d, c.ask(ctx, http.MethodGet, pathQueue+"/"+url.PathEscape(id), nil, &d)
}

// Do does something to messages, by their IDs or beginnings of these, 1,000 at most.
func (c *Client) Do(ctx context.Context, a Action, ids []string) (Done, error) {
	var d Done
	return d, c.ask(ctx, http.MethodPost, pathQueue+"/"+string(a), Selection{ids}, &d)
}

// ask sends a request and reads the reply into v.
func (c *Client) ask(ctx context.Context, method, path string, body, v any) error {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://maildoctor"+path, in)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unanswered(ctx, err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get(protocolField); got != protocol {
		return fmt.Errorf("what answers at %s is no mail server of maildoctor, or one of another version", c.path)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err != nil {
		return c.unanswered(ctx, err)
	}
	if err := decode(resp.StatusCode, text, v); err != nil {
		var fault *Fault
		if errors.As(err, &fault) {
			return fault
		}
		return fmt.Errorf("the reply of the server at %s is not understood: %w", c.path, err)
	}
	return nil
}

// decode reads a reply: a Fault, or v.
func decode(code int, text []byte, v any) error {
	if len(text) > maxReply {
		return fmt.Errorf("it is longer than %d MiB", maxReply>>20)
	}
	if code == http.StatusOK {
		return json.Unmarshal(text, v)
	}
	var f Fault
	if err := json.Unmarshal(text, &f); err != nil || f.Text == "" {
		return fmt.Errorf("code %d without a reason", code)
	}
	f.Code, f.Text = cut(f.Code, 40), cut(f.Text, showText)
	return &f
}

// unanswered is why no reply came.
func (c *Client) unanswered(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return &NotRunningError{c.path}
	case errors.Is(err, fs.ErrPermission):
		return &DeniedError{c.path}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("the mail server at %s does not answer in time; what it was asked for may still be done", c.path)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("the mail server at %s: %w", c.path, err)
}
