package suite_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// roundTrip is how long the lab's name server takes for each question.
const roundTrip = 20 * time.Millisecond

// wholeDepth is the round trips of an examination with SMTP and HTTPS: at most
// four questions; a question and an HTTPS fetch (connect, TLS, request); two
// questions and six exchanges of SMTP (greeting, EHLO, STARTTLS, TLS, EHLO,
// recipients).
const wholeDepth = max(4, 1+3, 2+6)

// A chain is a scenario and the length of its longest chain of questions.
type chain struct {
	scenario string
	depth    int
}

var depths = []chain{
	{"healthy", 4},        // MX, A, PTR, A
	{"bench.deep-spf", 6}, // SPF and five includes in a chain
}

// BenchmarkExamination is one full examination over real sockets, at 20 ms per
// question, of a domain without SMTP and, as whole, of one with all its hosts a
// round trip of 20 ms away. Depth is the longest chain of round trips of which
// each needs the one before; x-depth is the time in units of depth times 20 ms,
// and shall be at most 1.25 without SMTP, 1.3 with it.
func BenchmarkExamination(b *testing.B) {
	for _, bench := range depths {
		b.Run(bench.scenario, func(b *testing.B) { benchmark(b, bench.scenario, bench.depth, false) })
	}
	b.Run("whole", func(b *testing.B) { benchmark(b, "healthy", wholeDepth, true) })
}

func benchmark(b *testing.B, name string, depth int, whole bool) {
	s, err := scenario.Load(os.DirFS(scenarios), name+".txtar")
	if err != nil {
		b.Fatal(err)
	}
	s.NoSMTP, s.Want.RelayTest, s.Want.Intrusive = !whole, false, false
	s.Faults = append(s.Faults, resolve.Fault{Type: "*", Name: "*", Delay: roundTrip})
	world, err := lab.Start(s)
	if err != nil {
		b.Fatal(err)
	}
	defer world.Close()
	dial := world.Dial
	if whole {
		dial = distant(dial)
	}
	var asked int
	for b.Loop() {
		asked = once(b, world, dial)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/(float64(depth)*roundTrip.Seconds()), "x-depth")
	b.ReportMetric(float64(asked), "questions/op")
}

// once examines with a new client and an empty memo, and returns the questions
// asked.
func once(b *testing.B, world *lab.Lab, dial scenario.Dial) int {
	client, err := world.Client(resolve.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	count := &asked{next: client, times: make(map[resolve.Question]int)}
	env := world.EnvOver(b.Context(), count, dial)
	var leaving sync.WaitGroup
	if prober, ok := env.SMTP.(*probe.Prober); ok {
		prober.Later = leaving.Go
	}
	results := checks.Run(b.Context(), env, suite.All(), nil)
	if len(results) != len(checks.About(env.Subject(), suite.All())) {
		b.Fatalf("%d results", len(results))
	}
	b.StopTimer()
	leaving.Wait()
	b.StartTimer()
	return len(count.times)
}
