package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/ledger"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/rotation"
)

// A rotating is one run of dkim rotate.
type rotating struct {
	*app
	rotateFlags
	domain   string
	kept     ledger.Ledger
	world    stage
	state    *rotation.State   // nil: none has begun
	settings *desired.Settings // of the domain in the file; nil where it has none
	entries  *rotation.File

	step    rotation.Step
	unasked string   // why the name servers could not be asked
	did     []string // what was done in this run
	carried map[rotation.Phase]bool
	reload  string // what a person has to do for it to take effect
}

func (a *app) dkimRotate(ctx context.Context, f rotateFlags, args []string) error {
	r, err := a.rotating(f, args)
	if err != nil {
		return err
	}
	world, err := a.live(ctx, liveOptions{resolvers: f.dns.resolvers, noSMTP: true, noHTTPS: true})
	if err != nil {
		return err
	}
	r.world = world.(stage)
	defer r.world.close()
	if err := r.started(ctx); err != nil || r.state == nil {
		return r.interrupted(ctx, err)
	}
	if r.state.Over() && !r.ordered() {
		r.step = rotation.Next(*r.state, rotation.Observation{File: r.entries}, r.clock())
		return r.print()
	}
	failed := r.order(ctx)
	if failed == nil {
		failed = r.run(ctx)
	}
	if r.step.Await == "" {
		return r.interrupted(ctx, failed)
	}
	return r.interrupted(ctx, errors.Join(r.print(), failed, r.verdict(failed)))
}

// interrupted is how the program ends with err, if somebody interrupted it.
func (r *rotating) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &codeError{exitInterrupted, errors.New("interrupted; the same command goes on where it was")}
	}
	return err
}

func (r *rotating) ordered() bool { return r.switched || r.back || r.abort }

// verdict is how the program ends where nothing failed.
func (r *rotating) verdict(failed error) error {
	switch {
	case failed != nil:
		return nil
	case r.step.Await == rotation.Person:
		return &codeError{code: exitFound}
	case r.step.Await == rotation.Servers && r.wait > 0:
		return &codeError{exitFailed, errors.New("not every name server answers with it yet")}
	case r.step.State.Over():
	case r.unasked != "":
		return &codeError{exitFailed, errors.New("the name servers could not be asked: " + r.unasked)}
	case len(r.step.Laggards) > 0 && allSilent(r.step.Laggards) && r.step.Await == rotation.Servers:
		return &codeError{exitFailed, errors.New("name servers could not be asked")}
	}
	return nil
}

func allSilent(list []rotation.Laggard) bool {
	for _, l := range list {
		if !l.Silent {
			return false
		}
	}
	return true
}

// rotating reads the flags, the file and what was kept.
func (a *app) rotating(f rotateFlags, args []string) (*rotating, error) {
	r := &rotating{app: a, rotateFlags: f, carried: make(map[rotation.Phase]bool)}
	if err := f.sensible(args); err != nil {
		return nil, err
	}
	if err := r.readFile(args); err != nil {
		return nil, err
	}
	var err error
	if r.kept, err = a.ledger(); err != nil {
		return nil, err
	}
	return r, r.load()
}

// started begins a rotation where there is none, if that is asked for.
func (r *rotating) started(ctx context.Context) error {
	switch {
	case r.state == nil && (r.status || r.ordered()):
		if r.ordered() {
			return usage(fmt.Errorf("no rotation of %s has begun", record.Display(r.domain)))
		}
		return r.output.print(func(w io.Writer) error { return r.none(w) })
	case r.state != nil && !r.state.Over() && r.begin:
		return usage(fmt.Errorf("the rotation of %s to %s is not over; --abort gives it up", record.Display(r.domain), rotation.Selectors(r.state.Next)))
	case r.state != nil && !(r.state.Over() && r.begin):
		return r.sameKeys()
	}
	return r.start(ctx)
}

// order does what a person ordered.
func (r *rotating) order(ctx context.Context) error {
	s := *r.state
	var err error
	if r.trust {
		if s, err = s.Restarted(r.clock()); err != nil {
			return err
		}
	}
	if r.given("retire") {
		s.Waits.Retire = time.Duration(r.retire)
	}
	if r.given("delete") {
		s.Waits.Delete = time.Duration(r.forget)
	}
	before, o := s.Phase, rotation.Observation{File: r.entries}
	if r.switched || r.back {
		o = r.look(ctx, s)
	}
	switch {
	case r.switched:
		s, err = s.Switch(o, r.clock())
	case r.back:
		s, err = s.GoBack(o, r.clock())
	case r.abort:
		s, err = s.Abort(r.clock())
	}
	if err := r.keep(s); err != nil {
		return err
	}
	if err != nil {
		r.step = rotation.Next(s, o, r.clock())
		return r.refused(err)
	}
	if s.Phase != before {
		switch {
		case r.switched:
			r.did = append(r.did, fmt.Sprintf("noted that %s signs from now on", rotation.Selectors(s.Next)))
		case r.back:
			r.did = append(r.did, fmt.Sprintf("noted that %s signs again", rotation.Selectors(s.Old)))
		}
	}
	return nil
}

// refused is an order that was not followed, with when it can be.
func (r *rotating) refused(err error) error {
	var early *rotation.EarlyError
	if errors.As(err, &early) && !early.When.IsZero() {
		err = fmt.Errorf("%w; it is possible from %s", err, r.until(early.When))
	}
	return &codeError{exitFailed, err}
}

// run looks, and does what is possible, until there is nothing left to do now.
func (r *rotating) run(ctx context.Context) error {
	deadline := time.Now().Add(time.Duration(r.wait))
	told := ""
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		o := r.look(ctx, *r.state)
		r.unasked = o.Unknown
		r.step = rotation.Next(*r.state, o, r.clock())
		if err := r.keep(r.step.State); err != nil {
			return err
		}
		if len(r.step.Wishes) > 0 && r.provider.spec != "" && !r.status && !r.carried[r.step.State.Phase] {
			r.carried[r.step.State.Phase] = true
			if err := r.carry(ctx); err != nil {
				return err
			}
			continue
		}
		rest := pause
		if r.step.Await == rotation.Time {
			rest = max(pause, r.step.When.Sub(r.clock()))
		}
		waitable := r.step.Await == rotation.Servers || r.step.Await == rotation.Time
		if !waitable || ctx.Err() != nil || !time.Now().Add(rest).Before(deadline) {
			return nil
		}
		if text := r.waitsFor(); text != told {
			told = text
			fmt.Fprintf(r.app.err, "%s\n", report.Escape(text))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rest):
		}
	}
}

// waitsFor is what is waited for, in a line.
func (r *rotating) waitsFor() string {
	if r.step.Await == rotation.Time {
		return "waiting until " + r.until(r.step.When)
	}
	var names []string
	for _, l := range r.step.Laggards {
		names = append(names, l.Server)
	}
	if len(names) == 0 {
		return "waiting until the name servers can be asked"
	}
	return "waiting for " + strings.Join(slices.Compact(names), ", ")
}
