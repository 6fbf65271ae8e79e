package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// readMove reads the file that keeps a move.
func (a *app) readMove(path string) (migration.Move, error) {
	const most = 16 << 20
	text, err := readBounded(path, most)
	if errors.Is(err, fs.ErrNotExist) {
		return migration.Move{}, usage(fmt.Errorf("there is no %s; maildoctor migrate audit --save writes it", path))
	}
	if err != nil {
		return migration.Move{}, usage(fmt.Errorf("%s: %w", path, err))
	}
	m, err := migration.Read(bytes.NewReader(text))
	if err != nil {
		return m, usage(fmt.Errorf("%s: %w", path, err))
	}
	return m, nil
}

// writeMove writes a move into its file, if nobody else has since it was read at a
// revision.
func (a *app) writeMove(o *output, m migration.Move) error {
	if now, err := a.readMove(o.path); err == nil && now.Revision != m.Revision {
		return &codeError{exitFailed, fmt.Errorf("%s was changed by somebody else meanwhile (revision %d, and not %d any more); nothing is written: run the command again", o.path, now.Revision, m.Revision)}
	}
	m.Revision++
	return o.print(m.Write)
}

// beginMove keeps a move that was planned. What its file keeps of a move of the domain
// goes on.
func (a *app) beginMove(o *output, m *migration.Move, file string) error {
	m.Wanted = besides(o.path, file)
	return a.writeMove(o, *m)
}

// besides is the path of a file as one beside it names it.
func besides(path, file string) string {
	dir, err := filepath.Abs(filepath.Dir(path))
	whole, err2 := filepath.Abs(file)
	if file == "-" || err != nil || err2 != nil {
		return file
	}
	return below(dir, whole)
}

// moveFlags are those of the commands that go on with a move.
type moveFlags struct {
	planFlags
	unseen bool
	at     string
}

