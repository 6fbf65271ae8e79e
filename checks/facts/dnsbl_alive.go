package facts

import (
	"context"
	"errors"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/resolve"
)

const (
	// maxListFlights bounds the questions that one operator of lists gets at once.
	maxListFlights = 20
	// listPatience is how long one list may take for one answer: a dead one must
	// not hold up the examination.
	listPatience = 5 * time.Second
)

// A listTester holds the tests of all lists, which run while others begin to ask.
type listTester struct {
	tests []*listTest
	gates map[string]chan struct{} // by operator
}

// A listTest is the test of one list for one family.
type listTest struct {
	zone   dnsbl.Zone
	family dnsbl.Family
	status dnsbl.Status // once done is closed
	done   chan struct{}
}

// listTests is the tests of all lists (RFC 5782, 5). They are known without the
// domain, so they are asked at once; the fact is there before they have ended.
var listTests = checks.NewFact("the tests of the blocklists", func(ctx context.Context, env *checks.Env) (*listTester, error) {
	l := &listTester{gates: make(map[string]chan struct{})}
	zones := dnsbl.Default()
	if env.Want.DQS {
		zones = dnsbl.Keyed()
	}
	for _, z := range zones {
		if l.gates[z.Operator] == nil {
			l.gates[z.Operator] = make(chan struct{}, maxListFlights)
		}
		for _, f := range z.Families.Each() {
			l.tests = append(l.tests, &listTest{zone: z, family: f, done: make(chan struct{})})
		}
	}
	for _, t := range l.tests {
		go func() {
			defer close(t.done)
			t.status = dnsbl.Alive(ctx, l.gate(env, t.zone), t.zone, t.family)
		}()
	}
	return l, nil
})

// wait reports whether the test has ended before ctx has.
func (t *listTest) wait(ctx context.Context) bool {
	select {
	case <-t.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// statuses waits for all tests, which end with the run if not before.
func (l *listTester) statuses() []dnsbl.Status {
	var list []dnsbl.Status
	for _, t := range l.tests {
		<-t.done
		list = append(list, t.status)
	}
	return list
}

// gate is the way to the zone: at most maxListFlights questions at once for its
// operator, and listPatience for each.
func (l *listTester) gate(env *checks.Env, z dnsbl.Zone) resolve.Resolver {
	gate := l.gates[z.Operator]
	return resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		select {
		case gate <- struct{}{}:
			defer func() { <-gate }()
		case <-ctx.Done():
			return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Canceled, Err: ctx.Err()}
		}
		patient, cancel := context.WithTimeout(ctx, listPatience)
		defer cancel()
		answer, err := env.DNS.Resolve(patient, q)
		if err != nil && errors.Is(patient.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			err = &resolve.Error{Question: q, Kind: resolve.Timeout, Detail: "no answer within " + listPatience.String(), Err: err}
		}
		return answer, err
	})
}
