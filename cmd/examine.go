package cmd

import (
	"context"
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
}

// run examines subjects, a few at once, and returns the reports in their order.
// Once ctx has ended no further one is begun: skipped counts those.
func (r round) run(ctx context.Context, subjects []subject) (reports []diagnosis.Report, skipped int) {
	all := make([]*diagnosis.Report, len(subjects))
	var group errgroup.Group
	group.SetLimit(maxExaminations)
	for i, s := range subjects {
		group.Go(func() error {
			if ctx.Err() != nil && len(subjects) > 1 {
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
	return reports, skipped
}
