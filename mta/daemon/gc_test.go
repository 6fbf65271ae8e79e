package daemon

import (
	"runtime/debug"
	"testing"
)

// TestCollectLess: what the owner says in GOGC is left alone.
func TestCollectLess(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	for gogc, want := range map[string]int{"50": 77, "": 200} {
		debug.SetGCPercent(77)
		CollectLess(func(string) string { return gogc })
		if got := debug.SetGCPercent(77); got != want {
			t.Errorf("with GOGC=%q: %d", gogc, got)
		}
	}
}
