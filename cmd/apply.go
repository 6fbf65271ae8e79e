package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// applyFlags are the flags of apply as they are given.
type applyFlags struct {
	planFlags
	consentFlags
	wait waits
}

// consentFlags are what a person has agreed to beforehand.
type consentFlags struct{ yes, yesDelete bool }

func (f *consentFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask before it is done")
	cmd.Flags().BoolVar(&f.yesDelete, strings.TrimPrefix(plan.YesDelete, "--"), false, "agree to more than 10 changes, and to remove what\nmaildoctor did not make")
}

// waits is --wait: a duration that may be left out.
type waits struct{ span }

// defaultWait is how long --wait alone waits: most secondaries have a zone seconds
// after the NOTIFY (RFC 1996), and panels publish within a few minutes.
const defaultWait = "5m"

func (w *waits) add(cmd *cobra.Command) {
	cmd.Flags().Var(&w.span, "wait", "wait until all name servers answer with it, then\nexamine again; at most this `time`")
	cmd.Flags().Lookup("wait").NoOptDefVal = defaultWait
	cmd.Flags().Lookup("wait").DefValue = ""
}

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply [PLANFILE | DOMAIN]",
		Short: "Carry out a plan, and nothing else",
		Long: `Apply carries out a plan by the provider who holds the zone: the plan of a file
that plan --save wrote or, without one, the plan that plan would show, which is
rehearsed and shown first.

What is there is read again. A plan that was made of something else is stale,
and refused with the difference. What stood there is kept in a snapshot before
anything is written; maildoctor rollback brings it back. Records are replaced
in place, all in one transaction where the provider has one, and read back.
Whatever else is in the zone is not touched.

If it is interrupted, or fails in the middle, it says what was done. The same
command again does what is left.

Exit codes:
  0    all of it is done
  1    it needs a consent, brings a finding above advice, or has a conflict
  2    wrong usage
  3    with --strict: in order, but something could not be told
  4    not all could be done, or with --wait: not all name servers have it
  130  interrupted`,
		Example: `  maildoctor plan --provider cloudflare --save example.com.plan
  maildoctor apply example.com.plan --wait
  maildoctor apply example.com --fix --provider rfc2136:ns1.example.net --tsig-key example.key
  maildoctor apply --provider zone:/etc/bind/example.com.zone --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.named = cmd.Flags().Changed("file")
			return a.apply(cmd.Context(), f, args)
		},
	}
	cmd.Flags().SortFlags = false
	a.providerFlags(cmd, &f.provider)
	f.wait.add(cmd)
	f.consentFlags.add(cmd)
	a.wishFlags(cmd, &f.planFlags)
	f.save = &output{app: a, named: func() bool { return false }}
	a.worldFlags(cmd, &f.planFlags)
	return cmd
}

func (a *app) apply(ctx context.Context, f applyFlags, args []string) error {
	if err := f.output.check(); err != nil {
		return err
	}
	if err := oneArgument(args, "apply takes one plan file, or one domain"); err != nil {
		return err
	}
	if len(args) == 1 {
		if info, err := os.Stat(args[0]); args[0] == "-" || err == nil && !info.IsDir() {
			return a.applyFile(ctx, f, args[0])
		}
		if !strings.Contains(args[0], ".") || strings.ContainsRune(args[0], os.PathSeparator) || strings.HasSuffix(args[0], ".plan") {
			return usage(fmt.Errorf("there is no plan %s; maildoctor plan --save writes one", args[0]))
		}
	}
	return a.applyWishes(ctx, f, args)
}

// oneArgument refuses a second argument, and a time that was meant for --wait,
// which takes it behind a =.
func oneArgument(args []string, takes string) error {
	for _, arg := range args {
		if d, err := time.ParseDuration(arg); err == nil && d > 0 {
			return usage(fmt.Errorf("%q stands alone; for how long to wait, --wait=%[1]s", arg))
		}
	}
	if len(args) > 1 {
		return usage(errors.New(takes))
	}
	return nil
}

// applyWishes makes the plan, rehearses and shows it, and carries it out.
func (a *app) applyWishes(ctx context.Context, f applyFlags, args []string) error {
	p, err := a.planning(ctx, f.planFlags, args)
	if err != nil {
		return err
	}
	defer p.world.close()
	if p.provider == nil {
		return usage(errNoProvider)
	}
	p.progress = func() *progress { return a.progress(ofDomains([]string{p.domain}), len(p.all), p.timeout) }
	if err := a.want(ctx, f.planFlags, &p); err != nil {
		return err
	}
	planned, err := p.rehearsed(ctx)
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; nothing was changed")}
	}
	if err != nil {
		return opening(err)
	}
	if err := a.shown(f.output, planned); err != nil {
		return err
	}
	if err := f.end(planned); err != nil || planned.Plan.Empty() {
		return err
	}
	return a.agreed(ctx, f, p, planned.Plan)
}

// shown shows people what is about to be done. A program gets one document: what became of it.
func (a *app) shown(o *output, planned report.Planned) error {
	if o.format.value == "json" {
		return nil
	}
	if o.path != "" {
		return nil
	}
	if err := report.Plan(a.colours(), planned, o.text()); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.out)
	return err
}

// applyFile carries out the plan of a file.
func (a *app) applyFile(ctx context.Context, f applyFlags, path string) error {
	if f.fix != "" || f.named {
		return usage(errors.New("a plan file says all that is wanted; leave out --fix and --file"))
	}
	saved, err := a.savedPlan(path)
	if err != nil {
		return err
	}
	f.provider = f.provider.orSaved(saved)
	to, err := a.open(ctx, f.provider, saved.Zone)
	if err != nil {
		return err
	}
	source, err := a.held(to)
	if err != nil {
		return err
	}
	left, err := a.left(ctx, source, saved)
	if err != nil {
		return a.refused(ctx, f.output, err)
	}
	p := planning{domain: saved.Zone, provider: to, from: f.provider.absolute(), timeout: time.Duration(f.timeout)}
	if whole, err := a.choose(checkKinds, nil, nil); err == nil {
		p.all = whole.run
	}
	left.Plan.Source, left.Plan.Made = source.String(), saved.Made
	left.Plan.Provider, left.Plan.TSIGKey = p.from.spec, p.from.tsigKey
	if err := a.shown(f.output, left); err != nil {
		return err
	}
	if len(left.Conflicts) > 0 {
		return &codeError{exitFound, errors.New("not all of the plan can be; make another with maildoctor plan")}
	}
	if left.Plan.Empty() {
		kept, err := a.ledger()
		if err == nil {
			err = noteBegun(kept, to.Zone(), saved.Changes)
		}
		if err != nil {
			return err
		}
		return a.end(f.output, report.Applied{Zone: saved.Zone, Provider: to.String(), At: a.clock(), Already: saved.Changes}, nil)
	}
	if f.wait.span > 0 {
		options, err := f.live(a.env("SPAMHAUS_DQS_KEY"))
		if err != nil {
			return usage(err)
		}
		doctor, err := a.live(ctx, options)
		if err != nil {
			return err
		}
		defer doctor.close()
		p.world = doctor.(stage)
	}
	return a.agreed(ctx, f, p, left.Plan)
}

// savedPlan reads a plan file.
func (a *app) savedPlan(path string) (p plan.Plan, err error) {
	var in io.Reader = a.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return p, usage(fmt.Errorf("%s: %w", path, plainError(err)))
		}
		defer file.Close()
		in = file
	}
	if p, err = plan.Read(in); err != nil {
		return p, usage(fmt.Errorf("%s: %w", path, err))
	}
	if p.Zone == "" {
		return p, usage(fmt.Errorf("%s does not say for which zone it is", path))
	}
	return p, nil
}

// left is what of a saved plan is still to be done, as this provider would do it:
// with its TTLs and limits, and with what gives pause there.
func (a *app) left(ctx context.Context, source *providerSource, saved plan.Plan) (report.Planned, error) {
	wishes := make([]plan.Wish, len(saved.Changes))
	for i, c := range saved.Changes {
		wishes[i] = plan.Wish{Edit: c.Edit(), Reason: strings.Join(c.Reasons, "; "), From: strings.Join(c.From, ", ")}
	}
	if zone := source.provider.Zone(); zone != record.Canonical(saved.Zone) {
		return report.Planned{}, usage(fmt.Errorf("the plan is for the zone %s, the provider has %s", record.Display(saved.Zone), record.Display(zone)))
	}
	var names []plan.Wish
	for _, name := range providers.Names(saved) {
		names = append(names, plan.Wish{Edit: record.Set(record.Slot{Name: name})})
	}
	current, err := source.records(ctx, names)
	if err != nil {
		return report.Planned{}, err
	}
	if err := providers.Unchanged(saved, current); err != nil {
		return report.Planned{}, err
	}
	var planned report.Planned
	planned.Plan, planned.Conflicts = plan.Make(current, wishes, source.given())
	return planned, nil
}

// refused tells of a plan that is stale, with the difference.
func (a *app) refused(ctx context.Context, o *output, err error) error {
	var stale *providers.StaleError
	switch {
	case ctx.Err() != nil:
		return &codeError{exitInterrupted, errors.New("interrupted; nothing was changed")}
	case !errors.As(err, &stale):
		return opening(err)
	}
	if o.format.value != "json" {
		if err := o.print(func(w io.Writer) error { return report.Stale(w, stale.Was, stale.Is, o.text()) }); err != nil {
			return err
		}
	}
	return &codeError{exitFailed, fmt.Errorf("%w; nothing was changed; make another with maildoctor plan", err)}
}

// agreed asks for what is not agreed to yet, and carries out a plan.
func (a *app) agreed(ctx context.Context, f applyFlags, p planning, todo plan.Plan) error {
	if err := a.consent(ctx, f.consentFlags, todo, p.provider.String()); err != nil {
		return err
	}
	done, err := a.carryOut(ctx, p.provider, todo, true)
	if err != nil {
		return a.refused(ctx, f.output, err)
	}
	if f.wait.span > 0 && done.Complete() {
		a.arrive(ctx, time.Duration(f.wait.span), p, todo, &done)
	}
	return a.end(f.output, done, ctx.Err())
}

// consent makes sure that a person wants what a plan does.
func (a *app) consent(ctx context.Context, f consentFlags, p plan.Plan, provider string) error {
	for _, c := range p.Concerns {
		if c.Needs == plan.YesDelete && !f.yesDelete {
			return &codeError{exitFound, fmt.Errorf("%s; to agree, %s; nothing was changed", c.Text, c.Needs)}
		}
	}
	if f.yes {
		return nil
	}
	return a.agree(ctx, fmt.Sprintf("Make %s to %s by %s?", counted(len(p.Changes), "change"), record.Display(p.Zone), provider), "nothing was changed")
}

// end shows what became of a plan, and says how the program ends.
func (a *app) end(o *output, done report.Applied, interrupted error) error {
	if err := o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.ApplyJSON(w, done)
		}
		return report.Apply(w, done, o.text())
	}); err != nil {
		return err
	}
	switch {
	case interrupted != nil:
		return &codeError{exitInterrupted, errors.Join(errors.New("interrupted"), done.Err)}
	case !done.Complete():
		err := done.Err
		if err == nil {
			err = errors.New("not all of it is there")
		}
		return &codeError{exitFailed, err}
	case done.Waited && !done.Arrived() && slices.ContainsFunc(done.Servers, func(s report.Served) bool { return s.State == report.ServedOther }):
		return &codeError{exitFailed, errors.New("not all name servers answer with it yet; all of it is with the provider")}
	case done.Waited && !done.Arrived():
		return &codeError{exitFailed, errors.New("no name server could be asked from here; all of it is with the provider")}
	}
	return nil
}
