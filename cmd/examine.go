package cmd

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/resolve"
)

// maxExaminations is how many subjects are examined at once.
const maxExaminations = 4

// An examiner examines subjects by the checks in list.
type examiner interface {
	examine(ctx context.Context, s subject, list []*checks.Check, observe func(diagnosis.Result)) diagnosis.Report
	// asked sums up the questions that it sent to DNS servers, and tells each if
	// it keeps them.
	asked() (resolve.Stats, []resolve.Event)
	close()
}

// A round is one examination of several subjects.
type round struct {
	examiner examiner
	checks   selection
	timeout  time.Duration // for each subject
	progress *progress
	policies receivers
	// each takes every report in the order of the subjects as soon as it is its turn,
	// and returns what is to be kept of it; after an error no further one. nil: all is
	// kept.
	each func(diagnosis.Report) (diagnosis.Report, error)
}

// run examines subjects, a few at once, and returns the reports in their order.
// Once ctx has ended no further one is begun: skipped counts those.
func (r round) run(ctx context.Context, subjects []subject) (reports []diagnosis.Report, skipped int, err error) {
	all := make([]*diagnosis.Report, len(subjects))
	turn := inTurn{all: all, done: make([]bool, len(subjects)), each: r.each}
	var group errgroup.Group
	group.SetLimit(maxExaminations)
	for i, s := range subjects {
		group.Go(func() error {
			defer turn.pass(i)
			if len(subjects) > 1 && (ctx.Err() != nil || turn.broken()) {
				return nil
			}
			limited, cancel := context.WithTimeout(ctx, r.timeout)
			defer cancel()
			report := r.examiner.examine(limited, s, r.checks.run, r.progress.observe)
			r.policies.answer(&report)
			report.Results = r.checks.relevant(report.Results)
			r.progress.finish()
			all[i] = &report
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	for _, report := range all {
		if report == nil {
			skipped++
			continue
		}
		reports = append(reports, *report)
	}
	return reports, skipped, turn.err
}

// inTurn hands over reports in their order.
type inTurn struct {
	each func(diagnosis.Report) (diagnosis.Report, error)

	mu   sync.Mutex
	all  []*diagnosis.Report // nil for a subject that was skipped
	done []bool
	next int
	err  error
}

// broken reports whether there was an error.
func (t *inTurn) broken() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err != nil
}

// pass says that the i-th is done, and hands over those whose turn it is.
func (t *inTurn) pass(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[i] = true
	for ; t.next < len(t.all) && t.done[t.next]; t.next++ {
		report := t.all[t.next]
		if report == nil || t.each == nil || t.err != nil {
			continue
		}
		*report, t.err = t.each(*report)
	}
}
