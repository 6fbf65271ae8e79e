package suite_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// asked counts what reaches the world behind the memo.
type asked struct {
	next resolve.Resolver

	mu    sync.Mutex
	times map[resolve.Question]int
}

func (a *asked) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	a.mu.Lock()
	a.times[q]++
	a.mu.Unlock()
	return a.next.Resolve(ctx, q)
}

// TestNothingIsAskedTwice: no name and type leaves for the network twice within
// its TTL, in any scenario, NXDOMAIN and failures included.
func TestNothingIsAskedTwice(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := load(t, filepath.Base(file))
				count := &asked{next: world.DNS(), times: make(map[resolve.Question]int)}
				checks.Run(t.Context(), world.EnvOver(t.Context(), count, world.Dial), suite.All(), nil)
				for q, n := range count.times {
					if n > 1 {
						t.Errorf("%s was asked %d times", q, n)
					}
				}
				if len(count.times) >= resolve.DefaultBudget {
					t.Errorf("%d questions, the budget is %d", len(count.times), resolve.DefaultBudget)
				}
			})
		})
	}
}

func load(tb testing.TB, name string) *scenario.World {
	tb.Helper()
	s, err := scenario.Load(os.DirFS(scenarios), name)
	if err != nil {
		tb.Fatal(err)
	}
	world, err := s.Play()
	if err != nil {
		tb.Fatal(err)
	}
	return world
}
