package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// GitHub writes workflow commands that GitHub Actions shows as annotations: an
// error, a warning or a notice for each finding, at its line where it comes from a
// file; and a line for each report.
func GitHub(w io.Writer, reports []diagnosis.Report, _ Options) error {
	var b strings.Builder
	for _, f := range allFound(reports) {
		kind := "error"
		switch f.Severity {
		case diagnosis.Advice:
			kind = "notice"
		case diagnosis.Warning:
			kind = "warning"
		}
		b.WriteString("::" + kind + " ")
		if at := placeOf(f.Finding); at.file != "" {
			fmt.Fprintf(&b, "file=%s,line=%d,", property(at.file), at.line)
		}
		fmt.Fprintf(&b, "title=%s::%s\n", property(identity(f.report)+" "+f.rule.ID), commandText(f.text()+annotated(f)))
	}
	for _, r := range reports {
		t := count(r.Results)
		b.WriteString(lineOf(subject(r), t, r.CutShort) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// annotated is the cure below the message.
func annotated(f found) string {
	lines := cureOf(f.Remedy)
	if len(lines) == 0 {
		return ""
	}
	return "\n" + strings.Join(lines, "\n")
}

// lineOf is a report in a line of a log, which cannot be taken for a command.
func lineOf(subject string, t tally, cutShort bool) string {
	s := "maildoctor: " + subject + ": " + t.verdict(cutShort)
	if rest := t.rest(); rest != "" {
		s += "; " + rest
	}
	return Escape(s)
}

// commandText is text in a workflow command.
func commandText(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Escape(lines[i])
	}
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(strings.Join(lines, "\n"))
}

// property is the value of a property of a workflow command.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandText(flat(s)))
}
