package cmd_test

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkStartup measures, side by side, how long the program takes to say
// its version and, where it is installed, how long dig takes for the same. The
// ratio of the two, x-dig, is to stay below 1.
func BenchmarkStartup(b *testing.B) {
	ours := filepath.Join(b.TempDir(), "maildoctor.exe") // the name does for every system
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", ours, "..")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	dig, err := exec.LookPath("dig")
	hasDig := err == nil
	run := func(name, arg string) time.Duration {
		start := time.Now()
		if out, err := exec.Command(name, arg).CombinedOutput(); err != nil {
			b.Fatalf("%s %s: %v\n%s", name, arg, err, out)
		}
		return time.Since(start)
	}
	run(ours, "version") // what is read from disk is in memory from here on
	if hasDig {
		run(dig, "-v")
	}
	var mine, theirs time.Duration
	for b.Loop() {
		mine += run(ours, "version")
		if hasDig {
			theirs += run(dig, "-v")
		}
	}
	n := float64(b.N)
	b.ReportMetric(float64(mine.Microseconds())/n/1000, "ms/version")
	if hasDig {
		b.ReportMetric(float64(theirs.Microseconds())/n/1000, "ms/dig")
		b.ReportMetric(float64(mine)/float64(theirs), "x-dig")
	}
	b.ReportMetric(0, "ns/op") // of both together, which means nothing
}
