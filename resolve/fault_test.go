package resolve

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaults(t *testing.T) {
	base := NewZone(world(t,
		"example.org TXT v=spf1 -all",
		"www.example.org CNAME host.example.net.",
		"host.example.net A 192.0.2.1",
	))
	bogus := []Extended{ExtendedError(6, "signature expired")}
	tests := []struct {
		name   string
		fault  Fault
		q      Question
		want   string
		waited time.Duration
	}{
		{"none", Fault{Type: "TXT", Name: "example.net.", Kind: ServFail}, Ask("example.org", "TXT"), "v=spf1 -all", 0},
		{"other type", Fault{Type: "MX", Name: "example.org.", Kind: ServFail}, Ask("example.org", "TXT"), "v=spf1 -all", 0},
		{"servfail", Fault{Type: "TXT", Name: "example.org.", Kind: ServFail, Extended: bogus}, Ask("example.org", "TXT"),
			"TXT example.org: SERVFAIL (DNSSEC Bogus: signature expired)", 0},
		{"any type, name as typed", Fault{Type: "*", Name: "Example.org", Kind: Refused}, Ask("example.org", "TXT"), "TXT example.org: REFUSED", 0},
		{"below", Fault{Type: "*", Name: "*.example.org", Kind: Refused}, Ask("a.b.example.org", "TXT"), "TXT a.b.example.org: REFUSED", 0},
		{"below is not at", Fault{Type: "*", Name: "*.example.org", Kind: Refused}, Ask("example.org", "TXT"), "v=spf1 -all", 0},
		{"end of a chain", Fault{Type: "A", Name: "host.example.net.", Kind: ServFail}, Ask("www.example.org", "A"), "A www.example.org: SERVFAIL", 0},
		{"timeout", Fault{Type: "TXT", Name: "*", Kind: Timeout, Extended: bogus}, Ask("example.org", "TXT"), "TXT example.org: timed out", 10 * time.Second},
		{"slow", Fault{Type: "TXT", Name: "*", Delay: 3 * time.Second}, Ask("example.org", "TXT"), "v=spf1 -all", 3 * time.Second},
		{"too slow", Fault{Type: "TXT", Name: "*", Delay: 12 * time.Second}, Ask("example.org", "TXT"), "TXT example.org: timed out", 10 * time.Second},
		{"malformed", Fault{Type: "TXT", Name: "*", Kind: Malformed}, Ask("example.org", "TXT"), "TXT example.org: malformed answer (FORMERR)", 0},
		{"truncated", Fault{Type: "TXT", Name: "*", Kind: Truncated, Extended: bogus}, Ask("example.org", "TXT"), "TXT example.org: truncated, and TCP failed", 0},
		{"lame behind a resolver", Fault{Type: "TXT", Name: "*", Kind: Lame}, Ask("example.org", "TXT"), "TXT example.org: SERVFAIL", 0},
		{"lame", Fault{Type: "TXT", Name: "*", Kind: Lame}, Question{"example.org.", "TXT", "192.0.2.53"},
			"TXT example.org @192.0.2.53: lame: the server is not authoritative", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got := said(NewFaults(base, []Fault{tt.fault}).Resolve(t.Context(), tt.q))
				if got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
				if waited := time.Since(start); waited != tt.waited {
					t.Errorf("took %v, want %v", waited, tt.waited)
				}
			})
		})
	}
}

func TestFaultEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := NewFaults(NewZone(nil), []Fault{{Type: "*", Name: "*", Kind: Timeout}}).Resolve(ctx, Ask("example.org", "A"))
		if KindOf(err) != Canceled || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
