package probe

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Bounds of how long a host is left alone that asks for it.
const (
	shortestLeave = time.Minute
	longestLeave  = time.Hour
	maxLeaves     = 256 // hosts
)

// A leave is how long a host wants to be left alone, and in which words.
type leave struct {
	until time.Time
	why   string
}

// note takes down that the host of a fetch wants to be left alone, if it does.
func (m *FetchMemo) note(f Fetch) {
	wants := f.Status == http.StatusTooManyRequests || f.Status == http.StatusServiceUnavailable && f.RetryAfter() != ""
	if !wants || len(m.busy) >= maxLeaves {
		return
	}
	now := time.Now()
	m.busy[hostOf(f.URL)] = leave{
		until: now.Add(min(max(retryAfter(f.RetryAfter(), now), shortestLeave), longestLeave)),
		why:   fmt.Sprintf("asked before, the host said %q and is left alone for now", f.Reason),
	}
}

// waits is the end of a request to a host that wants to be left alone; nil where
// none does.
func (m *FetchMemo) waits(r Request) *fetchMemory {
	host := hostOf(r.URL)
	l, ok := m.busy[host]
	if !ok {
		return nil
	}
	if !time.Now().Before(l.until) {
		delete(m.busy, host)
		return nil
	}
	e := &Error{Stage: StageRequest, Kind: Temporary, Detail: l.why}
	k := &fetchMemory{done: make(chan struct{}), fetch: Fetch{URL: r.URL, Err: e, Steps: []FetchStep{{Stage: StageRequest, Err: e}}}}
	close(k.done)
	return k
}

// retryAfter reads the field (RFC 9110, 10.2.3): seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(n, 0), int(longestLeave/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now)
	}
	return 0
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return clean(u.Hostname())
}
