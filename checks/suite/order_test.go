package suite_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestOrderDoesNotMatter: name servers give the records of a set in any order
// (RFC 2181, 5), so no verdict may depend on it.
func TestOrderDoesNotMatter(t *testing.T) {
	eachWorld(t, func(t *testing.T, name string, world *scenario.World) {
		slices.Reverse(world.Records)
		got := strings.Join(world.Verdict(checks.Run(t.Context(), heard.env(t.Context(), world, world.DNS()), concern(name, world.Scenario), nil)), "\n")
		if want := strings.Join(expected(name, world.Scenario), "\n"); got != want {
			t.Errorf("with every set of records reversed: %s", difference(want, got))
		}
	})
}
