package checks_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
)

func check(id string, run func(context.Context, *checks.Env) (diagnosis.Verdict, error), needs ...*checks.Check) *checks.Check {
	return &checks.Check{Rule: diagnosis.Rule{ID: id, Severity: diagnosis.Warning}, Needs: needs, Run: run}
}

func ends(v diagnosis.Verdict, err error) func(context.Context, *checks.Env) (diagnosis.Verdict, error) {
	return func(context.Context, *checks.Env) (diagnosis.Verdict, error) { return v, err }
}

func fails(subject string) diagnosis.Verdict {
	return diagnosis.Verdict{Findings: []diagnosis.Finding{{Subject: subject, Severity: diagnosis.Critical}}}
}

func env() *checks.Env { return &checks.Env{Domain: "example.org.", Now: time.Now} }

func TestConsequences(t *testing.T) {
	var (
		pass    = check("t.pass", ends(diagnosis.Verdict{}, nil))
		fail    = check("t.fail", ends(fails("example.org"), nil))
		unknown = check("t.unknown", ends(diagnosis.Verdict{}, errors.New("no answer")))
		skip    = check("t.skip", ends(diagnosis.Verdict{Skip: "does not apply"}, nil))
		folded  = check("t.folded", ends(diagnosis.Verdict{}, nil), fail)
	)
	tests := []struct {
		name    string
		check   *checks.Check
		outcome diagnosis.Outcome
		cause   string
	}{
		{"a pass stands", check("a.a", ends(diagnosis.Verdict{}, nil), pass), diagnosis.Passed, ""},
		{"a failed need skips a pass", check("a.b", ends(diagnosis.Verdict{}, nil), fail), diagnosis.Skipped, "t.fail"},
		{"a failed need skips the same subject's finding", check("a.c", ends(fails("example.org"), nil), fail), diagnosis.Skipped, "t.fail"},
		{"another subject's finding stands", check("a.d", ends(fails("mx1"), nil), fail), diagnosis.Failed, ""},
		{"each cause takes its own", check("a.j", ends(fails("mx1"), nil), fail, check("t.mx1", ends(fails("mx1"), nil))), diagnosis.Skipped, "t.mx1"},
		{"a host's failure leaves a pass about the others", check("a.l", ends(diagnosis.Verdict{Seen: []diagnosis.Evidence{{Question: "mx2", Answer: "fine"}}}, nil), check("t.mx1", ends(fails("mx1"), nil))), diagnosis.Passed, ""},
		{"a pass that saw nothing goes with it", check("a.m", ends(diagnosis.Verdict{}, nil), check("t.mx1", ends(fails("mx1"), nil))), diagnosis.Skipped, "t.mx1"},
		{"a record's failure is the domain's", check("a.n", ends(diagnosis.Verdict{Seen: []diagnosis.Evidence{{}}}, nil), check("t.dmarc", ends(fails("_dmarc.example.org"), nil))), diagnosis.Skipped, "t.dmarc"},
		{"the root cause is named", check("a.e", ends(fails("example.org"), nil), folded), diagnosis.Skipped, "t.fail"},
		{"an unknown need makes unknown", check("a.f", ends(diagnosis.Verdict{}, nil), unknown), diagnosis.Unknown, "t.unknown"},
		{"a doubt about a subject takes its findings", check("a.k", ends(fails("mx1"), nil), check("t.doubt", ends(diagnosis.Verdict{Doubts: []diagnosis.Doubt{{Subject: "mx1", Reason: "no answer"}}}, nil))), diagnosis.Unknown, "t.doubt"},
		{"a doubt about another does not refute a finding", check("a.g", ends(fails("example.org"), nil), unknown), diagnosis.Failed, ""},
		{"what does not apply takes its consequences along", check("a.h", ends(diagnosis.Verdict{}, nil), skip), diagnosis.Skipped, ""},
		{"failed goes before unknown", check("a.i", ends(diagnosis.Verdict{}, nil), unknown, fail), diagnosis.Skipped, "t.fail"},
		{"a finding that is alone explains nothing", check("a.o", ends(diagnosis.Verdict{}, nil), check("t.alone", ends(diagnosis.Verdict{Findings: []diagnosis.Finding{{Subject: "example.org", Alone: true}}}, nil))), diagnosis.Passed, ""},
		{"nor does a doubt", check("a.p", ends(diagnosis.Verdict{}, nil), check("t.alone", ends(diagnosis.Verdict{Doubts: []diagnosis.Doubt{{Subject: "mx1", Alone: true}}}, nil))), diagnosis.Passed, ""},
		{"beside one that does", check("a.q", ends(fails("example.org"), nil), check("t.alone", ends(diagnosis.Verdict{Doubts: []diagnosis.Doubt{{Subject: "mx1", Alone: true}, {Subject: "example.org", Reason: "no answer"}}}, nil))), diagnosis.Unknown, "t.alone"},
		{"an error is unknown", unknown, diagnosis.Unknown, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			results := checks.Run(t.Context(), env(), []*checks.Check{tt.check}, nil)
			if len(results) != 1 {
				t.Fatalf("%d results, want that of the one check asked for", len(results))
			}
			if r := results[0]; r.Outcome != tt.outcome || r.Cause != tt.cause {
				t.Errorf("outcome %v because of %q, want %v because of %q", r.Outcome, r.Cause, tt.outcome, tt.cause)
			}
		})
	}
}

