package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// carry has the provider make the records as the step wishes, and keeps the state
// after that.
func (r *rotating) carry(ctx context.Context) error {
	to, err := r.open(ctx, r.provider, r.domain)
	if err != nil {
		return err
	}
	p, err := r.planned(ctx, to)
	if err != nil {
		return err
	}
	if !p.Empty() {
		if err := r.consent(ctx, consentFlags{yes: r.yes}, p, to.String()); err != nil {
			return err
		}
		if err := r.apply(ctx, to, p); err != nil {
			return err
		}
	}
	return r.keep(r.step.After)
}

// planned is the plan of the step's wishes, which changes nothing that the rotation
// does not know.
func (r *rotating) planned(ctx context.Context, to providers.Provider) (plan.Plan, error) {
	source, err := r.held(to)
	if err != nil {
		return plan.Plan{}, err
	}
	current, err := source.records(ctx, r.step.Wishes)
	if err != nil {
		return plan.Plan{}, opening(err)
	}
	given := source.given()
	ours := given.Ours
	given.Ours = func(rec record.Record) bool { return r.state.Knows(rec) || ours != nil && ours(rec) }
	p, conflicts := plan.Make(current, r.step.Wishes, given)
	if len(conflicts) > 0 {
		return plan.Plan{}, &codeError{exitFailed, fmt.Errorf("%s: %s", plan.Title(conflicts[0].Slot), conflicts[0].Why)}
	}
	for _, c := range p.Changes {
		for _, rec := range c.Before {
			if !r.state.Knows(rec) {
				return plan.Plan{}, &codeError{exitFound, fmt.Errorf("%s holds %.80q, which is none of the keys of this rotation: nothing was written over it", plan.Title(c.Slot), rec.Data)}
			}
		}
	}
	from := r.provider.absolute()
	p.Source, p.Made, p.Provider, p.TSIGKey = source.String(), r.clock().UTC(), from.spec, from.tsigKey
	return p, nil
}

// apply carries out a plan.
func (r *rotating) apply(ctx context.Context, to providers.Provider, p plan.Plan) error {
	done, err := r.carryOut(ctx, to, p, true)
	if err != nil {
		return opening(err)
	}
	for _, c := range slices.Concat(done.Already, done.Done) {
		what := "published"
		switch {
		case len(c.After) == 0:
			what = "removed"
		case !isKey(c.After[0].Data):
			what = "withdrew the key:"
		}
		r.did = append(r.did, fmt.Sprintf("%s %s, by %s", what, plan.Title(c.Slot), to))
	}
	r.reload = done.Next
	if !done.Complete() {
		err := done.Err
		if err == nil {
			err = errors.New("not all of it is there; the same command does the rest")
		}
		return &codeError{exitFailed, err}
	}
	return nil
}
