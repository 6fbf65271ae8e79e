package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// NagiosState is the exit code of a plugin (0 OK, 1 WARNING, 2 CRITICAL, 3
// UNKNOWN). A critical finding is CRITICAL and a warning WARNING; advice wakes
// nobody. Where nothing is wrong, but a check could not be told, it is OK, unless
// less was told than was not or the examination was cut short: then it is UNKNOWN.
func NagiosState(reports []diagnosis.Report) int {
	state := 0
	for _, r := range reports {
		t := count(r.Results)
		switch {
		case t.findings[diagnosis.Critical] > 0:
			return 2
		case t.findings[diagnosis.Warning] > 0:
			state = 1
		case state == 0 && (r.CutShort || t.unknown() > t.outcomes[diagnosis.Passed]):
			state = 3
		}
	}
	if len(reports) == 0 {
		return 3
	}
	return state
}

// Nagios writes the output of a monitoring plugin: a line with the state and the
// gravest finding, performance data, and the other findings a line each.
func Nagios(w io.Writer, reports []diagnosis.Report, _ Options) error {
	var total tally
	names := make([]string, 0, len(reports))
	var took, questions float64
	for _, r := range reports {
		t := count(r.Results)
		for i, n := range t.findings {
			total.findings[i] += n
		}
		for i, n := range t.outcomes {
			total.outcomes[i] += n
		}
		total.beside += t.beside
		names = append(names, subject(r))
		took, questions = took+r.Took.Seconds(), questions+float64(r.Questions)
	}
	const most = 3
	if n := len(names); n > most {
		names = append(names[:most], fmt.Sprintf("%d more", n-most))
	}
	all := allFound(reports)
	head := fmt.Sprintf("MAIL %s - %s: %s", [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[NagiosState(reports)], strings.Join(names, ", "), total.verdict(false))
	if n := total.unknown(); n > 0 {
		head += fmt.Sprintf("; %s could not be told", plural(n, "check"))
	}
	if worst := worstFound(all); worst != nil && worst.Severity > diagnosis.Advice {
		head += "; " + worst.rule.ID + ": " + worst.text()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s | critical=%d;;0;0 warning=%d;0;;0 advice=%d;;;0 unknown=%d;;;0 time=%.3fs;;;0 questions=%g;;;0\n", pluginText(head),
		total.findings[diagnosis.Critical], total.findings[diagnosis.Warning], total.findings[diagnosis.Advice], total.unknown(), took, questions)
	for _, f := range all {
		fmt.Fprintf(&b, "%s: %s: %s: %s\n", strings.ToUpper(f.Severity.String()), pluginText(subject(f.report)), pluginText(f.rule.ID), pluginText(f.text()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func worstFound(all []found) *found {
	var worst *found
	for i := range all {
		if worst == nil || all[i].Severity > worst.Severity {
			worst = &all[i]
		}
	}
	return worst
}

// pluginText is text on a line of a plugin: a bar would begin performance data.
func pluginText(s string) string { return strings.ReplaceAll(flat(s), "|", `\x7c`) }
