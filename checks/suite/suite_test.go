package suite_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/scenario"
)

var update = flag.Bool("update", false, "rewrite the want sections of the scenarios")

const scenarios = "../../testdata/scenarios"

// TestScenarios examines the world of every scenario and compares the verdict
// with its want section. Time is that of a synctest bubble: timeouts cost nothing.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s (%v)", scenarios, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".txtar"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, name) })
		})
	}
}

func play(t *testing.T, name string) {
	world := load(t, name)
	got := scenario.Lines(checks.Run(t.Context(), world.Env(t.Context()), suite.All(), nil))
	if *update {
		if err := os.WriteFile(filepath.Join(scenarios, name), world.WithWant(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := strings.Join(world.Expect, "\n"); strings.Join(got, "\n") != want {
		t.Errorf("the verdict differs; if it is right, run go test ./checks/suite -update\ngot:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
	}
}
