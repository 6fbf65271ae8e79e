package report

import (
	"fmt"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// waived puts what counts for nothing, a line for each decision: who answers for it,
// until when and why.
func (p *page) waived(results []diagnosis.Result) {
	n := 0
	var reasons []string
	of := make(map[string]int)
	for _, r := range results {
		for _, w := range r.Waived {
			n++
			line := flat(r.Rule.ID) + ": " + waiverText(w)
			if p.verbose {
				line = flat(r.Rule.ID) + ": " + message(w.Finding, r.Severity) + ": " + waiverText(w)
			}
			if of[line]++; of[line] == 1 {
				reasons = append(reasons, line)
			}
		}
	}
	if n == 0 {
		return
	}
	p.gap()
	p.line(p.mark(skipped) + " " + p.in(strong, "WAIVED") + "  " + p.in(faint, plural(n, "finding")+"; --verbose shows what was found"))
	p.gap()
	for _, line := range reasons {
		if of[line] > 1 {
			line += fmt.Sprintf(" (%d findings)", of[line])
		}
		p.para("  ", line, plain)
	}
}

// waiverText is a decision in words.
func waiverText(w diagnosis.Waived) string {
	s := flat(w.Reason)
	if w.By != "" {
		s += ", " + flat(w.By)
	}
	if !w.Until.IsZero() {
		s += ", until " + w.Until.UTC().Format("2 January 2006")
	}
	return s
}
