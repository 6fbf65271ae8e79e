package bimi_test

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/bimi"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

const roundTrip = 20 * time.Millisecond

// A journal is what an examination fetches, and where it connects to.
type journal struct {
	checks.HTTP
	start time.Time

	mu      sync.Mutex
	fetched map[string]time.Duration // after the start, by URL
	twice   []string
	dialled []string
}

func (j *journal) Fetch(ctx context.Context, r probe.Request) probe.Fetch {
	j.mu.Lock()
	if _, again := j.fetched[r.URL]; again {
		j.twice = append(j.twice, r.URL)
	}
	j.fetched[r.URL] = time.Since(j.start)
	j.mu.Unlock()
	return j.HTTP.Fetch(ctx, r)
}

// examine runs list in the world of a scenario in which every DNS question
// takes 20 ms.
func examine(t *testing.T, name string, list ...*checks.Check) *journal {
	t.Helper()
	s, err := scenario.Load(os.DirFS("../../testdata/scenarios"), name+".txtar")
	if err != nil {
		t.Fatal(err)
	}
	s.Faults = append(s.Faults, resolve.Fault{Type: "*", Name: "*", Delay: roundTrip})
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{start: time.Now(), fetched: make(map[string]time.Duration)}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		j.mu.Lock()
		j.dialled = append(j.dialled, address)
		j.mu.Unlock()
		return world.Dial(ctx, network, address)
	}
	env := world.EnvOver(t.Context(), world.DNS(), dial)
	j.HTTP, env.HTTP = env.HTTP, j
	checks.Run(t.Context(), env, list, nil)
	return j
}

// TestFetchOnce: logo and certificate are fetched once, both as soon as the
// record is known, whichever checks are wanted.
func TestFetchOnce(t *testing.T) {
	for _, list := range [][]*checks.Check{bimi.Checks.All(), {bimi.Certificate}} {
		synctest.Test(t, func(t *testing.T) {
			j := examine(t, "odd.bimi", list...)
			if len(j.fetched) != 2 || len(j.twice) > 0 {
				t.Errorf("fetched %v, again %v", j.fetched, j.twice)
			}
			for url, after := range j.fetched {
				if after > roundTrip {
					t.Errorf("%s after %v", url, after)
				}
			}
		})
	}
}

// TestNothingIsFetched where no record asks for it.
func TestNothingIsFetched(t *testing.T) {
	for _, name := range []string{"healthy", "odd.bimi.declined", "bimi.record", "bimi.record.several", "bimi.record.misplaced", "bimi.record.hostile"} {
		synctest.Test(t, func(t *testing.T) {
			if j := examine(t, name, bimi.Checks.All()...); len(j.fetched) > 0 {
				t.Errorf("%s: fetched %v", name, j.fetched)
			}
		})
	}
}

// TestRedirectsEnd: a circle of redirects is left after the third, and a
// private address is never connected to.
func TestRedirectsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if j := examine(t, "bimi.svg.redirect-loop", bimi.SVG); len(j.dialled) != 4 || len(j.twice) != 3 {
			t.Errorf("dialled %v", j.dialled)
		}
	})
	for _, name := range []string{"bimi.svg.private", "bimi.svg.redirect-private"} {
		synctest.Test(t, func(t *testing.T) {
			j := examine(t, name, bimi.SVG)
			if slices.ContainsFunc(j.dialled, func(address string) bool {
				return strings.HasPrefix(address, "10.") || strings.HasPrefix(address, "169.")
			}) {
				t.Errorf("%s: dialled %v", name, j.dialled)
			}
		})
	}
}
