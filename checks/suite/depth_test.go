package suite_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestDepth holds examinations to their critical depth: the longest chain of
// questions of which each needs the answer of the one before. Time is that of a
// bubble, so that every question takes 20 ms and nothing else takes any; what a
// machine adds to that is BenchmarkExamination's to tell.
func TestDepth(t *testing.T) {
	address := chain{"address.v4", 2} // PTR, A; a test entry of a list, the address
	for _, tt := range append(slices.Clone(depths), address) {
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

// TestFullDepth holds an examination by DNS, SMTP and HTTPS of a domain in good
// order to 1.3 times the longest of its chains, each a round trip of 20 ms: four
// questions; a question and an HTTPS fetch (connect, TLS, request); two questions
// and six exchanges of SMTP (greeting, EHLO, STARTTLS, TLS, EHLO, recipients).
func TestFullDepth(t *testing.T) {
	const most = wholeDepth * roundTrip * 13 / 10
	synctest.Test(t, func(t *testing.T) {
		world := load(t, "healthy.txtar")
		world.Want.RelayTest, world.Want.Intrusive = false, false // as without consent
		world.Faults = append(world.Faults, resolve.Fault{Type: "*", Name: "*", Delay: roundTrip})
		times := make(map[string]time.Duration)
		start := time.Now()
		env := world.EnvOver(t.Context(), world.DNS(), distant(world.Dial))
		var leaving sync.WaitGroup
		env.SMTP.(*probe.Prober).Later = leaving.Go
		defer leaving.Wait()
		checks.Run(t.Context(), env, suite.All(), func(r diagnosis.Result) { times[r.Rule.ID] = time.Since(start) })
		if took := time.Since(start); took > most {
			t.Errorf("took %v, want at most %v; late:", took, most)
			for id, at := range times {
				if at > most {
					t.Errorf("  after %v: %s", at, id)
				}
			}
		}
		t.Logf("took %v", time.Since(start))
	})
}

// distant is dial to hosts that are a round trip away.
func distant(dial scenario.Dial) scenario.Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		time.Sleep(roundTrip) // the world is that far
		conn, err := dial(ctx, network, address)
		return &far{Conn: conn, waiting: true}, err
	}
}

// A far connection answers a round trip after it was spoken to.
type far struct {
	net.Conn
	waiting bool
}

func (f *far) Write(p []byte) (int, error) {
	f.waiting = true
	return f.Conn.Write(p)
}

func (f *far) Read(p []byte) (int, error) {
	if f.waiting {
		f.waiting = false
		time.Sleep(roundTrip)
	}
	return f.Conn.Read(p)
}
