package cmd

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/resolve"
)

// maxExaminations is how many domains are examined at once.
const maxExaminations = 4

// An examiner examines domains (canonical) by the checks in list.
type examiner interface {
	examine(ctx context.Context, domain string, list []*checks.Check, observe func(diagnosis.Result)) diagnosis.Report
	// asked sums up the questions that it sent to DNS servers, and tells each if
	// it keeps them.
	asked() (resolve.Stats, []resolve.Event)
	close()
}

// A round is one examination of several domains.
type round struct {
	examiner examiner
	checks   selection
	timeout  time.Duration // for each domain
	progress *progress
	policies receivers
}

// run examines domains, a few at once, and returns the reports in their order.
// Once ctx has ended no further domain is begun: skipped counts those.
func (r round) run(ctx context.Context, domains []string) (reports []diagnosis.Report, skipped int) {
	all := make([]*diagnosis.Report, len(domains))
	var group errgroup.Group
	group.SetLimit(maxExaminations)
	for i, domain := range domains {
		group.Go(func() error {
			if ctx.Err() != nil && len(domains) > 1 {
				return nil
			}
			limited, cancel := context.WithTimeout(ctx, r.timeout)
			defer cancel()
			report := r.examiner.examine(limited, domain, r.checks.run, r.progress.observe)
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
