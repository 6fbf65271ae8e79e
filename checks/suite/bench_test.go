package suite_test

import (
	"os"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// roundTrip is how long the lab's name server takes for each question.
const roundTrip = 20 * time.Millisecond

// depths is scenarios and the length of their longest chain of questions.
var depths = []struct {
	scenario string
	depth    int
}{
	{"healthy", 4},        // MX, A, PTR, A
	{"bench.deep-spf", 6}, // SPF and five includes in a chain
}

// BenchmarkExamination is one full examination over real sockets, of a domain
// without SMTP, at 20 ms per question. Depth is the longest chain of questions
// of which each needs the answer of the one before; x-depth is the time in units
// of depth times 20 ms, and shall be at most 1.25.
func BenchmarkExamination(b *testing.B) {
	for _, bench := range depths {
		b.Run(bench.scenario, func(b *testing.B) {
			s, err := scenario.Load(os.DirFS(scenarios), bench.scenario+".txtar")
			if err != nil {
				b.Fatal(err)
			}
			s.NoSMTP = true
			s.Faults = append(s.Faults, resolve.Fault{Type: "*", Name: "*", Delay: roundTrip})
			world, err := lab.Start(s)
			if err != nil {
				b.Fatal(err)
			}
			defer world.Close()
			var asked int
			for b.Loop() {
				asked = once(b, world)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/(float64(bench.depth)*roundTrip.Seconds()), "x-depth")
			b.ReportMetric(float64(asked), "questions/op")
		})
	}
}

// once examines with a new client and an empty memo, and returns the questions
// asked.
func once(b *testing.B, world *lab.Lab) int {
	client, err := world.Client(resolve.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	count := &asked{next: client, times: make(map[resolve.Question]int)}
	results := checks.Run(b.Context(), world.Env(b.Context(), count), suite.All(), nil)
	if len(results) != len(suite.All()) {
		b.Fatalf("%d results", len(results))
	}
	return len(count.times)
}
