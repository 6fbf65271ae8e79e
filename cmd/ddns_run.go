package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/ddns"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// A ddnsKeeper keeps the addresses of hosts in step.
type ddnsKeeper struct {
	app      *app
	f        ddnsFlags
	domain   string // whose SPF; empty for the apex of the zone
	hosts    []string
	families []ddns.Family
	detector ddns.Detector
	were     []netip.Addr            // in the owner's word
	owned    map[string][]netip.Addr // of each host, as they were published
	warned   bool                    // reverse DNS and lists have been asked
}

// confirm is how long is waited before it is believed that there is no address any more.
const confirm = 5 * time.Second

// once keeps in step, and says how the program ends.
func (k *ddnsKeeper) once(ctx context.Context) error {
	found := k.read(ctx)
	switch {
	case ctx.Err() != nil:
		return &codeError{exitInterrupted, errors.New("interrupted; nothing was changed")}
	case !found.Told() && found.Err() == nil:
		return usage(errors.New("no source was asked for an address of that family; name one that knows it"))
	case !found.Told():
		return &codeError{exitFailed, fmt.Errorf("the address could not be told, so nothing is changed: %s", flatten(found.Err().Error()))}
	}
	if _, err := k.publish(ctx, found); err != nil {
		return err
	}
	if k.f.strict && found.Err() != nil {
		return &codeError{code: exitUnknown}
	}
	return nil
}

// watch keeps in step until it is stopped.
func (k *ddnsKeeper) watch(ctx context.Context) error {
	w := &ddns.Watcher{
		Every: time.Duration(k.f.every), Read: k.read, Publish: k.publish, Observe: k.observe,
		Fatal: func(err error) bool {
			return exitCode(err) == exitUsage || errors.Is(err, providers.ErrDenied) || errors.Is(err, providers.ErrNoZone)
		},
	}
	err := w.Run(ctx)
	if ctx.Err() != nil {
		return nil // that is how it ends
	}
	return err
}

// read finds out the addresses.
func (k *ddnsKeeper) read(ctx context.Context) ddns.Found {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(k.f.timeout))
	defer cancel()
	d := k.detector
	d.Owned = k.known()
	var found ddns.Found
	var wait sync.WaitGroup
	for _, family := range []ddns.Family{ddns.IPv4, ddns.IPv6} {
		if len(k.families) == 0 || slices.Contains(k.families, family) {
			wait.Go(func() { found[family] = d.Detect(ctx, family) })
		}
	}
	wait.Wait()
	return found
}

// observe tells of what a watcher does, where publish does not tell it.
func (k *ddnsKeeper) observe(e ddns.Event) {
	text := ""
	switch e.Step {
	case ddns.Unread:
		text = "the address could not be told: " + report.Escape(flatten(e.Err.Error()))
	case ddns.Failed:
		text = "not in step: " + report.Escape(flatten(e.Err.Error()))
	case ddns.Doubted:
		text = "another address was seen, and is looked at again"
	default:
		return
	}
	fmt.Fprintf(k.app.err, "%s %s: %s; next in %s\n", k.app.clock().UTC().Format(time.RFC3339), k.title(), text, e.Next.Round(time.Second))
}

// publish brings the DNS in step with what was found.
func (k *ddnsKeeper) publish(ctx context.Context, found ddns.Found) (changed bool, err error) {
	to, err := k.app.open(ctx, k.f.provider, k.hosts[0])
	if err != nil {
		return false, err
	}
	step, err := k.compare(ctx, to, found)
	if err != nil {
		return false, err
	}
	if k.f.dry || step.plan.Empty() {
		if k.f.dry && !k.f.noWarn || k.f.watch && !k.warned {
			step.notes = append(step.notes, k.warnings(ctx, found, step.plan.Edits())...)
		}
		if err := k.show(step, nil); err != nil {
			return false, err
		}
		if !k.f.dry {
			err = k.note(found, step, true)
		}
		return false, errors.Join(err, step.left())
	}
	if err := k.mayDo(ctx, step); err != nil {
		return false, err
	}
	if err := k.note(found, step, false); err != nil { // what is about to be published is ours, whatever happens then
		return false, err
	}
	done, err := k.app.carryOut(ctx, to, step.plan, true)
	if err != nil {
		return false, k.app.refused(ctx, k.f.output, err)
	}
	changed = len(done.Done) > 0 || done.Unread
	if done.Complete() {
		step.notes = append(step.notes, k.warnings(ctx, found, step.plan.Edits())...)
	}
	if err := k.show(step, &done); err != nil {
		return changed, err
	}
	switch {
	case ctx.Err() != nil:
		return changed, &codeError{exitInterrupted, errors.Join(errors.New("interrupted"), done.Err)}
	case !done.Complete():
		return changed, &codeError{exitFailed, errors.Join(errors.New("not all of it is there"), done.Err)}
	}
	return changed, errors.Join(k.note(found, step, true), step.left())
}

// A ddnsStep is what one round comes to.
type ddnsStep struct {
	found     ddns.Found
	domain    string
	plan      plan.Plan
	conflicts []plan.Conflict
	notes     []ddns.Note
	after     []record.Record // what is there once the plan is carried out
}

// left is what had to be changed and was not, as the program ends with it.
func (s ddnsStep) left() error {
	if len(s.conflicts) > 0 {
		return &codeError{exitFound, errors.New("not all can be in step")}
	}
	for _, n := range s.notes {
		if n.Level == ddns.Refusal {
			return &codeError{exitFound, errors.New("not all is in step")}
		}
	}
	return nil
}

