package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/ledger"
)

// TestRuns: reports on all kinds of subjects are found again, the latest first, and
// the oldest go.
func TestRuns(t *testing.T) {
	l := ledger.At(t.TempDir())
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	subjects := []string{"192.0.2.25", "2001:db8::25", "example.org", "xn--bcher-kva.example"}
	for _, s := range subjects {
		for n := range 3 {
			if err := l.KeepRun(s, at.Add(time.Duration(n/2)*time.Second), fmt.Append(nil, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := l.Examined()
	slices.Sort(got)
	if err != nil || !slices.Equal(got, subjects) {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range got {
		if paths, err := l.Runs(s); err != nil || len(paths) != 3 || paths[0] < paths[2] {
			t.Errorf("%s: %v, %v", s, paths, err)
		}
	}
}
