package suite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// heard is what hosts said to the tests of this package.
var heard hearsay

// A hearsay is the conversations and fetches of many worlds, each held once: a
// host with the same script at the same time says the same to the same target.
// What takes time is not kept, nor what its caller ended, nor anything of a host
// that is slow on purpose: a world with such a host is played as it is.
type hearsay struct {
	mu       sync.Mutex
	loaded   map[string]*scenario.Scenario // by the file
	ca       map[time.Time]*smtpscript.CA  // by the clock of the worlds
	sessions map[string]probe.Session
	fetches  map[string]probe.Fetch
	examined map[string][]diagnosis.Result // by scenario
}

// load reads a scenario once, and gives a copy whose records are the caller's.
func (h *hearsay) load(file string) (*scenario.Scenario, error) {
	known, ok := recall(h, &h.loaded, file)
	if !ok {
		var err error
		if known, err = scenario.Load(os.DirFS(scenarios), file); err != nil {
			return nil, err
		}
		keep(h, &h.loaded, file, known)
	}
	s := *known
	s.Records, s.Faults = slices.Clone(s.Records), slices.Clone(s.Faults)
	return &s, nil
}

// play plays a scenario. Worlds of one time have their certificates in common.
func (h *hearsay) play(s *scenario.Scenario) (*scenario.World, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ca[s.Now] == nil {
		ca, err := smtpscript.NewCA(s.Now)
		if err != nil {
			return nil, err
		}
		put(&h.ca, s.Now, ca)
	}
	return s.PlayUnder(h.ca[s.Now]), nil
}

// env is the world over dns, where what was heard before is not asked again.
func (h *hearsay) env(ctx context.Context, world *scenario.World, dns resolve.Resolver) *checks.Env {
	env := world.EnvOver(ctx, dns, world.Dial)
	if world.Recorded() {
		return env
	}
	if next := env.SMTP; next != nil {
		env.SMTP = converse(func(ctx context.Context, t probe.Target) probe.Session { return h.converse(ctx, world, next, t) })
	}
	if next := env.HTTP; next != nil {
		env.HTTP = fetch(func(ctx context.Context, r probe.Request) probe.Fetch { return h.fetch(ctx, world, next, r) })
	}
	return env
}

type converse func(context.Context, probe.Target) probe.Session

func (c converse) Converse(ctx context.Context, t probe.Target) probe.Session { return c(ctx, t) }

type fetch func(context.Context, probe.Request) probe.Fetch

func (f fetch) Fetch(ctx context.Context, r probe.Request) probe.Fetch { return f(ctx, r) }

func (h *hearsay) converse(ctx context.Context, world *scenario.World, next checks.SMTP, t probe.Target) probe.Session {
	at, err := netip.ParseAddrPort(t.Endpoint())
	host, scripted := world.Hosts[at]
	if err != nil || ctx.Err() != nil || world.Sites[at] != nil || scripted && host.Slow() {
		return next.Converse(ctx, t)
	}
	target, err := json.Marshal(t)
	if err != nil {
		return next.Converse(ctx, t)
	}
	key := fmt.Sprintf("%v %s %t", world.Now, target, scripted)
	if scripted {
		key += host.String()
	}
	if session, ok := recall(h, &h.sessions, key); ok {
		return session
	}
	session := next.Converse(ctx, t)
	if session.Took == 0 && probe.KindOf(session.Err) != probe.Canceled {
		keep(h, &h.sessions, key, session)
	}
	return session
}

// errHeard ends a fetch of which it is known what comes of it.
type errHeard struct{ probe.Fetch }

func (errHeard) Error() string { return "heard before" }

// fetch looks up the addresses of the host in any case: what it says depends on
// which they are.
func (h *hearsay) fetch(ctx context.Context, world *scenario.World, next checks.HTTP, r probe.Request) probe.Fetch {
	var key string
	lookup := r.Lookup
	r.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		start := time.Now()
		addrs, err := lookup(ctx, host)
		if err != nil || ctx.Err() != nil || time.Since(start) > 0 {
			return addrs, err
		}
		key = h.pages(world, r, addrs)
		if known, ok := recall(h, &h.fetches, key); ok {
			return nil, errHeard{known}
		}
		return addrs, nil
	}
	got := next.Fetch(ctx, r)
	if got.Err != nil {
		if known, ok := got.Err.Err.(errHeard); ok {
			return known.Fetch
		}
	}
	if key != "" && got.Took == 0 && probe.KindOf(got.Err) != probe.Canceled {
		keep(h, &h.fetches, key, got)
	}
	return got
}

// pages is all that decides what a request gets from the addresses; empty where
// that takes time.
func (h *hearsay) pages(world *scenario.World, r probe.Request, addrs []netip.Addr) string {
	var b strings.Builder
	fmt.Fprintln(&b, world.Now, r.URL, r.Accept, r.MaxBody)
	for _, addr := range addrs {
		fmt.Fprintln(&b, addr)
		if r.Refuse != nil {
			fmt.Fprintln(&b, r.Refuse(addr))
		}
		at := netip.AddrPortFrom(addr.Unmap(), 443)
		if world.Hosts[at] != nil {
			return ""
		}
		site := world.Sites[at]
		for _, page := range slices.Sorted(maps.Keys(site)) {
			if site[page].Slow() {
				return ""
			}
			fmt.Fprintf(&b, "%s %q\n", page, site[page])
		}
	}
	return b.String()
}

// examine is all checks on the world of a scenario as it stands, done once by
// whichever test comes first: no name and type leaves for the network twice
// within its TTL, NXDOMAIN and failures included.
func (h *hearsay) examine(t *testing.T, name string, world *scenario.World) []diagnosis.Result {
	t.Helper()
	if results, ok := recall(h, &h.examined, name); ok {
		return results
	}
	count := &asked{next: world.DNS(), times: make(map[resolve.Question]int)}
	results := checks.Run(t.Context(), h.env(t.Context(), world, count), suite.All(), nil)
	count.check(t)
	keep(h, &h.examined, name, results)
	return results
}

func recall[V any](h *hearsay, m *map[string]V, key string) (V, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := (*m)[key]
	return v, ok
}

func keep[V any](h *hearsay, m *map[string]V, key string, v V) {
	h.mu.Lock()
	defer h.mu.Unlock()
	put(m, key, v)
}

func put[K comparable, V any](m *map[K]V, key K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[key] = v
}
