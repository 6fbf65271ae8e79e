package mtasts_test

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// A journal is what an examination does to the policy host.
type journal struct {
	checks.HTTP
	start time.Time

	mu      sync.Mutex
	fetched []time.Duration // after the start
	dialled []string
}

func (j *journal) Fetch(ctx context.Context, r probe.Request) probe.Fetch {
	j.mu.Lock()
	j.fetched = append(j.fetched, time.Since(j.start))
	j.mu.Unlock()
	return j.HTTP.Fetch(ctx, r)
}

// examine runs the checks of this topic in the world of a scenario in which
// every DNS question takes 20 ms.
func examine(t *testing.T, name string) *journal {
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
	j := &journal{start: time.Now()}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		j.mu.Lock()
		j.dialled = append(j.dialled, address)
		j.mu.Unlock()
		return world.Dial(ctx, network, address)
	}
	env := world.EnvOver(t.Context(), world.DNS(), dial)
	j.HTTP, env.HTTP = env.HTTP, j
	checks.Run(t.Context(), env, mtasts.Checks.All(), nil)
	return j
}

const roundTrip = 20 * time.Millisecond

// TestFetchOnce: the policy is fetched once however many checks judge it, and as
// soon as the record is known: the addresses were asked for at the same time.
func TestFetchOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if j := examine(t, "healthy"); len(j.fetched) != 1 || j.fetched[0] > roundTrip {
			t.Errorf("fetched after %v", j.fetched)
		}
		if j := examine(t, "mtasts.record.absent"); len(j.fetched) != 0 {
			t.Errorf("fetched after %v, though nothing announces a policy", j.fetched)
		}
	})
}

// TestPrivateIsLeftAlone: nobody connects to a private address because a name
// that is examined leads there.
func TestPrivateIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, name := range []string{"mtasts.policy-fetch.private", "mtasts.policy-fetch.loopback-beside"} {
			for _, address := range examine(t, name).dialled {
				if strings.HasPrefix(address, "10.") || strings.HasPrefix(address, "127.") {
					t.Errorf("%s: dialled %s", name, address)
				}
			}
		}
	})
}