// compare plans what has to be changed.
func (k *ddnsKeeper) compare(ctx context.Context, to providers.Provider, found ddns.Found) (s ddnsStep, err error) {
	s.found, s.domain = found, k.domain
	if s.domain == "" {
		s.domain = to.Zone()
	}
	for _, name := range append([]string{s.domain}, k.hosts...) {
		if !record.Within(name, to.Zone()) {
			return s, usage(fmt.Errorf("%s is not in the zone %s, which %s holds; run ddns for it by itself", record.Display(name), record.Display(to.Zone()), to))
		}
	}
	source, err := k.app.held(to)
	if err != nil {
		return s, err
	}
	var names []plan.Wish
	for _, name := range append([]string{s.domain}, k.hosts...) {
		names = append(names, plan.Wish{Edit: record.Set(record.Slot{Name: name})})
	}
	current, err := source.records(ctx, names)
	if err != nil {
		return s, opening(err)
	}
	edits, notes := ddns.Edits(ddns.Given{
		Domain: s.domain, Hosts: k.hosts, Records: current, Owned: k.known(), Families: k.families, AddSPF: k.f.addSPF, TTL: k.f.ttl,
	}, found)
	s.notes = notes
	wishes := make([]plan.Wish, len(edits))
	for i, e := range edits {
		wishes[i] = plan.Wish{Edit: e.Edit, Reason: e.Reason}
	}
	given := source.given()
	made := given.Ours
	given.Ours = func(r record.Record) bool {
		addr, ok := r.Addr()
		return ok && slices.Contains(k.known(), addr) || made != nil && made(r)
	}
	s.plan, s.conflicts = plan.Make(current, wishes, given)
	s.after = s.plan.Apply(current)
	s.plan.Source, s.plan.Provider, s.plan.Made = source.String(), k.f.provider.spec, k.app.clock().UTC()
	for _, c := range s.plan.Changes { // whatever went wrong before this, nothing else is touched
		if err := ddns.Allowed(c.Slot, c.Before, c.After, s.domain, k.hosts); err != nil {
			return s, &codeError{exitFailed, err}
		}
	}
	return s, nil
}

// mayDo is nil if a plan can be carried out though nobody is there to agree.
func (k *ddnsKeeper) mayDo(ctx context.Context, s ddnsStep) error {
	for _, c := range s.plan.Concerns {
		if c.Needs != "" {
			return &codeError{exitFound, fmt.Errorf("%s; nothing was changed", c.Text)}
		}
	}
	removes := slices.ContainsFunc(s.plan.Changes, func(c plan.Change) bool { return c.Kind() == plan.Delete })
	if !removes || k.f.watch { // a watcher has looked twice
		return nil
	}
	select {
	case <-time.After(confirm):
	case <-ctx.Done():
		return &codeError{exitInterrupted, errors.New("interrupted; nothing was changed")}
	}
	again := k.read(ctx)
	for f, r := range s.found {
		if r.None != "" && again[f].None == "" {
			return &codeError{exitFailed, fmt.Errorf("%s comes and goes; nothing was changed", ddns.Family(f))}
		}
	}
	return nil
}

// show tells what a round came to: done is what became of the plan, if it was to
// be carried out.
func (k *ddnsKeeper) show(s ddnsStep, done *report.Applied) error {
	idle := s.plan.Empty() && len(s.conflicts) == 0
	switch {
	case idle && k.f.quiet && s.left() == nil:
		return nil
	case k.f.output.format.value == "json":
		return k.showJSON(s, done)
	}
	return k.f.output.print(func(w io.Writer) error {
		if k.f.watch {
			fmt.Fprintf(w, "%s\n", k.app.clock().UTC().Format(time.RFC3339))
		}
		if !idle {
			if err := report.Plan(w, report.Planned{Plan: s.plan, Conflicts: s.conflicts}, k.f.output.text()); err != nil {
				return err
			}
		}
		if done != nil {
			_, _ = io.WriteString(w, "\n")
			if err := report.Apply(w, *done, k.f.output.text()); err != nil {
				return err
			}
		}
		var b strings.Builder
		if idle {
			fmt.Fprintf(&b, "%s: %s\n", k.title(), s.address())
		}
		marks := map[ddns.Level]string{ddns.Hint: "–", ddns.Warning: "!", ddns.Refusal: "✗"}
		for _, n := range s.notes {
			if n.Level == ddns.Hint && idle && !k.f.output.verbose && !k.f.dry {
				continue
			}
			for i, line := range folded(report.Escape(flatten(n.Text))) {
				mark := " "
				if i == 0 {
					mark = marks[n.Level]
				}
				fmt.Fprintf(&b, "%s %s\n", mark, line)
			}
		}
		if !idle && b.Len() > 0 {
			_, _ = io.WriteString(w, "\n")
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// flatten is a text of several lines in one.
func flatten(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// address is what is in step, for a reader.
func (s ddnsStep) address() string {
	var parts []string
	for f, r := range s.found {
		switch {
		case r.Addr.IsValid():
			parts = append(parts, fmt.Sprintf("%s is %s", ddns.Family(f), r.Addr))
		case r.None != "":
			parts = append(parts, fmt.Sprintf("no %s", ddns.Family(f)))
		}
	}
	if s.left() != nil {
		return strings.Join(parts, ", ") + "; not all is in step"
	}
	return strings.Join(parts, ", ") + "; nothing to change"
}