func (a *app) moveCommand(use, short, long, example string, f *moveFlags, args int, run func(context.Context, moveFlags, []string) error) *cobra.Command {
	f.save = &output{app: a, flag: "--save", private: true}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		RunE: func(cmd *cobra.Command, list []string) error {
			if len(list) != args {
				takes := []string{"", "the file that keeps the move", "the file that keeps the move, and a step"}[args]
				return usage(fmt.Errorf("%s takes %s", cmd.CommandPath(), takes))
			}
			f.named = true
			return run(cmd.Context(), *f, list)
		},
		ValidArgsFunction: func(_ *cobra.Command, list []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(list) == 1 && args == 2 {
				return migration.StepIDs(), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.file, "to", "t", "", "the `file` that says what is wanted, if it is not\nwhere it was")
	flags.StringVar(&f.zone, "zone", "", "a zone `file` that is there, in place of the DNS;\n- is standard input")
	flags.StringVar(&f.replay, "replay", "", "look at the world of such a recording, offline")
	a.providerFlags(cmd, &f.provider)
	return cmd
}

func (a *app) migrateStatusCommand() *cobra.Command {
	var f moveFlags
	cmd := a.moveCommand("status FILE", "Where a move stands, and what is next",
		`Status looks at the domain again, and says where the move stands, what is next
and what stands in its way now. It changes nothing, and writes no file.

The plans of the steps to come are made anew of the zone as it is: what others
changed in it meanwhile is taken into account.

Exit codes:
  0    nothing stands in the way but what the plan waits for
  1    something does
  2    wrong usage
  3    with --strict: in order, but something could not be told
  4    what is there could not be read
  130  interrupted`,
		`  maildoctor migrate status move.json
  maildoctor migrate status move.json --format markdown`, &f, 1, a.migrateStatus)
	a.worldFlags(cmd, &f.planFlags)
	f.output.format.words = moveFormats
	cmd.Flags().Lookup("format").Usage = "how to print: text, json, markdown, html or\nics"
	return cmd
}

func (a *app) migratePlanCommand() *cobra.Command {
	var f moveFlags
	cmd := a.moveCommand("plan FILE STEP", "The plan of one step, for apply",
		`Plan makes the plan of a step against the zone as it is now, and shows it. With
--save it is a file for maildoctor apply, which keeps what was there and can
take it back. It changes nothing itself.

The steps before it have to be done: each plan rests on them.

Exit codes:
  0    the plan is in order; so is one with nothing to change
  1    a step before it is not done, or the plan has a conflict
  2    wrong usage
  4    what is there could not be read
  130  interrupted`,
		`  maildoctor migrate plan move.json prepare --save prepare.plan
  maildoctor apply prepare.plan --wait`, &f, 2, a.migratePlan)
	cmd.Flags().StringVar(&f.save.path, "save", "", "save the plan to this `file`, whole or not at all")
	f.save.named = func() bool { return cmd.Flags().Changed("save") }
	a.worldFlags(cmd, &f.planFlags)
	return cmd
}

func (a *app) migrateDoneCommand() *cobra.Command {
	var f moveFlags
	cmd := a.moveCommand("done FILE STEP", "Say that a step is done",
		`Done writes into the file that a step is done. The DNS is asked first whether it
has what the step publishes; of tasks for people it takes your word.

Exit codes:
  0    it is noted
  1    the DNS does not have it yet, or a step before it is not done
  2    wrong usage
  4    what is there could not be read, or somebody else changed the file
  130  interrupted`,
		`  maildoctor migrate done move.json prepare
  maildoctor migrate done move.json switch --at 2026-12-05T06:10`, &f, 2, a.migrateDone)
	cmd.Flags().BoolVar(&f.unseen, "unseen", false, "note it although the DNS does not show it")
	cmd.Flags().StringVar(&f.at, "at", "", "the `time` at which it was done, if not now; UTC")
	a.worldFlags(cmd, &f.planFlags)
	return cmd
}

// resume is the world of a move that has begun.
func (a *app) resume(ctx context.Context, f moveFlags, path string) (x auditing, err error) {
	m, err := a.readMove(path)
	if err != nil {
		return x, err
	}
	if f.file == "" {
		f.file = relativeTo(filepath.Dir(path), m.Wanted)
	}
	var args []string
	if f.replay == "" {
		args = []string{record.Display(m.Domain)}
	}
	if err := f.output.check(); err != nil {
		return x, err
	}
	if f.save.path == "-" {
		return x, usage(errors.New("--save takes a file; --format json shows the plan"))
	}
	if f.save.named != nil {
		if err := f.save.check(); err != nil {
			return x, err
		}
	}
	if x, err = a.auditing(ctx, auditFlags{planFlags: f.planFlags}, args); err != nil {
		return x, err
	}
	if x.domain != m.Domain {
		x.world.close()
		return x, usage(fmt.Errorf("%s keeps the move of %s, not of %s", path, record.Display(m.Domain), record.Display(x.domain)))
	}
	x.begun, x.on = &m, m.Switch
	return x, nil
}

func (a *app) migrateStatus(ctx context.Context, f moveFlags, args []string) error {
	x, err := a.resume(ctx, f, args[0])
	if err != nil {
		return err
	}
	defer x.world.close()
	page, err := x.audit(ctx)
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted")}
	}
	if err != nil {
		return err
	}
	page.File, page.Brief = args[0], !f.output.verbose
	if err := f.output.printMove(page); err != nil {
		return err
	}
	return auditFlags{planFlags: f.planFlags}.ends(page)
}

// step is a step of the move as it is now, if those before it are done.
func (x *auditing) step(ctx context.Context, id string) (m migration.Move, s *migration.Step, g migration.Given, err error) {
	if !slices.Contains(migration.StepIDs(), id) {
		return m, nil, g, usage(fmt.Errorf("no step %q; the steps are %s", id, strings.Join(migration.StepIDs(), ", ")))
	}
	limited, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	g, tasks, _, err := x.given(limited)
	if err != nil {
		return m, nil, g, err
	}
	m, _ = migration.Make(g)
	x.complete(limited, &m, g, tasks)
	x.goOn(&m)
	if s = m.Step(id); s == nil {
		return m, nil, g, &codeError{exitFound, fmt.Errorf("this move has no step %s: what it would do is there already", id)}
	}
	if next := m.Next(); next != nil && next.ID != id && s.Done.IsZero() {
		return m, nil, g, &codeError{exitFound, fmt.Errorf("the step %s comes before %s, and is not done; maildoctor migrate done says that it is", next.ID, id)}
	}
	return m, s, g, nil
}