// TestSubjects: a check runs for what it judges, and a need that does not judge
// that explains nothing.
func TestSubjects(t *testing.T) {
	domain := check("t.domain", ends(fails("192.0.2.25"), nil))
	both := check("t.both", ends(fails("192.0.2.25"), nil), domain)
	both.Of = checks.Domains | checks.Addresses
	address := check("t.address", ends(diagnosis.Verdict{}, nil))
	address.Of = checks.Addresses
	all := []*checks.Check{domain, both, address}
	for name, want := range map[string]string{
		"example.org.": "t.domain failed, t.both skipped",
		"":             "t.both failed, t.address passed",
	} {
		var got []string
		for _, r := range checks.Run(t.Context(), &checks.Env{Domain: name, Now: time.Now}, all, nil) {
			got = append(got, r.Rule.ID+" "+r.Outcome.String())
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("domain %q: %s, want %s", name, got, want)
		}
	}
}

func TestPanicIsUnknown(t *testing.T) {
	broken := check("t.broken", func(context.Context, *checks.Env) (diagnosis.Verdict, error) { panic("oh") })
	r := checks.Run(t.Context(), env(), []*checks.Check{broken}, nil)[0]
	if r.Outcome != diagnosis.Unknown || !strings.Contains(r.Reason, "t.broken") {
		t.Errorf("got %v, %q", r.Outcome, r.Reason)
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		deaf := check("t.deaf", func(context.Context, *checks.Env) (diagnosis.Verdict, error) {
			<-release
			return diagnosis.Verdict{}, nil
		})
		polite := check("t.polite", func(ctx context.Context, _ *checks.Env) (diagnosis.Verdict, error) {
			<-ctx.Done()
			return diagnosis.Verdict{}, ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		results := checks.Run(ctx, env(), []*checks.Check{deaf, polite}, nil)
		if took := time.Since(start); took > time.Minute+2*time.Second {
			t.Errorf("took %v", took)
		}
		for _, r := range results {
			if r.Outcome != diagnosis.Unknown || !strings.Contains(r.Reason, "ended before") {
				t.Errorf("%s: %v, %q", r.Rule.ID, r.Outcome, r.Reason)
			}
		}
	})
}

func TestFactIsGatheredOnceUnderTheRunsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gathered atomic.Int32
		fact := checks.NewFact("the answer", func(ctx context.Context, _ *checks.Env) (int, error) {
			gathered.Add(1)
			select {
			case <-time.After(time.Second):
				return 42, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		})
		hasty := check("t.hasty", func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			_, err := fact.Of(ctx, env)
			return diagnosis.Verdict{}, err
		})
		patient := check("t.patient", func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
			n, err := fact.Of(ctx, env)
			if n != 42 {
				t.Errorf("got %d, %v", n, err)
			}
			return diagnosis.Verdict{}, err
		})
		results := checks.Run(t.Context(), env(), []*checks.Check{hasty, patient}, nil)
		if results[0].Outcome != diagnosis.Unknown || results[1].Outcome != diagnosis.Passed {
			t.Errorf("hasty %v, patient %v", results[0].Outcome, results[1].Outcome)
		}
		if n := gathered.Load(); n != 1 {
			t.Errorf("gathered %d times", n)
		}
	})
}

func TestFactThatPanics(t *testing.T) {
	fact := checks.NewFact("nonsense", func(context.Context, *checks.Env) (int, error) { panic("oh") })
	if _, err := fact.Of(t.Context(), env()); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v, want an error that names the fact", err)
	}
}

func TestSelect(t *testing.T) {
	one, two, three := check("spf.exists", nil), check("spf.lookup-limit", nil), check("mx.exists", nil)
	all := []*checks.Check{one, two, three}
	tests := []struct {
		only, skip []string
		want       string // IDs, or the error
	}{
		{nil, nil, "spf.exists spf.lookup-limit mx.exists"},
		{[]string{"spf"}, nil, "spf.exists spf.lookup-limit"},
		{[]string{"spf"}, []string{"spf.exists"}, "spf.lookup-limit"},
		{nil, []string{"spf"}, "mx.exists"},
		{[]string{"spf.lookups"}, nil, `no check "spf.lookups"; did you mean spf.lookup-limit?`},
		{[]string{"sfp"}, nil, `no check "sfp"; did you mean spf?`},
		{[]string{"quantum-flux"}, nil, "no check \"quantum-flux\"; `maildoctor checks` lists them"},
		{[]string{"mx"}, []string{"mx"}, "nothing is left to check: --skip takes away all that --only names"},
	}
	for _, tt := range tests {
		list, err := checks.Select(all, tt.only, tt.skip)
		var ids []string
		for _, c := range list {
			ids = append(ids, c.ID)
		}
		got := strings.Join(ids, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("only %v skip %v: %q, want %q", tt.only, tt.skip, got, tt.want)
		}
	}
}

func TestTopicOrdersCausesFirst(t *testing.T) {
	var topic checks.Topic
	cause := topic.Add(check("t.zebra", nil))
	topic.Add(check("t.ant", nil, cause))
	topic.Add(check("t.bee", nil))
	var ids []string
	for _, c := range topic.All() {
		ids = append(ids, c.ID)
	}
	if got := strings.Join(ids, " "); got != "t.zebra t.ant t.bee" {
		t.Errorf("order %s", got)
	}
}
