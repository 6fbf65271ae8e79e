package spf_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/spf"
	"github.com/maildoctor/maildoctor/scenario"
)

const scenarios = "../../testdata/scenarios"

// TestScenarios plays the scenarios of this topic with its checks alone. That
// the others agree is the suite's matter.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "spf.*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s (%v)", scenarios, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, filepath.Base(file)) })
		})
	}
}

func play(t *testing.T, file string) {
	s, err := scenario.Load(os.DirFS(scenarios), file)
	if err != nil {
		t.Fatal(err)
	}
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	got := scenario.Lines(checks.Run(t.Context(), world.Env(t.Context()), spf.Checks.All(), nil))
	want := slices.DeleteFunc(slices.Clone(s.Expect), func(line string) bool { return !strings.Contains(line, " spf.") })
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
