package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/history"
)

// A run is one examination among others of its subject.
type run struct {
	At       time.Time
	Tally    tally
	CutShort bool
	Changes  history.Changes // since the one before
	First    bool            // there is none before
}

// runsOf sums up reports on one subject, the latest first.
func runsOf(reports []diagnosis.Report) []run {
	list := make([]run, len(reports))
	for i, r := range reports {
		list[i] = run{At: r.At, Tally: count(r.Results), CutShort: r.CutShort, First: i == len(reports)-1}
		if !list[i].First {
			list[i].Changes = history.Compare(reports[i+1], r)
		}
	}
	return list
}

// History writes for a person how the examinations of one subject ended, the latest
// first, what each changed, and how findings went over time.
func History(w io.Writer, reports []diagnosis.Report, o TextOptions) error {
	p := newPage(o)
	if len(reports) > 0 {
		p.header(subject(reports[0]))
		p.gap()
		p.trend(reports)
		p.gap()
	}
	for _, r := range runsOf(reports) {
		parts := []string{p.in(strong, onDay(r.At)), r.Tally.verdict(r.CutShort)}
		if n := r.Tally.unknown(); n > 0 {
			parts = append(parts, fmt.Sprintf("%d could not be told", n))
		}
		if r.CutShort {
			parts = append(parts, "cut short")
		}
		if c := r.Changes; len(c.New)+len(c.Fixed)+len(c.Changed) > 0 {
			parts = append(parts, fmt.Sprintf("%d new, %d fixed, %d changed", len(c.New), len(c.Fixed), len(c.Changed)))
		}
		p.flow("", parts, " · ")
		for _, c := range r.Changes.New {
			p.para("  "+p.in(bad, "+")+" ", p.words(c.Rule, *c.Is), plain)
		}
		for _, c := range r.Changes.Fixed {
			p.para("  "+p.in(good, "✓")+" ", p.words(c.Rule, *c.Was), faint)
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// trend is findings over time, the oldest first, as bars: how high one is tells how
// many there were of the most.
func (p *page) trend(reports []diagnosis.Report) {
	const most = 40
	shown := reports[:min(len(reports), most)]
	if len(shown) < 2 {
		return
	}
	for s := diagnosis.Critical; s >= diagnosis.Advice; s-- {
		counts := make([]int, len(shown))
		highest := 0
		for i, r := range shown {
			counts[len(shown)-1-i] = count(r.Results).findings[s]
			highest = max(highest, counts[len(shown)-1-i])
		}
		p.line(fmt.Sprintf("  %-8s  %s  %d → %d", s, p.in(toneOf(s), bars(counts, highest)), counts[0], counts[len(counts)-1]))
	}
}

func bars(counts []int, highest int) string {
	const steps = "▁▂▃▄▅▆▇█"
	levels := []rune(steps)
	var b strings.Builder
	for _, n := range counts {
		i := 0
		if highest > 0 {
			i = (n*(len(levels)-1) + highest - 1) / highest
		}
		b.WriteRune(levels[i])
	}
	return b.String()
}

// HistoryJSON is the same for a program.
func HistoryJSON(w io.Writer, subject string, reports []diagnosis.Report) error {
	type one struct {
		At       string `json:"at"`
		Critical int    `json:"critical"`
		Warning  int    `json:"warning"`
		Advice   int    `json:"advice"`
		Unknown  int    `json:"unknown"`
		Passed   int    `json:"passed"`
		CutShort bool   `json:"cut_short"`
		New      int    `json:"new"`
		Fixed    int    `json:"fixed"`
		Changed  int    `json:"changed"`
	}
	return writeJSON(w, struct {
		Schema  string `json:"schema"`
		Subject string `json:"subject"`
		Runs    []one  `json:"runs"`
	}{"maildoctor.history/v1", text(subject), each(runsOf(reports), func(r run) one {
		t := r.Tally
		return one{
			r.At.UTC().Format(timeLayout), t.findings[diagnosis.Critical], t.findings[diagnosis.Warning], t.findings[diagnosis.Advice], t.unknown(),
			t.outcomes[diagnosis.Passed], r.CutShort, len(r.Changes.New), len(r.Changes.Fixed), len(r.Changes.Changed),
		}
	})})
}
