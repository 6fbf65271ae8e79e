package cmd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/zonelint"
)

// lintFlags are the flags of zone lint as they are given.
type lintFlags struct {
	zoneFlags
	examFlags
}

func (a *app) zoneLintCommand() *cobra.Command {
	var f lintFlags
	cmd := &cobra.Command{
		Use:   "lint FILE... [-]",
		Short: "Find what is wrong in zone files before they are published",
		Long: `Lint judges zone files: what cannot be read, what servers read otherwise than
it was meant (a text cut at a semicolon, words run together, a final dot that
is missing), what servers refuse, and what makes mail fail. It asks nobody; what
only the DNS knows, maildoctor check --zone FILE examines.

A file with a SOA record is a whole zone: what is not in it does not exist. One
without is a fragment, and nothing is said of what it lacks. With - a file is
read from standard input. Several files are held against each other.

The report goes to standard output, for people (text) or for programs (json,
described by report/report.schema.json). The command maildoctor explain zone
lists the rules.

` + exitHelp,
		Example: `  maildoctor zone lint example.org.zone
  maildoctor zone lint --origin example.org records.txt --fail-on warning
  maildoctor zone lint zones/*.zone --format json --output report.json`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.zoneLint(cmd.Context(), f, args) },
	}
	cmd.Flags().SortFlags = false
	f.zoneFlags.add(cmd)
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "judge by these `rules` only (repeatable)")
	cmd.Flags().StringSliceVar(&f.skip, "skip", nil, "leave out these `rules` (repeatable)")
	for _, name := range []string{"only", "skip"} {
		_ = cmd.RegisterFlagCompletionFunc(name, completeRules)
	}
	f.reportFlags(a, cmd, "file")
	cmd.Flags().Lookup("timeout").Usage = "how long to judge the files"
	return cmd
}

func completeRules(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return completions(zoneRules(), typed), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) zoneLint(ctx context.Context, f lintFlags, args []string) error {
	if len(args) == 0 {
		return usage(errors.New("zone lint takes the files to judge, or - for standard input"))
	}
	if err := f.named(); err != nil {
		return err
	}
	chosen, err := checks.Select(zoneRules(), trimmed(f.only), trimmed(f.skip))
	if err != nil {
		return usage(err)
	}
	gate, err := f.gate()
	if err != nil {
		return err
	}
	if err := f.output.check(); err != nil {
		return err
	}
	start := time.Now()
	files, err := f.files(args, a.in)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(f.timeout))
	defer cancel()
	reports := zonelint.Lint(limited, files)
	for i := range reports {
		r := &reports[i]
		r.At, r.Took = start.UTC(), time.Since(start)
		r.Results = slices.DeleteFunc(r.Results, func(result diagnosis.Result) bool {
			return !slices.ContainsFunc(chosen, func(c *checks.Check) bool { return c.ID == result.Rule.ID })
		})
	}
	before, err := a.earlier(f.since)
	if err != nil {
		return err
	}
	if f.output.changes, err = before.hold(reports); err != nil {
		return err
	}
	if err := f.output.reports(reports); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; what is not in the report is unknown")}
	}
	return f.output.end(gate, reports)
}
