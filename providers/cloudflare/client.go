package cloudflare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloudflare/cloudflare-go/v7/option"

	"github.com/maildoctor/maildoctor/providers"
)

const production = "https://api.cloudflare.com/client/v4/"

// Bounds of what is asked and answered.
const (
	usualTimeout = 30 * time.Second
	maxAnswer    = 16 << 20        // octets
	maxTries     = 4               // of one question
	maxWait      = 1 * time.Minute // that Cloudflare may ask for
	firstWait    = 500 * time.Millisecond
)

// A client asks the API. It repeats questions itself, and nothing else: what the
// library would repeat includes writes, and it waits as long as it is told.
type client struct {
	options []option.RequestOption
	secret  string
	timeout time.Duration
}

func newClient(o Options) (*client, error) {
	token := strings.TrimSpace(o.Token)
	switch {
	case token == "":
		return nil, fmt.Errorf("%w: there is no API token for Cloudflare", providers.ErrDenied)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fmt.Errorf("%w: the API token for Cloudflare has characters that no token has", providers.ErrDenied)
	}
	base, err := baseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	c := &client{secret: token, timeout: o.Timeout}
	if c.timeout == 0 {
		c.timeout = usualTimeout
	}
	var httpClient http.Client
	if o.Client != nil {
		httpClient = *o.Client
	}
	// The API redirects nobody, and the token is for it alone.
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.options = []option.RequestOption{
		option.WithBaseURL(base), option.WithAPIToken(token), option.WithHTTPClient(&httpClient),
		option.WithMaxRetries(0), option.WithRequestTimeout(c.timeout), option.WithMiddleware(c.answer),
	}
	return c, nil
}

// baseURL is where the API is, which is sent the token: in clear to this machine only.
func baseURL(s string) (string, error) {
	if s == "" {
		return production, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return "", fmt.Errorf("the address %.100q of Cloudflare's API is no https:// URL", s)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && !ip.IsLoopback()) {
		return "", fmt.Errorf("the address %.100q of Cloudflare's API is no https:// URL", s)
	}
	return u.String(), nil
}

// answer passes on answers of the API, read whole. Whatever else comes is an
// error of this package: those of the library hold the request, token and all.
func (c *client) answer(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	res, err := next(req)
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err
		}
		return nil, &unanswered{err}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	_ = res.Body.Close()
	switch {
	case err != nil:
		return nil, &unanswered{err}
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("the answer of Cloudflare has more than %d MiB", maxAnswer>>20)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if e := c.failure(res, kind == "application/json", body); e != nil {
		return nil, e
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// read asks a question, again where that may help.
func (c *client) read(ctx context.Context, ask func() error) error {
	for try := 1; ; try++ {
		err := c.told(ctx, ask())
		wait, again := repeatable(err, try)
		if !again || try == maxTries || ctx.Err() != nil || !pause(ctx, wait) {
			return err
		}
	}
}

// told is the error of a call that ended because of a deadline as what it is.
func (c *client) told(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return &unanswered{fmt.Errorf("no answer within %v", c.timeout)}
	}
	return err
}

// repeatable reports whether and when a question may be asked again.
func repeatable(err error, try int) (wait time.Duration, again bool) {
	wait = firstWait << (try - 1)
	var lost *unanswered
	if errors.As(err, &lost) {
		return wait, true
	}
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusTooManyRequests && e.Status < http.StatusInternalServerError {
		return 0, false
	}
	if e.told {
		wait = e.RetryAfter
	}
	return wait, wait <= maxWait
}

// pause waits, and reports whether it did: where the context would end before, it
// need not begin.
func pause(ctx context.Context, wait time.Duration) bool {
	if until, ok := ctx.Deadline(); ok && time.Until(until) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
