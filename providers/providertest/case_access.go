package providertest

import (
	"context"
	"errors"
	"strings"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// access are the cases of who may do what, and where.
func access() []Case {
	return []Case{
		{Name: "permission denied", run: denied},
		{Name: "zone not found", run: func(s *stage) {
			for _, domain := range []string{"nowhere.invalid.", "not" + s.zone, record.Parent(s.zone)} {
				to, err := s.service.Open(s.ctx, domain)
				if !errors.Is(err, providers.ErrNoZone) {
					s.Errorf("Open(%s): %v, %v, want ErrNoZone", domain, to, err)
				}
				s.watch(err)
			}
		}},
		{Name: "the zone of a domain below it", run: func(s *stage) {
			for _, domain := range []string{s.zone, strings.TrimSuffix(s.zone, "."), strings.ToUpper(s.zone), "a.b.mail." + s.zone, "deep.empty." + s.zone} {
				if to, err := s.service.Open(s.ctx, domain); err != nil || to.Zone() != s.zone {
					s.Errorf("Open(%s): %v, want the zone %s", domain, err, s.zone)
				}
			}
			s.to = s.provider("below.mail." + s.zone)
			s.carry(s.set("below.mail", "TXT", "v=spf1", 600, "v=spf1 -all"))
		}},
		{Name: "a plan for another zone", run: func(s *stage) {
			p := s.plan(s.some()...)
			p.Zone = "example.net."
			_, err := s.apply(p)
			s.unwritten("Apply", err, s.before)
			s.unwritten("Write", s.to.Write(s.ctx, p), s.before)
		}},
		{Name: "a plan that leaves its zone", run: func(s *stage) {
			p := s.plan(s.set("new", "TXT", "", 600, "x"))
			c := &p.Changes[0]
			c.Slot.Name, c.After[0].Name = "new.example.net.", "new.example.net."
			for i := range p.Basis {
				p.Basis[i].Name = c.Slot.Name
			}
			s.unwritten("Write", s.to.Write(s.ctx, p), s.before)
		}},
		{Name: "cancelled before the write", run: func(s *stage) {
			p := s.plan(s.some()...)
			ctx, cancel := context.WithCancel(s.ctx)
			_, err := s.applyBy(ctx, s.to, p, cancel)
			s.unwritten("Apply", err, s.before)
			s.unwritten("Write", s.to.Write(ctx, p), s.before)
			if _, err := s.applyBy(ctx, s.to, p, nil); !errors.Is(err, context.Canceled) {
				s.Errorf("Apply: %v, want that it was cancelled", err)
			}
			if _, err := s.service.Open(ctx, s.zone); errors.Is(err, providers.ErrNoZone) || errors.Is(err, providers.ErrDenied) {
				s.Errorf("Open: %v, and nobody said so", err)
			}
		}},
	}
}

func denied(s *stage) {
	p := s.plan(s.some()...)
	to, err := s.service.Denied(s.ctx, s.zone)
	if err == nil {
		if _, err = to.Read(s.ctx, []string{s.zone}); err == nil {
			_, err = s.applyBy(s.ctx, watched{to, s}, p, nil)
		}
	}
	s.watch(err)
	s.unwritten("denied", err, s.before)
	if !errors.Is(err, providers.ErrDenied) {
		s.Errorf("%v, want ErrDenied", err)
	}
	if errors.Is(err, providers.ErrNoZone) {
		s.Errorf("%v: the zone is there", err)
	}
}

// watch looks at an error that did not come by the provider of the stage.
func (s *stage) watch(err error) {
	if err != nil {
		s.clean("the error", err.Error())
	}
}
