package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/cloudflare/cloudflare-go/v7/dns"
	"github.com/cloudflare/cloudflare-go/v7/option"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// maxRounds is how often Write looks and sends, at most.
const maxRounds = 4

// Write compares the basis of the plan with a fresh listing and sends what is to
// be changed. Between the listing and the transaction somebody may come: then
// records that both touch make the transaction fail, since it names them by their
// identifiers and Cloudflare refuses identical ones.
//
// What was refused for good reason to be tried again (too many requests, records
// that came or went meanwhile) is tried again after another listing. What may have
// taken effect is not: if a listing shows that it did, that is success.
func (p *Provider) Write(ctx context.Context, pl plan.Plan) error {
	if err := p.belongs(pl); err != nil {
		return err
	}
	done := 0 // transactions that took effect
	for round := 1; ; round++ {
		entries, err := p.list(ctx)
		if err != nil {
			return progress(done, fmt.Errorf("the records of %s: %w", record.Display(p.zone), err))
		}
		todo, err := compared(pl, reading(entries, p.zone).Records, round, done)
		if err != nil || todo.Empty() {
			return progress(done, err)
		}
		list, err := batches(todo.Changes, entries)
		if err != nil {
			return err
		}
		n, err := p.send(ctx, list)
		done += n
		if err == nil {
			return nil
		}
		again, err := p.after(ctx, err, pl, round)
		if err != nil {
			return progress(done, err)
		}
		if !again {
			return nil
		}
	}
}

// belongs is an error for a plan that is not for this zone alone.
func (p *Provider) belongs(pl plan.Plan) error {
	if record.Canonical(pl.Zone) != p.zone {
		return fmt.Errorf("the plan is for the zone %s, not %s", record.Display(pl.Zone), record.Display(p.zone))
	}
	for _, c := range pl.Changes {
		if !record.Within(c.Slot.Name, p.zone) {
			return fmt.Errorf("%s is not in the zone %s", plan.Title(c.Slot), record.Display(p.zone))
		}
		for _, r := range c.After {
			if !c.Slot.Holds(r) {
				return fmt.Errorf("%s: the plan has a record for it that stands elsewhere", plan.Title(c.Slot))
			}
		}
	}
	return nil
}

// compared is what of a plan is to be done, or the error of one that is stale. In
// later rounds it may be done in part.
func compared(pl plan.Plan, records []record.Record, round, done int) (plan.Plan, error) {
	if round == 1 {
		return pl, providers.Stale(pl, records)
	}
	todo, _, stale := pl.Progress(records)
	switch {
	case len(stale) == 0:
		return todo, nil
	case done == 0:
		return todo, providers.Stale(pl, records)
	}
	return todo, fmt.Errorf("somebody changed %s meanwhile", plan.Title(record.Slot{Name: stale[0].Name, Type: stale[0].Type}))
}

// progress tells in an error what was done before.
func progress(done int, err error) error {
	if err == nil || done == 0 {
		return err
	}
	return fmt.Errorf("after %d transactions that took effect: %w", done, err)
}

// send sends transactions one after the other, and tells how many took effect.
func (p *Provider) send(ctx context.Context, list []batch) (done int, err error) {
	for _, b := range list {
		body, err := json.Marshal(b)
		if err != nil {
			return done, err
		}
		var params dns.RecordBatchParams
		set(&params.ZoneID.Value, &params.ZoneID.Present, p.id)
		var ignored struct{} // what is there then, the next listing tells
		_, err = p.records.Batch(ctx, params, option.WithRequestBody("application/json", body), option.WithResponseBodyInto(&ignored))
		if err != nil {
			return done, p.api.told(ctx, err)
		}
		done++
	}
	return done, nil
}

// after decides what follows from the error of a transaction: another round, an
// error, or neither where it took effect all the same.
func (p *Provider) after(ctx context.Context, err error, pl plan.Plan, round int) (again bool, _ error) {
	var e *Error
	var lost *unanswered
	refused := errors.As(err, &e) && !errors.As(err, &lost) && e.Status < http.StatusInternalServerError
	switch {
	case ctx.Err() != nil:
		return false, fmt.Errorf("interrupted, and it is not known whether it took effect: %w", err)
	case !refused:
		return false, p.look(ctx, err, pl)
	case round == maxRounds:
		return false, err
	case e.Status == http.StatusTooManyRequests:
		wait, may := repeatable(err, round)
		return true, errorUnless(may && pause(ctx, wait), err)
	case e.has(codeIdentical, codeExists, codeNoRecord):
		return true, nil
	}
	return false, err
}

func errorUnless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

// look finds out whether a transaction took effect whose answer was lost. It is
// not sent again by itself: it may still be under way.
func (p *Provider) look(ctx context.Context, failed error, pl plan.Plan) error {
	entries, err := p.list(ctx)
	if err != nil {
		return fmt.Errorf("%w; whether it took effect could not be found out: %w", failed, err)
	}
	todo, done, _ := pl.Progress(reading(entries, p.zone).Records)
	switch {
	case todo.Empty():
		return nil
	case len(done) == 0:
		return fmt.Errorf("%w; nothing of it is there so far", failed)
	}
	return fmt.Errorf("%w; %d of %d changes took effect", failed, len(done), len(pl.Changes))
}
