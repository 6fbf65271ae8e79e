package report

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// CSV writes a table (RFC 4180): a row for each finding, for each thing that
// could not be told, and for each check that passed or was skipped. No cell begins
// with what a spreadsheet takes for a formula.
func CSV(w io.Writer, reports []diagnosis.Report, _ Options) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	// The writer keeps its first error for Error.
	_ = c.Write([]string{"domain", "at", "check", "outcome", "severity", "subject", "message", "fix", "place"})
	for _, r := range reports {
		for _, result := range r.Results {
			for _, row := range csvRows(r, result) {
				_ = c.Write(row)
			}
		}
		c.Flush()
	}
	c.Flush()
	return c.Error()
}

func csvRows(r diagnosis.Report, result diagnosis.Result) [][]string {
	row := func(outcome diagnosis.Outcome, severity, subject, message, fix, place string) []string {
		cells := []string{identity(r), r.At.UTC().Format(timeLayout), result.Rule.ID, outcome.String(), severity, subject, message, fix, place}
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		return cells
	}
	var list [][]string
	for _, f := range gravest(result.Findings) {
		list = append(list, row(diagnosis.Failed, f.Severity.String(), f.Subject, message(f, f.Severity), strings.Join(cureOf(f.Remedy), "\n"), strings.Join(f.Places, ", ")))
	}
	for _, d := range doubts(result) {
		list = append(list, row(diagnosis.Unknown, "", "", d, "", ""))
	}
	if len(list) == 0 {
		list = append(list, row(result.Outcome, "", "", result.Reason, "", ""))
	}
	return list
}

// cell is text for a spreadsheet: what it would take for a formula is made text by
// an apostrophe, and so is what would become one once it is cut at a separator.
func cell(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = Escape(l)
	}
	s = strings.Join(lines, "\n")
	if bare := strings.TrimLeft(s, " '\""); bare != "" && strings.Contains("=+-@|%", bare[:1]) {
		return "'" + s
	}
	return s
}
