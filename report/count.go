package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A tally counts what results came to: findings by severity, checks by outcome.
type tally struct {
	findings [diagnosis.Critical + 1]int
	outcomes [diagnosis.Unknown + 1]int
	beside   int // failed checks of which a part could not be told
}

func count(results []diagnosis.Result) tally {
	var t tally
	for _, r := range results {
		if int(r.Outcome) < len(t.outcomes) && r.Outcome >= 0 {
			t.outcomes[r.Outcome]++
		}
		for _, f := range r.Findings {
			if int(f.Severity) < len(t.findings) && f.Severity >= 0 {
				t.findings[f.Severity]++
			}
		}
		if r.Outcome == diagnosis.Failed && len(r.Doubts) > 0 {
			t.beside++
		}
	}
	return t
}

func (t tally) found() int {
	n := 0
	for _, k := range t.findings {
		n += k
	}
	return n
}

// unknown is how many checks could not be told, in whole or in part.
func (t tally) unknown() int { return t.outcomes[diagnosis.Unknown] + t.beside }

// problems is "2 critical, 1 warning, 3 advice"; empty where there is nothing.
func (t tally) problems() string {
	var parts []string
	for s := diagnosis.Critical; s >= diagnosis.Advice; s-- {
		if n := t.findings[s]; n > 0 {
			word := s.String()
			if s == diagnosis.Warning && n > 1 {
				word += "s"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	return strings.Join(parts, ", ")
}

// conclusive reports whether all was told.
func (t tally) conclusive(cutShort bool) bool { return t.unknown() == 0 && !cutShort }

// verdict is the problems, or in words that there are none; where less was told
// than was not, that there is no verdict.
func (t tally) verdict(cutShort bool) string {
	switch {
	case t.found() > 0:
		return t.problems()
	case t.conclusive(cutShort):
		return "nothing wrong"
	case t.unknown() > t.outcomes[diagnosis.Passed]:
		return "inconclusive"
	}
	return "nothing wrong found"
}

// rest is "61 passed, 4 skipped, 2 could not be told".
func (t tally) rest() string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{
		{t.outcomes[diagnosis.Passed], "passed"},
		{t.outcomes[diagnosis.Skipped], "skipped"},
		{t.unknown(), "could not be told"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	return strings.Join(parts, ", ")
}

// plural is "1 question", "2 questions".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// duration is d for a reader: "340 ms", "1.2 s", "2 min 5 s".
func duration(d time.Duration) string {
	switch {
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%d ms", max(0, d.Round(time.Millisecond).Milliseconds()))
	case d < 59950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
