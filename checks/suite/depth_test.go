package suite_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/resolve"
)

// TestDepth holds examinations to their critical depth: the longest chain of
// questions of which each needs the answer of the one before. Time is that of a
// bubble, so that every question takes 20 ms and nothing else takes any; what a
// machine adds to that is BenchmarkExamination's to tell.
func TestDepth(t *testing.T) {
	for _, tt := range depths {
		t.Run(tt.scenario, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := load(t, tt.scenario+".txtar")
				world.NoSMTP = true
				world.Faults = append(world.Faults, resolve.Fault{Type: "*", Name: "*", Delay: roundTrip})
				start := time.Now()
				asked := make(map[resolve.Question]time.Duration)
				ask := make(chan resolve.Question)
				done := make(chan struct{})
				go func() {
					defer close(done)
					for q := range ask {
						asked[q] = time.Since(start)
					}
				}()
				dns := world.DNS()
				watched := resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
					ask <- q
					return dns.Resolve(ctx, q)
				})
				checks.Run(t.Context(), world.EnvOver(t.Context(), watched, world.Dial), suite.All(), nil)
				took := time.Since(start)
				close(ask)
				<-done
				if took > time.Duration(tt.depth)*roundTrip {
					t.Errorf("took %v, %d questions in a chain take %v; asked late:", took, tt.depth, time.Duration(tt.depth)*roundTrip)
					for q, at := range asked {
						if at >= time.Duration(tt.depth)*roundTrip {
							t.Errorf("  after %v: %s", at, q)
						}
					}
				}
			})
		})
	}
}
