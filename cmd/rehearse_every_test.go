package cmd

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A wholeZone is a zone of a world, as who holds it knows it.
type wholeZone struct {
	zone string
	all  []record.Record
}

func (z wholeZone) records(context.Context, []plan.Wish) ([]record.Record, error) { return z.all, nil }
func (z wholeZone) given() plan.Given                                             { return plan.Given{Zone: z.zone, TTLs: true} }
func (z wholeZone) String() string                                                { return "the zone" }

// wholeZoneOf is the zone in which the domain of a scenario is.
func wholeZoneOf(t *testing.T, p *player) wholeZone {
	t.Helper()
	zone, err := zoneOf(context.Background(), resolve.NewZone(p.world.Records), p.subject.domain)
	if err != nil {
		t.Fatal(err)
	}
	return wholeZone{zone, p.world.Records}
}

// TestPlanOfEveryScenario plans the cures of each scenario in its zone and
// publishes them there: then there is nothing left to plan, by who holds the zone
// and by the DNS, what was cured is not found again, and every other record is as
// it was.
func TestPlanOfEveryScenario(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	const whole = 24 // of so many one is examined by all checks, not those of its topic
	ran, planned := 0, 0
	for i, file := range files {
		if raced && i%4 != 0 { // the race detector makes it many times as long
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			ran++
			synctest.Test(t, func(t *testing.T) {
				p := planOf(t, name)
				s := p.world.(*player).scenario
				fails := func(line string) bool { return strings.HasPrefix(line, "fail ") }
				if p.domain == "" || s.Recorded() || !slices.ContainsFunc(s.Expect, fails) {
					return // nothing to cure
				}
				if i%whole != 0 {
					p.concerning(checks.TopicOf(name))
				}
				if settles(t, p) {
					planned++
				}
			})
		})
	}
	if ran == len(files) && planned < ran/10 {
		t.Errorf("only %d of %d scenarios have something to plan", planned, ran)
	}
	t.Logf("%d of %d scenarios have something to plan", planned, len(files))
}

// concerning leaves the checks of a topic, if there is one of this name.
func (p *planning) concerning(topic string) {
	if list, err := checks.Select(p.all, []string{topic}, nil); err == nil {
		p.all = list
	}
}

// settles reports whether there was something to plan.
func settles(t *testing.T, p planning) bool {
	world := p.world.(*player)
	before := wholeZoneOf(t, world)
	p.there = func(context.Context, stage) (zoneReader, error) { return before, nil }
	first, err := p.rehearsed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if first.Plan.Empty() {
		return false
	}
	world.scenario.Records = first.Plan.Apply(before.all)
	world.world = world.scenario.PlayUnder(world.world.CA)
	after := wholeZoneOf(t, world)
	p.there = func(context.Context, stage) (zoneReader, error) { return after, nil }
	second, err := p.rehearsed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range second.Plan.Changes {
		t.Errorf("a second plan is not empty: %s, %q becomes %q, wanted by %v: %v", plan.Title(c.Slot), c.Before, c.After, c.From, c.Reasons)
	}
	for _, s := range first.Rehearsal.Gone {
		if s.Finding.Severity > diagnosis.Advice && found(second.Rehearsal.Before, s) {
			t.Errorf("%s is found again: %s", s.Check, s.Finding.Message)
		}
	}
	return true
}

// found reports whether a report has a finding again.
func found(r diagnosis.Report, s plan.Shift) bool {
	for _, result := range r.Results {
		for _, f := range result.Findings {
			if result.Rule.ID == s.Check && f.Subject == s.Finding.Subject && f.Severity >= s.Finding.Severity {
				return true
			}
		}
	}
	return false
}
