package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/ledger"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// rollbackFlags are the flags of rollback as they are given.
type rollbackFlags struct {
	consentFlags
	provider providerFlags
	list     bool
	dry      bool
	wait     waits
	live     checkFlags
	output   *output
}

func (a *app) rollbackCommand() *cobra.Command {
	var f rollbackFlags
	cmd := &cobra.Command{
		Use:   "rollback [SNAPSHOT | DOMAIN]",
		Short: "Bring back what an applied plan has changed",
		Long: `Rollback brings back what apply has changed, by the snapshot that it kept: of a
file, or the latest of a domain's zone that there is anything to take back of.
It is a plan like any other, shown first, and kept in a snapshot itself. Only
what the plan changed is brought back; what somebody else changed since in the
same place needs --yes-delete.

Exit codes:
  0    it is as it was before
  1    it needs a consent
  2    wrong usage
  4    not all could be brought back, or not all name servers have it (--wait)
  130  interrupted`,
		Example: `  maildoctor rollback example.com
  maildoctor rollback example.com --list
  maildoctor rollback ~/.local/state/maildoctor/example.com/20261122T101500Z.snapshot.json --yes`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.rollback(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.list, "list", false, "list the snapshots of the zone, the latest first")
	flags.BoolVarP(&f.dry, "dry-run", "n", false, "show what would be brought back, change nothing")
	a.providerFlags(cmd, &f.provider)
	f.wait.add(cmd)
	f.consentFlags.add(cmd)
	f.live.nameFlag(cmd)
	f.live.resolverFlag(cmd)
	flags.BoolVar(&f.live.noSMTP, "no-smtp", false, "do not connect to mail hosts (with --wait)")
	flags.BoolVar(&f.live.noHTTPS, "no-https", false, "fetch nothing over HTTPS (with --wait)")
	f.live.timeout = span(60 * time.Second)
	f.output = a.outputFlags(cmd).showFlags(cmd)
	return cmd
}

func (a *app) rollback(ctx context.Context, f rollbackFlags, args []string) error {
	if err := f.output.check(); err != nil {
		return err
	}
	if err := oneArgument(args, "rollback takes one snapshot, or one domain"); err != nil {
		return err
	}
	kept, err := a.ledger()
	if err != nil {
		return err
	}
	snapshots, err := a.snapshots(kept, args)
	if err != nil {
		return err
	}
	if f.list {
		return a.listed(f.output, snapshots)
	}
	f.provider = f.provider.orSaved(snapshots[0].Plan)
	to, err := a.open(ctx, f.provider, snapshots[0].Zone)
	if err != nil {
		return err
	}
	source, err := a.held(to)
	if err != nil {
		return err
	}
	planned, err := a.undo(ctx, source, snapshots, len(args) == 1 && isFile(args[0]))
	if err != nil {
		return a.refused(ctx, f.output, err)
	}
	planned.Plan.Source, planned.Plan.Made = source.String(), a.clock().UTC()
	planned.Plan.Provider, planned.Plan.TSIGKey = f.provider.absolute().spec, f.provider.absolute().tsigKey
	if f.dry {
		return f.output.print(func(w io.Writer) error {
			if f.output.format.value == "json" {
				return report.PlanJSON(w, planned)
			}
			return report.Plan(w, planned, f.output.text())
		})
	}
	if err := a.shown(f.output, planned); err != nil {
		return err
	}
	if len(planned.Conflicts) > 0 {
		return &codeError{exitFailed, fmt.Errorf("it cannot be brought back: %s", planned.Conflicts[0].Why)}
	}
	if planned.Plan.Empty() {
		return a.end(f.output, report.Applied{Zone: to.Zone(), Provider: to.String(), At: a.clock()}, nil)
	}
	if err := a.consent(ctx, f.consentFlags, planned.Plan, to.String()); err != nil {
		return err
	}
	done, err := a.carryOut(ctx, to, planned.Plan, false)
	if err != nil {
		return a.refused(ctx, f.output, err)
	}
	if f.wait.span > 0 && done.Complete() {
		if err := a.arriveAfter(ctx, f, planning{domain: to.Zone(), provider: to}, planned.Plan, &done); err != nil {
			return err
		}
	}
	return a.end(f.output, done, ctx.Err())
}

// arriveAfter waits in a world of its own.
func (a *app) arriveAfter(ctx context.Context, f rollbackFlags, p planning, todo plan.Plan, done *report.Applied) error {
	options, err := f.live.live(a.env("SPAMHAUS_DQS_KEY"))
	if err != nil {
		return usage(err)
	}
	doctor, err := a.live(ctx, options)
	if err != nil {
		return err
	}
	defer doctor.close()
	chosen, err := a.choose(checkKinds, nil, nil)
	if err != nil {
		return err
	}
	p.world, p.all, p.timeout = doctor.(stage), chosen.run, time.Duration(f.live.timeout)
	a.arrive(ctx, time.Duration(f.wait.span), p, todo, done)
	return nil
}

// A kept snapshot is one and where it is.
type keptSnapshot struct {
	plan.Snapshot
	path string
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// snapshots are the one named, or those of the zone of the domain named, the latest first.
func (a *app) snapshots(kept ledger.Ledger, args []string) ([]keptSnapshot, error) {
	if len(args) == 0 {
		zones, err := kept.Zones()
		switch {
		case err != nil:
			return nil, err
		case len(zones) == 0:
			return nil, usage(errors.New("there is nothing to take back: nothing was applied by this user on this machine"))
		case len(zones) > 1:
			return nil, usage(fmt.Errorf("several zones were changed; name one of %s", strings.Join(zones, ", ")))
		}
		args = zones
	}
	if isFile(args[0]) {
		s, err := ledger.Open(args[0])
		if err != nil {
			return nil, usage(err)
		}
		return []keptSnapshot{{s, args[0]}}, nil
	}
	if strings.ContainsRune(args[0], os.PathSeparator) || strings.HasSuffix(args[0], ".json") {
		return nil, usage(fmt.Errorf("there is no snapshot %s; maildoctor rollback DOMAIN --list lists them", args[0]))
	}
	domain, err := record.ParseDomain(args[0])
	if err != nil {
		return nil, usage(fmt.Errorf("%q %w", args[0], err))
	}
	for zone := domain; len(record.Labels(zone)) > 1; zone = record.Parent(zone) {
		list, err := a.snapshotsOf(kept, zone)
		if err != nil || len(list) > 0 {
			return list, err
		}
	}
	return nil, usage(fmt.Errorf("there is no snapshot of %s in %s: nothing was applied to it by this user on this machine", record.Display(domain), kept.Path()))
}

// snapshotsOf reads the snapshots of a zone. One that cannot be read is told of,
// and does not hide the others.
func (a *app) snapshotsOf(kept ledger.Ledger, zone string) ([]keptSnapshot, error) {
	paths, err := kept.Snapshots(zone)
	var list []keptSnapshot
	for _, path := range paths {
		s, err := ledger.Open(path)
		if err != nil {
			fmt.Fprintf(a.err, "maildoctor: %s\n", report.Escape(err.Error()))
			continue
		}
		list = append(list, keptSnapshot{s, path})
	}
	return list, err
}

// undo is the plan that takes back the first of snapshots of which there is
// anything to take back; one that was itself a rollback only where it was named.
func (a *app) undo(ctx context.Context, source *providerSource, snapshots []keptSnapshot, named bool) (report.Planned, error) {
	var planned report.Planned
	for _, s := range snapshots {
		if !named && s.Rollback() {
			continue
		}
		wishes := s.Undo()
		current, err := source.records(ctx, wishes)
		if err != nil {
			return planned, err
		}
		planned.Plan, planned.Conflicts = plan.Make(current, wishes, source.given())
		planned.Plan.Concerns = s.Concerns(planned.Plan, current)
		if !planned.Plan.Empty() || len(planned.Conflicts) > 0 {
			break
		}
	}
	return planned, nil
}

// listed lists snapshots.
func (a *app) listed(o *output, list []keptSnapshot) error {
	return o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.SnapshotsJSON(w, reported(list))
		}
		return report.Snapshots(w, reported(list), o.text())
	})
}

func reported(list []keptSnapshot) []report.Kept {
	out := make([]report.Kept, len(list))
	for i, s := range list {
		out[i] = report.Kept{Path: filepath.ToSlash(s.path), Snapshot: s.Snapshot}
	}
	return out
}