func (a *app) migratePlan(ctx context.Context, f moveFlags, args []string) error {
	x, err := a.resume(ctx, f, args[0])
	if err != nil {
		return err
	}
	defer x.world.close()
	m, s, g, err := x.step(ctx, args[1])
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; nothing is planned")}
	}
	if err != nil {
		return err
	}
	var planned report.Planned
	var wishes []plan.Wish
	for _, c := range s.Plan.Changes {
		wishes = append(wishes, plan.Wish{Edit: c.Edit(), Reason: strings.Join(c.Reasons, "; "), From: "migrate " + s.ID})
	}
	there, err := x.there(ctx, x.world)
	if err != nil {
		return err
	}
	current, err := there.records(ctx, wishes)
	if err != nil {
		return err
	}
	given := there.given()
	if _, ok := there.(dnsSource); ok { // whose TTLs were asked of a server of the zone
		current, given.TTLs = g.Today, true
	}
	planned.Plan, planned.Conflicts = plan.Make(current, wishes, given)
	planned.Plan.Source, planned.Plan.Made = there.String(), a.clock().UTC()
	planned.Plan.Provider, planned.Plan.TSIGKey = x.from.spec, x.from.tsigKey
	for _, t := range s.Tasks {
		planned.Tasks = append(planned.Tasks, report.Task{Text: t})
	}
	if err := f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.PlanJSON(w, planned)
		}
		if err := report.Plan(w, planned, f.output.text()); err != nil {
			return err
		}
		return report.MoveFoot(w, m, args[0], f.output.text())
	}); err != nil {
		return err
	}
	if len(planned.Conflicts) > 0 {
		return &codeError{exitFound, errors.New("not all of the step can be; the plan is not saved")}
	}
	if f.save.named() {
		return f.save.print(planned.Plan.Write)
	}
	return nil
}

func (a *app) migrateDone(ctx context.Context, f moveFlags, args []string) error {
	x, err := a.resume(ctx, f, args[0])
	if err != nil {
		return err
	}
	defer x.world.close()
	at, err := whenSwitched(f.at)
	if err != nil {
		return usage(fmt.Errorf("--at %q: give a time, as in 2026-12-05T06:10", f.at))
	}
	m := *x.begun
	s := m.Step(args[1])
	switch next := m.Next(); {
	case !slices.Contains(migration.StepIDs(), args[1]):
		return usage(fmt.Errorf("no step %q; the steps are %s", args[1], strings.Join(migration.StepIDs(), ", ")))
	case s == nil:
		return &codeError{exitFound, fmt.Errorf("this move has no step %s", args[1])}
	case !s.Done.IsZero():
		return &codeError{exitFound, fmt.Errorf("the step %s was done on %s", s.ID, s.Done.Format("2006-01-02 15:04 MST"))}
	case next.ID != s.ID:
		return &codeError{exitFound, fmt.Errorf("the step %s comes before %s, and is not done", next.ID, s.ID)}
	}
	now := x.now(ctx)
	if at.IsZero() {
		at = now
	}
	if !s.Plan.Empty() && !f.unseen {
		limited, cancel := context.WithTimeout(ctx, x.timeout)
		defer cancel()
		fresh, again, _, err := x.step(limited, s.ID)
		if err != nil && again == nil && fresh.Step(s.ID) != nil {
			return err
		}
		if again != nil && !again.Plan.Empty() {
			var open []string
			for _, c := range again.Plan.Changes {
				open = append(open, plan.Title(c.Slot))
			}
			return &codeError{exitFound, fmt.Errorf("the DNS does not have it yet: %s; --unseen notes it all the same", strings.Join(open, ", "))}
		}
	}
	s.Done = at
	m.Log = append(m.Log, migration.Entry{At: now, Step: s.ID, Text: "done"})
	file := &output{app: a, flag: "FILE", path: args[0], private: true, named: func() bool { return true }}
	if err := file.check(); err != nil {
		return err
	}
	if err := a.writeMove(file, m); err != nil {
		return err
	}
	return f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.MoveJSON(w, report.Moving{Move: m})
		}
		return report.MoveFoot(w, m, args[0], f.output.text())
	})
}

// goOn joins what is done of a move that has begun with what is still to be done.
func (x *auditing) goOn(m *migration.Move) {
	if x.begun == nil {
		return
	}
	was := x.begun
	var steps []migration.Step
	for _, s := range was.Steps {
		if !s.Done.IsZero() {
			steps = append(steps, s)
		}
	}
	m.Steps = append(steps, m.Steps...)
	m.Begun, m.Before, m.Policy, m.Negative, m.Revision = was.Begun, was.Before, was.Policy, was.Negative, was.Revision
	m.Log = was.Log
	if m.Switch = was.Switch; !x.on.IsZero() {
		m.Switch = x.on
	}
}
