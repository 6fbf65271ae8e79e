package probe_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

// A library takes a second for each document, and counts.
type library struct {
	asked atomic.Int32
	make  func(n int32) probe.Fetch
}

func (l *library) Fetch(ctx context.Context, r probe.Request) probe.Fetch {
	n := l.asked.Add(1)
	select {
	case <-time.After(time.Second):
		f := l.make(n)
		f.URL = r.URL
		return f
	case <-ctx.Done():
		return probe.Fetch{URL: r.URL, Err: &probe.Error{Kind: probe.Canceled, Err: ctx.Err()}}
	}
}

func good(int32) probe.Fetch { return probe.Fetch{Status: 200, Body: []byte("body")} }

func failed(kind probe.Kind) func(int32) probe.Fetch {
	return func(int32) probe.Fetch { return probe.Fetch{Err: &probe.Error{Kind: kind}} }
}

func TestFetchMemo(t *testing.T) {
	tests := []struct {
		name  string
		keep  time.Duration
		make  func(int32) probe.Fetch
		after time.Duration // until the document is wanted again
		want  int32         // fetches of two at once and one later
	}{
		{"once for all", time.Hour, good, time.Minute, 1},
		{"again when it is old", time.Hour, good, 2 * time.Hour, 2},
		{"each time where it may not be kept", 0, good, 0, 3},
		{"a failure for a while", time.Hour, failed(probe.Timeout), 10 * time.Second, 1},
		{"but not for long", time.Hour, failed(probe.Timeout), time.Minute, 2},
		{"nor a server's", time.Hour, func(int32) probe.Fetch { return probe.Fetch{Status: 503} }, time.Minute, 2},
		{"what another asker could not do is tried", time.Hour, failed(probe.Unresolved), 0, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &library{make: tt.make}
				memo := probe.NewFetchMemo(t.Context(), l)
				r := probe.Request{URL: "https://x.example/", Keep: tt.keep}
				var wg sync.WaitGroup
				for range 2 {
					wg.Go(func() { memo.Fetch(t.Context(), r) })
				}
				wg.Wait()
				time.Sleep(tt.after)
				got := memo.Fetch(t.Context(), r)
				if want := tt.make(0); got.Status != want.Status || string(got.Body) != string(want.Body) {
					t.Errorf("got %+v", got)
				}
				if n := l.asked.Load(); n != tt.want {
					t.Errorf("%d fetches, want %d", n, tt.want)
				}
			})
		})
	}
}

func TestFetchMemoOfOneWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &library{make: good}
		memo := probe.NewFetchMemo(t.Context(), l)
		r := probe.Request{URL: "https://x.example/", Keep: time.Hour}
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if f := memo.Fetch(hasty, r); f.Err == nil || f.Err.Kind != probe.Canceled || f.URL != r.URL {
			t.Errorf("who leaves has %+v", f)
		}
		if f := memo.Fetch(t.Context(), r); f.Err != nil || f.Status != 200 {
			t.Errorf("who stays has %+v", f)
		}
		if n := l.asked.Load(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestFetchMemoIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := strings.Repeat("x", 1<<20)
		l := &library{make: func(int32) probe.Fetch { return probe.Fetch{Status: 200, Body: []byte(large)} }}
		memo := probe.NewFetchMemo(t.Context(), l)
		for i := range 40 {
			memo.Fetch(t.Context(), probe.Request{URL: fmt.Sprintf("https://x.example/%d", i), Keep: time.Hour})
		}
		before := l.asked.Load()
		for i := range 40 {
			memo.Fetch(t.Context(), probe.Request{URL: fmt.Sprintf("https://x.example/%d", i), Keep: time.Hour})
		}
		if again := l.asked.Load() - before; before != 40 || again < 40-17 {
			t.Errorf("of 40 MiB all but %d documents are kept", again)
		}
	})
}

func TestFetchMemoLeavesAlone(t *testing.T) {
	header := func(value string) http.Header {
		if value == "" {
			return nil
		}
		return http.Header{"Retry-After": {value}}
	}
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when bubbles begin
	for _, tt := range []struct {
		name   string
		status int
		after  string
		left   time.Duration // how long the host is left alone; 0: not
	}{
		{"seconds", 429, "120", 2 * time.Minute},
		{"a date", 429, now.Add(30 * time.Minute).Format(http.TimeFormat), 30 * time.Minute},
		{"no time", 429, "", time.Minute},
		{"nonsense", 429, "-9999999999999999999999", time.Minute},
		{"for ever", 429, "999999999999", time.Hour},
		{"out of service", 503, "120", 2 * time.Minute},
		{"out of service, no time", 503, "", 0},
		{"a fault", 500, "120", 0},
		{"an answer", 200, "120", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &library{make: func(int32) probe.Fetch {
					return probe.Fetch{Status: tt.status, Reason: "no\x1b", Header: header(tt.after)}
				}}
				memo := probe.NewFetchMemo(t.Context(), l)
				fetch := func(url string) probe.Fetch {
					return memo.Fetch(t.Context(), probe.Request{URL: url, Keep: time.Hour})
				}
				if f := fetch("https://x.example/1"); f.Status != tt.status {
					t.Fatalf("first: %+v", f)
				}
				second := fetch("https://X.example./2")
				if left := second.Err != nil && second.Err.Kind == probe.Temporary; left != (tt.left > 0) {
					t.Errorf("left alone %t: %v", left, second.Err)
				}
				if f := fetch("https://y.example/"); f.Err != nil {
					t.Errorf("another host: %v", f.Err)
				}
				time.Sleep(tt.left)
				before := l.asked.Load()
				if f := fetch("https://x.example/3"); f.Err != nil || l.asked.Load() == before {
					t.Errorf("later: %v", f.Err)
				}
			})
		})
	}
}
