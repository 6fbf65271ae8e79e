package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/passage"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// simulateFlags are the flags of migrate simulate as they are given.
type simulateFlags struct {
	dns     askFlags
	replay  string
	whole   bool
	without []string
	every   span
	output  *output
}

func (a *app) migrateSimulateCommand() *cobra.Command {
	f := simulateFlags{every: span(time.Minute)}
	cmd := &cobra.Command{
		Use:   "simulate FILE",
		Short: "Send mail through the whole plan of a move, before it is made",
		Long: `Simulate goes through the plan of a move in seconds: each step is taken at its
time, while mail is sent every minute to the domain and from it, from before the
first step until after the last. Senders follow MTA-STS, DANE or neither; some
resolvers ask at the worst moment, and a name server is late. Then the same
without each of the steps: what would be lost says what the step is there for.

Mail servers run on this machine for both sides, and for a correspondent who
judges SPF, DKIM and DMARC. They hold the conversations; the clock, the zone and
the addresses are simulated, and keys and certificates are made for it. What
others publish, as the records that SPF includes, is asked for. Nothing is sent
to anybody, and nothing changes.

Exit codes:
  0    with every step, nothing is lost and nothing forged is let in
  1    something is
  2    wrong usage
  4    the simulation could not be made
  130  interrupted`,
		Example: `  maildoctor migrate simulate move.json
  maildoctor migrate simulate move.json --whole
  maildoctor migrate simulate move.json --without policies --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("migrate simulate takes the file that keeps the move"))
			}
			return a.simulate(cmd.Context(), f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.whole, "whole", false, "with every step only")
	flags.StringSliceVar(&f.without, "without", nil, "leave out this `step`, in place of each in turn\n(repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("without", cobra.FixedCompletions(migration.StepIDs(), cobra.ShellCompDirectiveNoFileComp))
	flags.Var(&f.every, "every", "how often mail is sent")
	_ = cmd.RegisterFlagCompletionFunc("every", cobra.NoFileCompletions)
	flags.StringVar(&f.replay, "replay", "", "take what others publish from such a recording,\noffline")
	f.dns.dns.resolverFlag(cmd)
	f.output = a.outputFlags(cmd).showFlags(cmd)
	return cmd
}

func (a *app) simulate(ctx context.Context, f simulateFlags, file string) error {
	if err := f.output.check(); err != nil {
		return err
	}
	if f.every < span(time.Minute) || f.every > span(time.Hour) || f.every%span(time.Minute) != 0 {
		return usage(errors.New("--every is whole minutes, from 1m to 1h"))
	}
	m, err := a.readMove(file)
	if err != nil {
		return err
	}
	without, err := f.leftOut(m)
	if err != nil {
		return err
	}
	s := report.Sailed{Move: m, Every: time.Duration(f.every)}
	sail := func(ctx context.Context, dns resolve.Resolver) {
		v := passage.Voyage{Move: m, Others: dns, Negative: m.Negative, Every: time.Duration(f.every)}
		if m.Policy != nil {
			v.Policy = *m.Policy
		}
		v.Place(ctx)
		s.Notes = append(s.Notes, fmt.Sprintf("%s sends from %v, and %s from %v, by the SPF records before and after.", m.Old.Name, v.OldFrom, m.New.Name, v.NewFrom))
		s.Passages, err = sailAll(ctx, v, without[:1])
		if err != nil || !s.Kept() && len(f.without) == 0 { // then every other passage loses that, too
			return
		}
		var rest []migration.Passage
		rest, err = sailAll(ctx, v, without[1:])
		s.Passages = append(s.Passages, rest...)
	}
	if err2 := f.through(ctx, sail); err == nil {
		err = err2
	}
	switch {
	case ctx.Err() != nil:
		return &codeError{code: exitInterrupted, err: errors.New("interrupted")}
	case errors.Is(err, passage.ErrNoSwitch):
		return usage(fmt.Errorf("%s: %w; maildoctor migrate audit makes one", file, err))
	case err != nil:
		return &codeError{code: exitFailed, err: fmt.Errorf("the simulation could not be made: %w", err)}
	}
	if err := f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.SailedJSON(w, s)
		}
		return report.SailedText(w, s, f.output.text())
	}); err != nil {
		return err
	}
	if !s.Kept() {
		return &codeError{code: exitFound}
	}
	return nil
}

// leftOut is the steps to leave out, one after the other; empty is none.
func (f simulateFlags) leftOut(m migration.Move) ([]string, error) {
	list := []string{""}
	if f.whole {
		if len(f.without) > 0 {
			return nil, usage(errors.New("--whole leaves out no step, and --without some: give one of them"))
		}
		return list, nil
	}
	for _, id := range trimmed(f.without) {
		if m.Step(id) == nil {
			var have []string
			for _, s := range m.Steps {
				have = append(have, s.ID)
			}
			return nil, usage(fmt.Errorf("--without %s: the move has no such step; it has %s", id, strings.Join(have, ", ")))
		}
		list = append(list, id)
	}
	if len(f.without) == 0 {
		for _, s := range m.Steps {
			list = append(list, s.ID)
		}
	}
	return list, nil
}

// through has use ask a recording, or the DNS.
func (f simulateFlags) through(ctx context.Context, use func(context.Context, resolve.Resolver)) error {
	if f.replay != "" {
		player, err := newPlayer(f.replay)
		if err != nil {
			return usage(err)
		}
		use(ctx, player.world.DNS())
		return nil
	}
	options, err := resolvers(f.dns.dns.resolvers)
	if err != nil {
		return err
	}
	client := resolve.NewClient(options)
	defer client.Close()
	use(ctx, resolve.NewMemo(ctx, resolve.NewLimit(client, resolve.DefaultInFlight)))
	return nil
}

// sailAll makes the passages, some at once, in their order.
func sailAll(ctx context.Context, v passage.Voyage, without []string) ([]migration.Passage, error) {
	list, errs := make([]migration.Passage, len(without)), make([]error, len(without))
	next := make(chan int)
	var all sync.WaitGroup
	for range min(len(without), runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := range next {
				v := v
				v.Without = without[i]
				list[i], errs[i] = passage.Sail(ctx, v)
			}
		})
	}
	for i := range without {
		next <- i
	}
	close(next)
	all.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i]
	}
	return list, nil
}
