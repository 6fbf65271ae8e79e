package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/history"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// lastKept stands for the last report that was kept, in place of a file.
const lastKept = "last"

func (a *app) historyCommand() *cobra.Command {
	var o *output
	var most int
	cmd := &cobra.Command{
		Use:   "history [DOMAIN|ADDRESS]",
		Short: "Show how the examinations of a domain ended over time",
		Long: `History shows the examinations of a domain, or of an address, whose reports were
kept; check --keep and ip --keep do that. It says what each found, what was new
and what was fixed since the one before, and how it went over time. Without a
domain it lists those of which there are reports.

check --diff last holds an examination against the last one that was kept.

Reports are kept in the state directory of maildoctor: MAILDOCTOR_STATE_DIR, or
else where the system has it. Of each domain the newest 400 stay.`,
		Example: `  maildoctor check example.com --keep
  maildoctor history example.com
  maildoctor check example.com --diff last`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(errors.New("history takes one domain or address"))
			}
			if most < 1 {
				return usage(errors.New("--runs: it takes 1 and more"))
			}
			if err := o.check(); err != nil {
				return err
			}
			if len(args) == 0 {
				return a.examined(o)
			}
			return a.history(o, args[0], most)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVar(&most, "runs", 20, "how many are shown, the latest first")
	_ = cmd.RegisterFlagCompletionFunc("runs", cobra.NoFileCompletions)
	o = a.outputFlags(cmd)
	cmd.Flags().StringVarP(&o.path, "output", "o", "", "write what is shown to this `file`, whole or not at\nall")
	o.named = func() bool { return cmd.Flags().Changed("output") }
	return cmd
}

func (a *app) history(o *output, input string, most int) error {
	subject := input
	if addr, err := netip.ParseAddr(input); err == nil {
		subject = addr.Unmap().String()
	} else {
		name, err := record.ParseDomain(input)
		if err != nil {
			return usage(fmt.Errorf("%q %w", input, err))
		}
		subject = record.Display(name)
	}
	reports, err := a.kept(subject, most)
	if err != nil {
		return err
	}
	if len(reports) == 0 {
		return fmt.Errorf("no report on %s was kept; maildoctor check %[1]s --keep keeps one", subject)
	}
	return o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.HistoryJSON(w, subject, reports)
		}
		return report.History(w, reports, o.text())
	})
}

// examined lists of what there are reports.
func (a *app) examined(o *output) error {
	kept, err := a.ledger()
	if err != nil {
		return err
	}
	names, err := kept.Examined()
	if err != nil {
		return err
	}
	var last []diagnosis.Report
	for _, name := range names {
		list, err := a.keptIn(name, 1)
		if err != nil {
			return err
		}
		last = append(last, list...)
	}
	if len(last) == 0 {
		return errors.New("no report was kept yet; maildoctor check example.com --keep keeps one")
	}
	return o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.JSON(w, last)
		}
		for _, r := range last {
			if err := report.History(w, []diagnosis.Report{r}, o.text()); err != nil {
				return err
			}
		}
		return nil
	})
}

// kept is the newest reports on a subject, the latest first.
func (a *app) kept(subject string, most int) ([]diagnosis.Report, error) {
	list, err := a.keptIn(subject, most)
	for i := range list {
		if history.Subject(list[i]) != subject {
			return nil, fmt.Errorf("the state directory holds a report on %s among those on %s; look at it", history.Subject(list[i]), subject)
		}
	}
	return list, err
}

func (a *app) keptIn(folder string, most int) ([]diagnosis.Report, error) {
	kept, err := a.ledger()
	if err != nil {
		return nil, err
	}
	paths, err := kept.Runs(folder)
	if err != nil {
		return nil, err
	}
	var all []diagnosis.Report
	for _, path := range paths[:min(len(paths), most)] {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		list, err := report.ReadJSON(file)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w; move it away", path, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// keepRuns keeps reports for history.
func (a *app) keepRuns(reports []diagnosis.Report) error {
	kept, err := a.ledger()
	if err != nil {
		return err
	}
	for _, r := range reports {
		var doc bytes.Buffer
		if err := report.JSON(&doc, []diagnosis.Report{r}); err != nil {
			return err
		}
		if err := kept.KeepRun(history.Subject(r), r.At, doc.Bytes()); err != nil {
			return fmt.Errorf("--keep: the report on %s could not be kept: %w", history.Subject(r), err)
		}
	}
	return nil
}
