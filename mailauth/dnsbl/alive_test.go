package dnsbl

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/resolve"
)

const (
	listed6 = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
	other6  = "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
)

// world answers the labels in front of any zone; what is not there is NXDOMAIN.
type world struct {
	addrs  map[string]string // labels -> addresses
	errs   map[string]resolve.Kind
	server string
}

func (w world) Resolve(_ context.Context, q resolve.Question) (resolve.Answer, error) {
	for labels, kind := range w.errs {
		if strings.HasPrefix(q.Name, labels) {
			return resolve.Answer{}, &resolve.Error{Question: q, Kind: kind}
		}
	}
	for labels, addrs := range w.addrs {
		if strings.HasPrefix(q.Name, labels) {
			a := answer(strings.Fields(addrs)...)
			a.Question, a.Server = q, w.server
			return a, nil
		}
	}
	return resolve.Answer{Question: q, Server: w.server}, nil
}

func TestAlive(t *testing.T) {
	good := map[string]string{"2.0.0.127.": "127.0.0.2", listed6 + ".": "127.0.0.2", "dbltest.com.": "127.0.1.2", "test.": "127.0.0.2"}
	tests := []struct {
		name, zone string
		family     Family
		world      world
		want       Use
		reason     string
	}{
		{"healthy", "zen.spamhaus.org", IPv4, world{addrs: good}, Usable, ""},
		{"healthy by nibble", "zen.spamhaus.org", IPv6, world{addrs: good}, Usable, ""},
		{"healthy for domains", "dbl.spamhaus.org", Domain, world{addrs: good}, Usable, ""},
		{"IPv6 entry by group", "zen.spamhaus.org", IPv6, world{addrs: map[string]string{"2.7f00.ffff.": "127.0.0.2"}}, Silent, listed6},
		{"dead", "bl.spamcop.net", IPv4, world{}, Silent, "test entry 2.0.0.127 is not listed"},
		{"IPv6 not proven", "dnsbl.dronebl.org", IPv6, world{}, Unproven, "is not listed"},
		{"lists the world", "bl.spamcop.net", IPv4, world{addrs: map[string]string{"": "127.0.0.2"}}, ListsWorld, "lists 1.0.0.127 (127.0.0.2)"},
		{"lists the world in IPv6", "zen.spamhaus.org", IPv6, world{addrs: map[string]string{"": "127.0.0.2"}}, ListsWorld, other6},
		{"vouches for 127.0.0.1", "hostkarma.junkemailfilter.com", IPv4,
			world{addrs: map[string]string{"2.0.0.127.": "127.0.0.2", "1.0.0.127.": "127.0.0.1"}}, Usable, ""},
		{"vouches for the world", "list.dnswl.org", IPv4, world{addrs: map[string]string{"": "127.0.5.3"}}, ListsWorld, ""},
		{"rewritten", "bl.spamcop.net", IPv4, world{addrs: map[string]string{"": "203.0.113.80"}}, Rewritten, "203.0.113.80"},
		{"NXDOMAIN rewritten only", "bl.spamcop.net", IPv4,
			world{addrs: map[string]string{"2.0.0.127.": "127.0.0.2", "1.0.0.127.": "203.0.113.80"}}, Rewritten, "1.0.0.127"},
		{"refusing", "zen.spamhaus.org", IPv4, world{addrs: map[string]string{"": "127.255.255.254"}}, Refusing, "public or open resolver"},
		{"refusing a bitmask", "multi.uribl.com", Domain, world{addrs: map[string]string{"": "127.0.0.1"}}, Refusing, "asks too much"},
		{"refusing by silence", "zen.spamhaus.org", IPv4, world{server: "udp://8.8.8.8:53"}, Refusing, "does not answer questions that come through Google Public DNS"},
		{"silent through a public resolver", "bl.spamcop.net", IPv4, world{server: "udp://8.8.8.8:53"}, Silent, ""},
		{"REFUSED", "bl.spamcop.net", IPv4, world{errs: map[string]resolve.Kind{"": resolve.Refused}}, Refusing, "REFUSED"},
		{"unreachable", "bl.spamcop.net", IPv4, world{errs: map[string]resolve.Kind{"": resolve.Timeout}}, Unreachable, "timed out"},
		{"half reachable", "bl.spamcop.net", IPv4,
			world{addrs: good, errs: map[string]resolve.Kind{"1.0.0.127.": resolve.ServFail}}, Unreachable, "SERVFAIL"},
		{"no test entry", "list.dnswl.org", IPv6, world{}, Untested, "no test entry for IPv6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Alive(t.Context(), tt.world, zone(t, tt.zone), tt.family)
			if s.Use != tt.want || !strings.Contains(s.Reason, tt.reason) || (s.Reason == "") != (s.Use == Usable) {
				t.Errorf("%v: %q, want %v: %q", s.Use, s.Reason, tt.want, tt.reason)
			}
			if s.Answers() != (tt.want == Usable || tt.want == Unproven) {
				t.Errorf("%v: Answers() is %v", s.Use, s.Answers())
			}
			if s.Use == Untested {
				return
			}
			if len(s.Probes) != 2 || s.Probes[0].Question == s.Probes[1].Question {
				t.Errorf("probes %v", s.Probes)
			}
		})
	}
}

// Both entries are asked at once, and a list that never answers ends with the context.
func TestAliveInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
			select {
			case <-ctx.Done():
				return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Canceled, Err: ctx.Err()}
			case <-time.After(3 * time.Second):
				return world{addrs: map[string]string{"2.0.0.127.": "127.0.0.2"}}.Resolve(ctx, q)
			}
		})
		z := zone(t, "bl.spamcop.net")
		start := time.Now()
		if s := Alive(t.Context(), slow, z, IPv4); s.Use != Usable || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", s.Use, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s := Alive(ctx, slow, z, IPv4); s.Use != Unreachable {
			t.Errorf("%v", s.Use)
		}
	})
}
