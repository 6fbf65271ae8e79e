package suite_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestSameVerdictsOverSockets: a scenario served by the lab over real sockets
// ends in the verdict that it has in process. Scenarios that take their time are
// left to the bubble of TestScenarios.
func TestSameVerdictsOverSockets(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			s, err := scenario.Load(os.DirFS(scenarios), filepath.Base(file))
			if err != nil {
				t.Fatal(err)
			}
			if s.Slow() || waits(s) && !slices.Contains(waited, name) {
				t.Skip("it takes its time")
			}
			t.Parallel()
			world, err := lab.Start(s)
			if err != nil {
				t.Fatal(err)
			}
			defer world.Close()
			client, err := world.Client(resolve.Options{Timeout: 2 * time.Second, Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			got := world.Verdict(checks.Run(t.Context(), world.Env(t.Context(), client), concern(name, s), nil))
			if g, w := timeless(got), timeless(expected(name, s)); g != w {
				t.Errorf("over sockets:\n%s\nin process:\n%s", g, w)
			}
		})
	}
}

// waited are worlds that keep a client waiting which are played all the same.
var waited = []string{"world.timeout", "ns.delegation-consistent.silent", "spf.include-loop.unknown"}

// waits reports whether a question in the world has no answer at all.
func waits(s *scenario.Scenario) bool {
	timeout := func(f resolve.Fault) bool { return f.Kind == resolve.Timeout }
	silent := func(n *scenario.NameServer) bool { return n.Silent }
	return slices.ContainsFunc(s.Faults, timeout) || slices.ContainsFunc(slices.Collect(maps.Values(s.Servers)), silent)
}

// patience is how long a client waited, which the lab makes shorter.
var patience = regexp.MustCompile(` \(no answer within \w+\)`)

func timeless(lines []string) string {
	return patience.ReplaceAllString(strings.Join(lines, "\n"), "")
}
