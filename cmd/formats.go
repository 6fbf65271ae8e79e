package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

// A target is a format that reports are written in, and where.
type target struct {
	report.Format
	path string // of a file; empty for where --output says
}

func (t target) String() string {
	if t.path == "" {
		return t.Name
	}
	return t.Name + ":" + t.path
}

// formats is a flag that names targets: FORMAT or FORMAT:FILE, repeatable.
type formats struct {
	list  []target
	given bool // by the user; else the list is the default
}

func (f *formats) String() string {
	var list []string
	for _, t := range f.list {
		list = append(list, t.String())
	}
	return strings.Join(list, ",")
}

func (f *formats) Type() string { return "format" }

// Set adds a target.
func (f *formats) Set(s string) error {
	name, path, file := strings.Cut(s, ":")
	all := report.Formats()
	i := slices.IndexFunc(all, func(one report.Format) bool { return one.Name == name })
	switch {
	case i < 0:
		return fmt.Errorf("it takes %s; each may have a file, as in junit:report.xml", orList(formatNames()))
	case file && path == "":
		return fmt.Errorf("it names no file after the colon")
	case path == "-":
		path = ""
	}
	if !f.given {
		f.list, f.given = nil, true
	}
	f.list = append(f.list, target{all[i], path})
	return nil
}

func formatNames() []string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// reportFlag adds the flag that says in which formats reports are written.
func (a *app) reportFlag(cmd *cobra.Command) *output {
	o := &output{app: a, format: &choice{value: "text"}, formats: &formats{}}
	_ = o.formats.Set("text")
	o.formats.given = false
	cmd.Flags().Var(o.formats, "format", "a `format` to print in, as FORMAT or FORMAT:FILE\n(repeatable): "+strings.Join(formatNames()[:5], ", ")+",\n"+strings.Join(formatNames()[5:9], ", ")+",\n"+strings.Join(formatNames()[9:], ", "))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
	return o
}

// compactFrom is from how many reports on a text is compact unless it is to be otherwise.
const compactFrom = 4

// compactFlag adds the flag that makes text compact.
func (o *output) compactFlag(cmd *cobra.Command) {
	compact := cmd.Flags().Bool("compact", false, "show a line or two of each, as is done for four and\nmore without --verbose; --compact=false shows all")
	o.compact = func(reports int) bool {
		if cmd.Flags().Changed("compact") {
			return *compact
		}
		return reports >= compactFrom && !o.verbose
	}
}

// checkFormats makes sure that each target can be written, and that no two go to
// the same place. It settles which format the main output has.
func (o *output) checkFormats() error {
	o.format.value = ""
	at := make(map[string]target)
	for i, t := range o.formats.list {
		path := cmp.Or(t.path, o.path)
		if path != "" {
			if absolute, err := filepath.Abs(path); err == nil {
				path = absolute
			}
		}
		if other, taken := at[path]; taken {
			return usage(fmt.Errorf("--format %s and --format %s would both go to %s; give one of them a file of its own, as in --format %s:FILE", other, t, cmp.Or(cmp.Or(t.path, o.path), "standard output"), t.Name))
		}
		at[path] = t
		if t.path == "" {
			o.format.value = t.Name
			continue
		}
		file := o.to(t)
		if err := file.check(); err != nil {
			return err
		}
		o.formats.list[i].path = file.path
	}
	return nil
}

// to is the output of a target with a file.
func (o *output) to(t target) *output {
	file := *o
	file.formats, file.path, file.flag, file.named = nil, t.path, "--format "+t.Name+":", func() bool { return true }
	return &file
}

// formatted writes reports in all formats asked for, and to people who want it
// verbose where the time went.
func (o *output) formatted(list []diagnosis.Report, asked []report.Asked) error {
	var errs []error
	for _, t := range o.formats.list {
		out := o
		if t.path != "" {
			out = o.to(t)
		}
		errs = append(errs, out.print(func(w io.Writer) error {
			options := report.Options{FailOn: o.failOn, Version: version(), Text: out.text()}
			options.Text.Compact = o.compact != nil && o.compact(len(list))
			if o.changes != nil && t.Name == "text" {
				return report.Changes(w, o.changes, options.Text)
			}
			if err := t.Write(w, list, options); err != nil || len(asked) == 0 || t.Name != "text" || t.path != "" {
				return err
			}
			return report.Timing(w, list, asked, options.Text)
		}))
		if t.Name == "github" {
			errs = append(errs, o.app.stepSummary(list))
		}
	}
	return errors.Join(errs...)
}

// streams reports whether each report can be written when it is known: where all go
// to standard output, a line each.
func (o *output) streams() bool {
	return o.formats != nil && o.path == "" && len(o.formats.list) == 1 && o.formats.list[0].Name == "ndjson" && o.formats.list[0].path == ""
}

// stepSummary appends the summary of a job of GitHub Actions, which shows it, where
// there is one.
func (a *app) stepSummary(list []diagnosis.Report) error {
	path := a.env("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = errors.Join(report.Markdown(f, list, report.Options{}), f.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot write the summary of the job (GITHUB_STEP_SUMMARY): %w", err)
	}
	return nil
}

// end is how the program ends after its reports: by the gate or, where a monitoring
// system reads them, by the exit codes that such a one knows.
func (o *output) end(g gate, reports []diagnosis.Report) error {
	if o.formats != nil && o.format.value == "nagios" {
		return &codeError{code: report.NagiosState(reports)}
	}
	return g.judge(reports)
}
