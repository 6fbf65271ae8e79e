package providertest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// stales are the cases in which somebody else changes the zone.
func stales() []Case {
	return []Case{
		{Name: "stale: the slot changed", run: func(s *stage) {
			s.outdated("@", "TXT", s.set("@", "TXT", "v=spf1", 3600, "v=spf1 ip4:192.0.2.1 -all"))
		}},
		{Name: "stale: a neighbour came", run: func(s *stage) {
			s.outdated("@", "TXT", s.set("@", "TXT", "other-verification=1", 3600, "other-verification=1"))
		}},
		{Name: "stale: a neighbour went", run: func(s *stage) {
			s.outdated("@", "TXT", s.set("@", "TXT", `verify="a \ b"`, 0))
		}},
		{Name: "stale: the slot went", run: func(s *stage) {
			s.outdated("_dmarc", "TXT", s.set("_dmarc", "TXT", "", 0))
		}},
		{Name: "stale: an alias came", run: func(s *stage) {
			s.outdated("s2._domainkey", "CNAME", s.set("s2._domainkey", "CNAME", "", 3600, "s2.dkim.example.net."))
		}},
		{Name: "stale: records came to a new name", run: func(s *stage) {
			s.outdated("s2._domainkey", "TXT", s.set("s2._domainkey", "TXT", "", 3600, "v=DKIM1; p=somebody"))
		}},
		{Name: "another set may change", run: func(s *stage) {
			p := s.plan(s.some()...)
			s.service.Change(s.T, s.set("@", "A", "", 3600, "192.0.2.11"), s.set("elsewhere", "TXT", "", 3600, "x"))
			before := s.service.Records(s.T)
			outcome, err := s.apply(p)
			s.whole(outcome, err, p)
			s.holds(p.Apply(before))
		}},
		{Name: "two writers at other names lose nothing", run: func(s *stage) { s.writers("a.writers", "b.writers") }},
		{Name: "the same plan by two at once", run: twins},
		{Name: "two writers lose nothing", Unless: noCompare, run: func(s *stage) { s.writers("@", "@") }},
		{Name: "somebody else loses nothing", Unless: noCompare, run: crowd},
		{Name: "one answer at every moment", run: moments},
	}
}

func noCompare(t providers.Traits) string {
	if !t.Compare {
		return "the provider cannot compare and write in one transaction"
	}
	return ""
}

// outdated holds that a plan is refused after a change that made a set another:
// by Apply, where it came between Apply's reading and writing, and by Write alone.
func (s *stage) outdated(name, typ string, change record.Edit) {
	s.Helper()
	p := s.plan(s.some()...)
	var changed []record.Record
	_, err := s.applyBy(s.ctx, s.to, p, func() {
		s.service.Change(s.T, change)
		changed = s.service.Records(s.T)
	})
	s.stale("changed before Write", err, name, typ, changed)
	_, err = s.apply(p)
	s.stale("changed before Apply", err, name, typ, changed)
	s.stale("Write alone", s.to.Write(s.ctx, p), name, typ, changed)
	if s.Failed() {
		return
	}
	// A plan that is made anew can be carried out.
	again, conflicts := s.draft(s.to, s.some()...)
	outcome, err := s.apply(again)
	if len(conflicts) == 0 {
		s.whole(outcome, err, again)
	}
	s.holds(again.Apply(changed))
}

// keepTrying plans and applies an edit until nobody comes between.
func (s *stage) keepTrying(to providers.Provider, e record.Edit) error {
	for range 200 {
		reading, err := to.Read(s.ctx, []string{e.Slot.Name})
		if err != nil {
			return err
		}
		p, conflicts := plan.Make(reading.Records, []plan.Wish{{Edit: e}}, reading.Given(to))
		if len(conflicts) > 0 {
			return errors.New(conflicts[0].Why)
		}
		_, err = providers.Apply(s.ctx, to, p, providers.Options{Now: time.Now, Keep: func(plan.Snapshot) error { return nil }})
		var stale *providers.StaleError
		if !errors.As(err, &stale) {
			return err
		}
	}
	return errors.New("200 times stale")
}

// writers add texts at two names at once.
func (s *stage) writers(names ...string) {
	const each = 4
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	want := slices.Clone(s.before)
	for i, name := range names {
		to := s.provider(s.zone)
		var edits []record.Edit
		for j := range each {
			text := fmt.Sprintf("writer-%d-%d=yes", i, j)
			edits = append(edits, s.set(name, "TXT", text, 3600, text))
			want = append(want, s.rr(name, "TXT", 3600, text))
		}
		wg.Go(func() {
			for _, e := range edits {
				errs[i] = errors.Join(errs[i], s.keepTrying(to, e))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		s.Error(err)
	}
	s.holds(want)
}

// twins apply one plan at once. Either may be told anything; the next run has it
// done, and nothing is there twice.
func twins(s *stage) {
	p := s.plan(s.some()...)
	var wg sync.WaitGroup
	for range 2 {
		to := s.provider(s.zone)
		wg.Go(func() {
			o, err := providers.Apply(s.ctx, to, p, providers.Options{Now: time.Now, Keep: func(plan.Snapshot) error { return nil }})
			if err == nil && len(o.Left) > 0 {
				s.Errorf("no error, though something is left:\n%s", told(o))
			}
		})
	}
	wg.Wait()
	s.finish(p)
}

// crowd is somebody who adds texts to a set while the provider replaces one of
// them: at once when it begins, and later and later.
func crowd(s *stage) {
	const times = 8
	begins, done := make(chan struct{}), make(chan error, 1)
	go func() {
		var failed error
		for i := range times {
			begins <- struct{}{}
			failed = errors.Join(failed, s.keepTrying(s.to, s.spf(fmt.Sprintf("v=spf1 ip4:192.0.2.%d -all", i))))
		}
		done <- failed
	}()
	want := slices.Clone(s.before)
	for i := range times {
		<-begins
		for range 2 * i {
			s.service.Records(s.T)
		}
		text := fmt.Sprintf("somebody-%d=yes", i)
		s.service.Change(s.T, s.set("@", "TXT", text, 3600, text))
		want = append(want, s.rr("@", "TXT", 3600, text))
	}
	if err := <-done; err != nil {
		s.Error(err)
	}
	last := plan.Plan{Changes: []plan.Change{{Slot: record.SPF(s.zone), After: []record.Record{s.rr("@", "TXT", 3600, "v=spf1 ip4:192.0.2.7 -all")}}}}
	s.holds(last.Apply(want))
}

// moments looks at the zone while its SPF record is replaced: there is always one.
func moments(s *stage) {
	looked, done := make(chan struct{}), make(chan error, 1)
	go func() {
		var failed error
		for i := range 6 {
			<-looked // so that there is somebody who looks
			failed = errors.Join(failed, s.keepTrying(s.to, s.spf(fmt.Sprintf("v=spf1 ip4:192.0.2.%d -all", i))))
		}
		done <- failed
	}()
	for {
		var spf []record.Record
		for _, r := range s.service.Records(s.T) {
			if record.SPF(s.zone).Holds(r) {
				spf = append(spf, r)
			}
		}
		if len(spf) != 1 {
			s.Errorf("%d SPF records: %v", len(spf), lines(spf))
		}
		select {
		case looked <- struct{}{}:
		case err := <-done:
			if err != nil {
				s.Error(err)
			}
			return
		default:
		}
	}
}
