// Package fake is Cloudflare's API v4 in this process, as far as zones and DNS
// records go: it takes what Cloudflare takes, refuses what Cloudflare refuses, and
// fails when it is told to. It is stricter than the original in one thing: it
// refuses fields and parameters that it does not know.
//
// It serves no DNS, and knows nothing of mail.
package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// maxBody bounds what is read of a request, in octets.
const maxBody = 8 << 20

// An API is a whole Cloudflare. It is an http.Handler for a server on loopback,
// and an http.RoundTripper for a client in the same process. All of its methods
// may be called at any time.
type API struct {
	mu     sync.Mutex
	zones  []*Zone
	tokens []token
	serial int
	calls  []Call
	fault  func(Call) Fault
	limit  int
}

// New returns an API without zones and tokens.
func New() *API { return &API{limit: 200} }

// A Permission is what a token may do with a zone.
type Permission int

const (
	ZoneRead Permission = 1 << iota // see that the zone exists
	DNSRead                         // list its records
	DNSEdit                         // change them
)

// Everything is all that the API has.
const Everything = ZoneRead | DNSRead | DNSEdit

type token struct {
	secret string
	zone   string // canonical; empty for all zones
	may    Permission
}

// Token makes a token with permissions for one zone, or for all where zone is
// empty.
func (a *API) Token(zone string, may Permission) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if zone != "" {
		zone = record.Canonical(zone)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "token %d", len(a.tokens)))
	secret := "cfat_" + hex.EncodeToString(sum[:])[:40]
	a.tokens = append(a.tokens, token{secret, zone, may})
	return secret
}

// LimitBatch sets how many operations one batch may have; 200 as on the Free
// plan where nothing is set.
func (a *API) LimitBatch(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limit = n
}

// A Call is one request that came.
type Call struct {
	N            int // from 0
	Method, Path string
	Body         string
}

// Write reports whether the call is to change something.
func (c Call) Write() bool { return c.Method != http.MethodGet }

// Calls are all requests that came, those included that failed.
func (a *API) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// An answer is what goes back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ServeHTTP answers as Cloudflare would.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ans, err := a.serve(r)
	if err != nil {
		panic(http.ErrAbortHandler) // the connection is cut
	}
	for name, values := range ans.header {
		w.Header()[name] = values
	}
	w.WriteHeader(ans.status)
	_, _ = w.Write(ans.body)
}

// RoundTrip answers without a network.
func (a *API) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	ans, err := a.serve(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", ans.status, http.StatusText(ans.status)), StatusCode: ans.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: ans.header, Request: r,
		ContentLength: int64(len(ans.body)), Body: io.NopCloser(strings.NewReader(string(ans.body))),
	}, nil
}

// serve takes one request. The error is that of a connection that is cut, or
// that the client gave up.
func (a *API) serve(r *http.Request) (answer, error) {
	var body []byte
	if r.Body != nil {
		read, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		_ = r.Body.Close()
		if err != nil {
			return answer{}, err
		}
		body = read
	}
	a.mu.Lock()
	call := Call{N: len(a.calls), Method: r.Method, Path: r.URL.Path, Body: string(body)}
	a.calls = append(a.calls, call)
	choose := a.fault
	a.mu.Unlock()

	var f Fault
	if choose != nil {
		f = choose(call)
	}
	if f.Meanwhile != nil {
		f.Meanwhile()
	}
	ans := failure(http.StatusInternalServerError, Error{Code: 10000, Message: "Internal server error"})
	if !f.Ignored {
		a.mu.Lock()
		ans = a.answer(request{r, body})
		a.mu.Unlock()
	}
	switch {
	case f.Cut:
		return answer{}, io.ErrUnexpectedEOF
	case f.Silent:
		<-r.Context().Done()
		return answer{}, r.Context().Err()
	case f.Status != 0:
		ans = answer{status: f.Status, header: f.Header.Clone(), body: []byte(f.Body)}
	}
	return a.stamped(ans), nil
}

// stamped is an answer with the headers that all have.
func (a *API) stamped(ans answer) answer {
	if ans.header == nil {
		ans.header = make(http.Header)
	}
	if ans.header.Get("Content-Type") == "" {
		ans.header.Set("Content-Type", "application/json")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	const window = 1200 // requests in five minutes
	ans.header.Set("X-Ratelimit-Limit", strconv.Itoa(window))
	ans.header.Set("X-Ratelimit-Remaining", strconv.Itoa(max(0, window-len(a.calls))))
	ans.header.Set("X-Ratelimit-Reset", epoch.Add(5*time.Minute).Format(http.TimeFormat))
	ans.header.Set("Cf-Ray", fmt.Sprintf("%016x-FRA", len(a.calls)))
	return ans
}

// epoch is when everything here was made.
var epoch = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

// newID is an identifier nobody has: 32 hexadecimal digits.
func (a *API) newID() string {
	a.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "id %d", a.serial))
	return hex.EncodeToString(sum[:16])
}
