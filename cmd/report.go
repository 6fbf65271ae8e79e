package cmd

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/history"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// reportCommandFlags are the flags of report as they are given.
type reportCommandFlags struct {
	examFlags
	from []string
}

func (a *app) reportCommand() *cobra.Command {
	var f reportCommandFlags
	cmd := &cobra.Command{
		Use:   "report --from FILE [DOMAIN...]",
		Short: "Show a saved report, or write it in another format",
		Long: `Report reads reports that were written with --format json (or ndjson) and shows
them, or writes them in other formats: all that are in the file, or those of the
domains and addresses named. It examines nothing and asks nobody. With --diff it
shows what became different between two.

What a report says of severities and reasons was written down when it was made.

Exit codes:
  0  the reports are written, whatever is in them
  1  with --fail-on: a finding at or above it
  2  wrong usage, or what is no report
  3  with --strict: something could not be told
  4  what was asked for could not be done, such as writing a file`,
		Example: `  maildoctor report --from report.json
  maildoctor report --from report.json example.com
  maildoctor report --from report.json --format html:report.html
  maildoctor report --from today.json --diff yesterday.json
  maildoctor report --from - --format sarif:out.sarif < report.json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(_ *cobra.Command, args []string) error { return a.report(f, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.from, "from", nil, "a `file` with reports in JSON (repeatable; - is\nstandard input)")
	f.output = a.reportFlag(cmd).fileFlags(cmd)
	flags.Lookup("verbose").Usage = "show every check, and evidence in full"
	f.output.compactFlag(cmd)
	f.since.add(cmd)
	f.failOn = choose(cmd, "fail-on", "exit with 1 for findings of this severity and above:\nadvice, warning, critical,\nor never", "never", "advice", "warning", "critical", "never")
	flags.BoolVar(&f.strict, "strict", false, "exit with 3 if something could not be told")
	return cmd
}

func (a *app) report(f reportCommandFlags, names []string) error {
	if len(f.from) == 0 {
		return usage(errors.New("no report given; name a file with --from, as in maildoctor report --from report.json"))
	}
	gate, err := f.gate()
	if err != nil {
		return err
	}
	if err := f.output.check(); err != nil {
		return err
	}
	var all []diagnosis.Report
	for _, name := range f.from {
		list, err := a.readReports(name)
		if err != nil {
			return usage(fmt.Errorf("--from %s: %w", name, err))
		}
		all = append(all, list...)
	}
	if all, err = about(all, names); err != nil {
		return usage(err)
	}
	before, err := a.earlier(f.since)
	if err != nil {
		return err
	}
	if f.output.changes, err = before.hold(all); err != nil {
		return err
	}
	if err := f.output.reports(all); err != nil {
		return err
	}
	return f.output.end(gate, all)
}

// about is the reports on what is named, or all where nothing is.
func about(all []diagnosis.Report, names []string) ([]diagnosis.Report, error) {
	if len(names) == 0 {
		return all, nil
	}
	var list []diagnosis.Report
	for _, name := range names {
		of := slices.DeleteFunc(slices.Clone(all), func(r diagnosis.Report) bool {
			return record.Canonical(history.Subject(r)) != record.Canonical(named(name))
		})
		if len(of) == 0 {
			return nil, fmt.Errorf("there is no report on %q in what --from names", name)
		}
		list = append(list, of...)
	}
	return list, nil
}

// named is the subject that an argument names, in the form of reports.
func named(arg string) string {
	if addr, err := netip.ParseAddr(arg); err == nil {
		return addr.Unmap().String()
	}
	if domain, err := record.ParseDomain(arg); err == nil {
		return domain
	}
	return arg
}

func (a *app) readReports(name string) ([]diagnosis.Report, error) {
	var r io.Reader = a.in
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		r = file
	}
	return report.ReadJSON(r)
}
