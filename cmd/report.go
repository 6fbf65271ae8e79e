package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/diagnosis"
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
		Use:   "report --from FILE",
		Short: "Show a saved report, or write it in another format",
		Long: `Report reads reports that were written with --format json (or ndjson) and shows
them, or writes them in other formats. It examines nothing and asks nobody. With
--diff it shows what became different between two.

What a report says of severities and reasons was written down when it was made.

Exit codes:
  0  the reports are written, whatever is in them
  1  with --fail-on: a finding at or above it
  2  wrong usage, or what is no report
  3  with --strict: something could not be told
  4  what was asked for could not be done, such as writing a file`,
		Example: `  maildoctor report --from report.json
  maildoctor report --from report.json --format html:report.html
  maildoctor report --from today.json --diff yesterday.json
  maildoctor report --from - --format sarif:out.sarif < report.json`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(_ *cobra.Command, _ []string) error { return a.report(f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.from, "from", nil, "a `file` with reports in JSON (repeatable; - is\nstandard input)")
	f.output = a.reportFlag(cmd).fileFlags(cmd)
	flags.Lookup("verbose").Usage = "show every check, and evidence in full"
	f.since.add(cmd)
	f.failOn = choose(cmd, "fail-on", "exit with 1 for findings of this severity and above:\nadvice, warning, critical,\nor never", "never", "advice", "warning", "critical", "never")
	flags.BoolVar(&f.strict, "strict", false, "exit with 3 if something could not be told")
	return cmd
}

func (a *app) report(f reportCommandFlags) error {
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
