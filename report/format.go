package report

import (
	"io"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A Format is a form that reports can be written in. All but text are for
// programs; each is a function of the reports alone.
type Format struct {
	Name  string
	Title string // what it is for, in a few words
	Write func(w io.Writer, reports []diagnosis.Report, o Options) error
}

// Options say what a format cannot know from the reports.
type Options struct {
	// FailOn is the severity from which on a finding counts as a failure, where a
	// format tells failures from remarks; Critical+1 for never.
	FailOn  diagnosis.Severity
	Version string // of this program; empty where it is not known
	Text    TextOptions
}

// Formats are all formats, text first.
func Formats() []Format {
	return []Format{
		{"text", "for people", func(w io.Writer, reports []diagnosis.Report, o Options) error { return Text(w, reports, o.Text) }},
		{"json", "the canonical form, for programs", func(w io.Writer, reports []diagnosis.Report, _ Options) error { return JSON(w, reports) }},
		{"ndjson", "the same, a line for each report", func(w io.Writer, reports []diagnosis.Report, _ Options) error { return NDJSON(w, reports) }},
		{"junit", "test results, as CI servers show them", JUnit},
		{"sarif", "code scanning (SARIF 2.1.0)", SARIF},
		{"markdown", "a summary for a pull request", Markdown},
		{"github", "annotations of GitHub Actions", GitHub},
		{"gitlab", "a code quality report of GitLab", GitLab},
		{"html", "one page for a browser, or to print", HTML},
		{"prometheus", "metrics for the textfile collector", Prometheus},
		{"nagios", "a line for Nagios, Icinga and the like", Nagios},
		{"csv", "a table, a row for each finding", CSV},
	}
}
