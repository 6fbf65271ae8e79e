package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// How much of one check a report that is not verbose shows.
const (
	maxFindings = 6 // of one check
	maxEvidence = 4 // of one finding
	maxLines    = 6 // of one answer
)

// failures are the failed results: causes before consequences, the gravest
// first, else in their order.
func failures(results []diagnosis.Result) []diagnosis.Result {
	var failed []diagnosis.Result
	for _, r := range results {
		if r.Outcome == diagnosis.Failed {
			failed = append(failed, r)
		}
	}
	slices.SortStableFunc(failed, func(a, b diagnosis.Result) int {
		if a, b := a.Cause != "", b.Cause != ""; a != b {
			if a {
				return 1
			}
			return -1
		}
		return cmp.Compare(b.Severity, a.Severity)
	})
	return failed
}

func (p *page) findings(results []diagnosis.Result) {
	told := make(remedies)
	for _, r := range failures(results) {
		p.failure(r, told)
		p.consequences(r.Rule.ID, results)
	}
}

// failure puts one failed check: what is wrong, why it matters, what was seen,
// and what cures it.
func (p *page) failure(r diagnosis.Result, told remedies) {
	p.gap()
	p.line(p.mark(stateOf(r)) + " " + p.in(strongTone(r.Severity), strings.ToUpper(r.Severity.String())) + "  " + p.id(faint, r.Rule.ID))
	list := gravest(r.Findings)
	hidden := 0
	if !p.verbose && len(list) > maxFindings+1 { // "and 1 more" would take its place
		list, hidden = list[:maxFindings], len(list)-maxFindings
	}
	for i, f := range list {
		if i > 0 {
			p.gap()
		}
		p.para("  ", message(f, r.Severity), strong)
		if len(f.Places) > 0 {
			p.para(p.label("at"), flat(strings.Join(f.Places, ", ")), plain)
		}
		if i == 0 && r.Rule.Why != "" {
			p.gap()
			p.para(p.label("why"), flat(r.Rule.Why), plain)
		}
		p.saw(f.Evidence)
		p.remedy(f.Remedy, r.Rule.ID, told)
	}
	if hidden > 0 {
		p.gap()
		p.para("  ", fmt.Sprintf("and %s of this kind; --verbose shows all", plural(hidden, "more finding")), faint)
	}
}

// gravest is list with the gravest first, else in its order.
func gravest(list []diagnosis.Finding) []diagnosis.Finding {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b diagnosis.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return list
}

// message is what a finding says, with its subject where the words do not name
// it and its severity where it is not the check's.
func message(f diagnosis.Finding, of diagnosis.Severity) string {
	s := flat(f.Message)
	subject := flat(record.Display(f.Subject))
	if subject != "" && !strings.Contains(s, subject) && !strings.Contains(s, flat(record.Unicode(f.Subject))) {
		s = subject + ": " + s
	}
	if f.Severity != of {
		s += " (" + f.Severity.String() + ")"
	}
	return s
}

func strongTone(s diagnosis.Severity) tone {
	switch s {
	case diagnosis.Advice:
		return strongHint
	case diagnosis.Warning:
		return strongWarn
	}
	return strongBad
}

// label stands in the margin of a finding.
func (p *page) label(s string) string { return "  " + p.in(faint, pad(s, 4)) + "  " }

// margin is as wide as a label.
const margin = "        "

func (p *page) saw(list []diagnosis.Evidence) {
	if len(list) == 0 {
		return
	}
	p.gap()
	hidden := 0
	if !p.verbose && len(list) > maxEvidence+1 {
		list, hidden = list[:maxEvidence], len(list)-maxEvidence
	}
	head := p.label("seen")
	for _, e := range list {
		p.evidence(head, e)
		head = margin
	}
	if hidden > 0 {
		p.line(margin + p.in(faint, fmt.Sprintf("and %d more", hidden)))
	}
}

// evidence puts "question → answer" on one line if that fits, else the question
// and under it the answer's lines: clipped, or wrapped where all is wanted.
func (p *page) evidence(head string, e diagnosis.Evidence) {
	question, answer := flat(e.Question), lines(e.Answer)
	if len(answer) == 1 && cells(head)+cells(question)+cells(" → ")+cells(answer[0]) <= p.width {
		switch {
		case question == "" || answer[0] == "":
			p.line(head + question + answer[0])
		default:
			p.line(head + question + p.in(faint, " → ") + answer[0])
		}
		return
	}
	indent := strings.Repeat(" ", cells(head))
	if question != "" {
		p.para(head, question, plain)
		head, indent = indent+"  ", indent+"  "
	}
	for i, l := range answer {
		switch {
		case p.verbose:
			p.para(head, l, plain)
		case i == maxLines && len(answer) > maxLines+1:
			p.line(head + p.in(faint, fmt.Sprintf("and %s", plural(len(answer)-i, "more line"))))
			return
		default:
			p.line(head + clip(l, p.width-cells(head)))
		}
		head = indent
	}
}

// consequences folds the checks whose end id decided.
func (p *page) consequences(id string, results []diagnosis.Result) {
	var skipped, doubtful []string
	for _, r := range results {
		switch {
		case r.Cause != id:
		case r.Outcome == diagnosis.Skipped:
			skipped = append(skipped, flat(r.Rule.ID))
		case r.Outcome == diagnosis.Unknown:
			doubtful = append(doubtful, flat(r.Rule.ID))
		}
	}
	p.folded(skipped, "skipped because of "+flat(id))
	p.folded(doubtful, "could not be told because of "+flat(id))
}

func (p *page) folded(ids []string, what string) {
	if len(ids) == 0 {
		return
	}
	p.gap()
	s := plural(len(ids), "check") + " " + what
	if p.verbose {
		s += ": " + strings.Join(ids, ", ")
	}
	p.para("  "+p.mark(skipped)+" ", s, faint)
}
