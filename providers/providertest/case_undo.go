package providertest

import (
	"bytes"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// histories are the cases of plans that follow each other.
func histories() []Case {
	return []Case{
		{Name: "applied twice", run: func(s *stage) {
			p := s.carry(s.some()...)
			outcome, err := s.apply(p)
			if err != nil || len(outcome.Already) != len(p.Changes) {
				s.Errorf("Apply: %v\n%s", err, told(outcome))
			}
			s.holds(p.Apply(s.before))
		}},
		{Name: "an empty plan", run: func(s *stage) {
			outcome, err := s.apply(plan.Plan{Zone: s.zone})
			s.whole(outcome, err, plan.Plan{})
			s.holds(s.before)
		}},
		{Name: "undo", run: func(s *stage) {
			s.carry(s.some()...)
			s.undo(s.kept[0])
		}},
		{Name: "undo of many changes", run: func(s *stage) {
			s.carry(append(many(s), s.some()...)...)
			s.undo(s.kept[0])
		}},
		{Name: "undo of what was cut off", run: func(s *stage) {
			p := s.plan(s.some()...)
			s.service.Break(s.T, Lost)
			outcome, err := s.apply(p)
			s.truthful(Lost, p, outcome, err)
			s.undo(s.kept[0])
		}},
		{Name: "undo beside somebody else's change", run: func(s *stage) {
			s.carry(s.some()...)
			foreign := s.set("@", "TXT", "other-verification=1", 3600, "other-verification=1")
			s.service.Change(s.T, foreign)
			s.before = append(s.before, foreign.Want...)
			s.undo(s.kept[0])
		}},
	}
}

// undo takes back a plan by its snapshot, as it comes out of a file: then the
// zone is as it was.
func (s *stage) undo(snapshot plan.Snapshot) {
	s.Helper()
	var file bytes.Buffer
	if err := snapshot.Write(&file); err != nil {
		s.Fatal(err)
	}
	snapshot, err := plan.ReadSnapshot(&file)
	if err != nil {
		s.Fatal(err)
	}
	var edits []record.Edit
	for _, w := range snapshot.Undo() {
		edits = append(edits, w.Edit)
	}
	p := s.plan(edits...)
	outcome, err := s.apply(p)
	s.whole(outcome, err, p)
	s.holds(s.before)
}
