package cmd

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/history"
)

// sinceFlags name an earlier report to which this one is held.
type sinceFlags struct {
	baseline, diff string
	keep           bool
}

func (f *sinceFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "count only what an earlier report, a `file` in JSON,\ndoes not have, or has less grave")
	cmd.Flags().StringVar(&f.diff, "diff", "", "show what is new, changed and fixed since the report\nin a `file`, or the last one kept, and count only\nwhat is new")
}

// addKeep adds --keep.
func (f *sinceFlags) addKeep(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.keep, "keep", false, "keep the report for history, and for --diff "+lastKept)
}

// An earlier is what reports are held to. Its zero value is nothing.
type earlier struct {
	reports []diagnosis.Report
	kept    func(subject string) ([]diagnosis.Report, error) // in place of reports, where it is not nil
	name    string
	diff    bool
}

// earlier reads the report that the flags name.
func (a *app) earlier(f sinceFlags) (earlier, error) {
	e := earlier{name: f.baseline}
	switch {
	case f.baseline != "" && f.diff != "":
		return e, usage(errors.New("--diff counts only what is new, as --baseline does; give one of them"))
	case f.diff != "":
		e.name, e.diff = f.diff, true
	case f.baseline == "":
		return e, nil
	}
	flag := "--baseline"
	if e.diff {
		flag = "--diff"
	}
	if e.diff && e.name == lastKept {
		e.kept = func(subject string) ([]diagnosis.Report, error) { return a.kept(subject, 1) }
		return e, nil
	}
	list, err := a.readReports(e.name)
	if err != nil {
		return e, usage(fmt.Errorf("%s %s: %w", flag, e.name, err))
	}
	if len(list) == 0 {
		return e, usage(fmt.Errorf("%s %s holds no report", flag, e.name))
	}
	e.reports = list
	return e, nil
}

// hold waives in each report what was known, and tells what became different where
// that is asked for.
func (e earlier) hold(reports []diagnosis.Report) ([]history.Changes, error) {
	var list []history.Changes
	for i := range reports {
		all := e.reports
		if e.kept != nil {
			var err error
			if all, err = e.kept(history.Subject(reports[i])); err != nil {
				return nil, err
			}
		}
		before, known := history.Of(all, history.Subject(reports[i]))
		if e.diff {
			c := history.Compare(before, reports[i])
			if !known {
				c.Before = time.Time{}
			}
			list = append(list, c)
		}
		if known {
			history.Accept(&reports[i], before)
		}
	}
	return list, nil
}
