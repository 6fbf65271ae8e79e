package suite_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestOrderDoesNotMatter: name servers give the records of a set in any order
// (RFC 2181, 5), so no verdict may depend on it.
func TestOrderDoesNotMatter(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := load(t, filepath.Base(file))
				slices.Reverse(world.Records)
				got := strings.Join(scenario.Lines(checks.Run(t.Context(), world.Env(t.Context()), suite.All(), nil)), "\n")
				if want := strings.Join(world.Expect, "\n"); got != want {
					t.Errorf("with every set of records reversed: %s", difference(want, got))
				}
			})
		})
	}
}
