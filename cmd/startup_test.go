package cmd_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mostStartup is how long the program may take to start and end again, by the fastest
// of several runs: the others tell of the machine.
const mostStartup = 20 * time.Millisecond

// BenchmarkStartup measures how long the program takes, from its start to its end,
// to say its version and to show help. What of that is spent where is told by
// GODEBUG=inittrace=1; see docs/dependencies.md.
func BenchmarkStartup(b *testing.B) {
	ours := filepath.Join(b.TempDir(), "maildoctor.exe") // the name does for every system
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", ours, "..")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, args := range []string{"--version", "version", "check --help"} {
		b.Run(strings.ReplaceAll(args, " ", "_"), func(b *testing.B) { startups(b, ours, strings.Fields(args)...) })
	}
	// dig is what people know: its ratio to ours says what to expect of the machine.
	if dig, err := exec.LookPath("dig"); err == nil {
		b.Run("dig_-v", func(b *testing.B) { startups(b, dig, "-v") })
	}
}

func startups(b *testing.B, name string, args ...string) {
	run := func() time.Duration {
		start := time.Now()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			b.Fatalf("%s %s: %v\n%s", name, args, err, out)
		}
		return time.Since(start)
	}
	fastest := run() // what is read from disk is in memory from here on
	for b.Loop() {
		fastest = min(fastest, run())
	}
	b.ReportMetric(float64(fastest.Microseconds())/1000, "ms/fastest")
	const enough = 20 // runs, from which the fastest tells
	if b.N >= enough && fastest > mostStartup {
		b.Errorf("the fastest of %d runs took %v, more than %v", b.N, fastest, mostStartup)
	}
}
