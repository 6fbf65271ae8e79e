package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// everyFault is what stands for all of them.
const everyFault = "all"

// chaosFlag adds --chaos.
func chaosFlag(cmd *cobra.Command, names *[]string) {
	cmd.Flags().StringSliceVar(names, "chaos", nil, "try the sender by receivers that misbehave, too:\n`FAULT`s with commas between them, or all")
	_ = cmd.RegisterFlagCompletionFunc("chaos", listed(append([]string{everyFault}, lab.Switches()...)...))
}

// chaosOf is the faults that names stand for.
func chaosOf(names []string) ([]lab.Fault, error) {
	known := lab.Switches()
	for _, name := range names {
		if name == everyFault || slices.Contains(known, name) {
			continue
		}
		if near := suggest(name, append(known, everyFault)); len(near) > 0 {
			return nil, usage(fmt.Errorf("--chaos: no fault %q; did you mean %s?", name, orList(near)))
		}
		return nil, usage(fmt.Errorf("--chaos: no fault %q; there is %s, or all", name, strings.Join(known, ", ")))
	}
	if len(names) == 0 {
		return nil, nil
	}
	return slices.DeleteFunc(lab.Faults(), func(f lab.Fault) bool {
		return !slices.Contains(names, everyFault) && !slices.Contains(names, f.Switch)
	}), nil
}

// suggest is the names that a word may have been meant for.
func suggest(word string, names []string) []string {
	all := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		all.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return all.SuggestionsFor(word)
}

// chaos tries the sender of the domain by faults.
func (w *trialWorld) chaos(ctx context.Context, faults []lab.Fault) ([]report.Ordeal, error) {
	if len(faults) == 0 {
		return nil, nil
	}
	c, err := lab.NewChaos("postmaster@"+record.Display(w.domain), record.Display(w.senders[0].name), w.keys)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := c.All(ctx, faults)
	if err != nil {
		return nil, err
	}
	var ordeals []report.Ordeal
	for _, e := range list {
		o := report.Ordeal{
			Fault: e.Fault.Switch, Case: e.Fault.Case, Does: e.Fault.Does, Did: e.Did, Became: e.Became, Outcome: diagnosis.Passed,
			Attempts: len(e.Attempts), Copies: e.Copies, Notices: len(e.Notices), Took: e.Took,
		}
		if e.Why != "" {
			o.Outcome, o.Why = diagnosis.Failed, e.Why
		}
		ordeals = append(ordeals, o)
	}
	return ordeals, nil
}
