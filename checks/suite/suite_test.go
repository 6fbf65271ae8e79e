package suite_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

var update = flag.Bool("update", false, "rewrite the want sections of the scenarios")

const scenarios = "../../testdata/scenarios"

// TestScenarios examines the world of every scenario and compares the verdict
// with its want section.
func TestScenarios(t *testing.T) {
	eachWorld(t, func(t *testing.T, name string, world *scenario.World) {
		got := world.Verdict(heard.examine(t, name, world))
		if *update {
			rewrite(t, filepath.Join(scenarios, name+".txtar"), world.WithWant(got))
			return
		}
		if want := strings.Join(world.Expect, "\n"); strings.Join(got, "\n") != want {
			t.Errorf("the verdict differs; if it is right, run go test ./checks/suite -update\ngot:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
		}
	})
}

// rewrite puts data in place of a file at once: another scenario may be like it,
// and read it meanwhile.
func rewrite(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name+".new", data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// eachWorld plays every scenario to do, each in a bubble of its own: timeouts
// cost nothing.
func eachWorld(t *testing.T, do func(t *testing.T, name string, world *scenario.World)) {
	for _, name := range scenarioNames(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { do(t, name, load(t, name+".txtar")) })
		})
	}
}

func load(tb testing.TB, name string) *scenario.World {
	tb.Helper()
	s, err := heard.load(name)
	if err != nil {
		tb.Fatal(err)
	}
	world, err := heard.play(s)
	if err != nil {
		tb.Fatal(err)
	}
	return world
}

// concern is the checks that a scenario is about: those of the topic it is named
// after, else all, as also where receivers are asked. TestScenarios holds every scenario to all of them; the proofs
// that ask for the same verdict by another way need no more than these.
func concern(name string, world *scenario.Scenario) []*checks.Check {
	topic := checks.TopicOf(name)
	list, err := checks.Select(suite.All(), []string{topic}, nil)
	if err != nil || name == topic || len(world.Policies) > 0 {
		return suite.All()
	}
	return list
}

// expected is the lines of a scenario's want about what concerns it.
func expected(name string, world *scenario.Scenario) []string {
	ids := make(map[string]bool)
	for _, c := range concern(name, world) {
		ids[c.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(world.Expect), func(line string) bool {
		_, rest, _ := strings.Cut(line, " ")
		id, _, _ := strings.Cut(rest, ":")
		return !ids[id] && checks.TopicOf(id) != "policy"
	})
}

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

// check holds an examination to one question each, within the budget.
func (a *asked) check(t *testing.T) {
	t.Helper()
	a.mu.Lock() // a question that nobody waits for any more may still be on its way
	defer a.mu.Unlock()
	for q, n := range a.times {
		if n > 1 {
			t.Errorf("%s was asked %d times", q, n)
		}
	}
	if len(a.times) >= resolve.DefaultBudget {
		t.Errorf("%d questions, the budget is %d", len(a.times), resolve.DefaultBudget)
	}
}
