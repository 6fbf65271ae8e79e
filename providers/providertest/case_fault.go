package providertest

import (
	"errors"
	"slices"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// faults are the cases in which a write fails.
func faults() []Case {
	var cases []Case
	for _, f := range []struct {
		name string
		how  Fault
	}{
		{"a write that is refused", Refused},
		{"a write whose answer is lost", Lost},
		{"a write that is cut off", Cut},
	} {
		cases = append(cases, Case{Name: f.name, run: func(s *stage) {
			p := s.plan(s.some()...)
			s.service.Break(s.T, f.how)
			outcome, err := s.apply(p)
			s.truthful(f.how, p, outcome, err)
			s.finish(p)
		}}, Case{Name: f.name + ", 250 changes", run: func(s *stage) {
			p := s.plan(append(s.some(), hundreds(s, "v=two")...)...)
			s.service.Break(s.T, f.how)
			outcome, err := s.apply(p)
			s.truthful(f.how, p, outcome, err)
			s.finish(p)
		}})
	}
	return append(cases, Case{Name: "fault after fault", run: func(s *stage) {
		p := s.plan(s.some()...)
		for _, how := range []Fault{Cut, Refused, Lost} {
			s.service.Break(s.T, how)
			outcome, err := s.apply(p)
			s.truthful(how, p, outcome, err)
		}
		s.finish(p)
	}})
}

// truthful holds an outcome against the zone.
func (s *stage) truthful(how Fault, p plan.Plan, o providers.Outcome, err error) {
	s.Helper()
	var stale *providers.StaleError
	switch {
	case errors.As(err, &stale):
		s.Fatalf("the plan is not stale: %v", err)
	case how != Lost && err == nil:
		s.Error("no error")
	case how != Lost && s.wrote == nil:
		s.Error("Write took what failed for a success")
	case how == Lost && err == nil && len(o.Left) > 0, o.Unread && err == nil:
		s.Error("no error, though not all is known to be done")
	}
	is := s.service.Records(s.T)
	left := 0
	for _, c := range p.Changes {
		var held []record.Record
		for _, r := range is {
			if c.Slot.Holds(r) {
				held = append(held, r)
			}
		}
		there := slices.Equal(bare(held), bare(c.After))
		isIn := func(list []plan.Change) bool {
			return slices.ContainsFunc(list, func(d plan.Change) bool { return d.Slot == c.Slot })
		}
		if !there {
			left++
		}
		if !o.Unread && (there != (isIn(o.Done) || isIn(o.Already)) || there == isIn(o.Left)) {
			s.Errorf("%s: it is %t that it is done, but Apply says\n%s", plan.Title(c.Slot), there, told(o))
		}
	}
	if how != Lost && left == 0 {
		s.Error("the Backend's fault did not keep the write from taking effect")
	}
	if s.to.Traits().Atomic && left != 0 && left != len(p.Changes) {
		s.Errorf("the provider is atomic, and left %d of %d changes", left, len(p.Changes))
	}
}

// finish applies a plan again: it does the rest, and nothing is there twice.
func (s *stage) finish(p plan.Plan) {
	s.Helper()
	outcome, err := s.apply(p)
	s.whole(outcome, err, p)
	s.holds(p.Apply(s.before))
	if outcome, err = s.apply(p); err != nil || len(outcome.Already) != len(p.Changes) {
		s.Errorf("a plan that is done: %v\n%s", err, told(outcome))
	}
}

// bare is records without TTLs, as they are compared.
func bare(records []record.Record) []string {
	records = slices.Clone(records)
	for i := range records {
		records[i].TTL = 0
	}
	return lines(records)
}
