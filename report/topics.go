package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A state is what one symbol stands for.
type state int

const (
	skipped state = iota
	passed
	unknown
	advice
	warning
	critical
)

// stateOf is the state of one result.
func stateOf(r diagnosis.Result) state {
	switch r.Outcome {
	case diagnosis.Passed:
		return passed
	case diagnosis.Skipped:
		return skipped
	case diagnosis.Failed:
		return stateOfSeverity(r.Severity)
	}
	return unknown
}

func stateOfSeverity(s diagnosis.Severity) state {
	switch s {
	case diagnosis.Advice:
		return advice
	case diagnosis.Warning:
		return warning
	}
	return critical
}

// gravestOf is the state that speaks for several results.
func gravestOf(results []diagnosis.Result) state {
	s := skipped
	for _, r := range results {
		s = max(s, stateOf(r))
	}
	return s
}

// mark is the symbol of a state.
func (p *page) mark(s state) string {
	switch s {
	case passed:
		return p.in(good, "✓")
	case unknown:
		return p.in(warn, "?")
	case advice:
		return p.in(hint, "!")
	case warning:
		return p.in(warn, "!")
	case critical:
		return p.in(bad, "✗")
	}
	return p.in(faint, "–")
}

// A topic is the results whose IDs share what stands before the dot.
type topic struct {
	name    string
	results []diagnosis.Result
}

// byTopic groups results, in the order of their first.
func byTopic(results []diagnosis.Result) []topic {
	var topics []topic
	at := make(map[string]int)
	for _, r := range results {
		name, _, _ := strings.Cut(r.Rule.ID, ".")
		i, ok := at[name]
		if !ok {
			i = len(topics)
			at[name], topics = i, append(topics, topic{name: name})
		}
		topics[i].results = append(topics[i].results, r)
	}
	return topics
}

// topics puts one line for each topic and, in a verbose report, one for each check.
func (p *page) topics(r diagnosis.Report) {
	list, about := byTopic(r.Results), flat(r.Address)
	widest := 0
	for _, t := range list {
		widest = max(widest, cells(flat(t.name)))
	}
	widest = min(widest, 12)
	for _, t := range list {
		state := gravestOf(t.results)
		head := "  " + p.mark(state) + " " + p.in(strong, pad(flat(t.name), widest)) + "  "
		if state == skipped { // the reason may be what to do, so all of it
			p.para(head, skippedFor(t.results[0]), faint)
		} else {
			p.line(head + topicDetail(t, state, p.width-cells(head), about))
		}
		if p.verbose {
			for _, r := range t.results {
				p.checkLine(r)
			}
		}
	}
}

// skippedFor is why a check was skipped, in words.
func skippedFor(r diagnosis.Result) string {
	reason := flat(r.Reason)
	if strings.HasPrefix(reason, "because") {
		return "skipped " + reason
	}
	return "skipped: " + reason
}

// topicDetail is what a topic's line says, in at most width columns: of what is
// wrong the gravest, else what could not be told and why, else what was seen.
func topicDetail(t topic, s state, width int, about string) string {
	switch s {
	case passed:
		return clip(telling(t.results, width, about), width)
	case unknown:
		return clip(doubtOf(t.results), width)
	}
	return worst(t.results, width)
}

// worst is the first finding that a reader of the findings meets, and how many
// more there are.
func worst(results []diagnosis.Result, width int) string {
	failed := failures(results)
	slices.SortStableFunc(failed, func(a, b diagnosis.Result) int { return cmp.Compare(b.Severity, a.Severity) })
	more := ""
	if n := count(results).found(); n > 1 {
		more = fmt.Sprintf(" (+%d more)", n-1)
	}
	if len(failed) == 0 || len(failed[0].Findings) == 0 {
		return clip(plural(len(failed), "check")+" failed", width)
	}
	return brief(message(gravest(failed[0].Findings)[0], failed[0].Severity), width-cells(more)) + more
}

// brief is a message in at most width columns: without its asides in brackets,
// else without its last clauses, rather than cut anywhere.
func brief(s string, width int) string {
	for cells(s) > width {
		before, rest, found := strings.Cut(s, " (")
		_, after, closed := strings.Cut(rest, ")")
		if !found || !closed {
			break
		}
		s = before + after
	}
	if cells(s) <= width {
		return s
	}
	for head := s; ; {
		i := max(strings.LastIndex(head, "; "), strings.LastIndex(head, ": "))
		if i < max(width/2, 1) { // too little would be left
			return clip(s, width)
		}
		if head = head[:i]; cells(head) < width {
			return head + "…"
		}
	}
}

// doubtOf is how many checks could not be told, and the first reason.
func doubtOf(results []diagnosis.Result) string {
	said := "could not be told"
	if n := count(results).unknown(); n < len(results) {
		said = fmt.Sprintf("%d of %d could not be told", n, len(results))
	}
	for _, r := range results {
		switch {
		case r.Outcome != diagnosis.Unknown:
		case r.Cause != "":
			return said + ", because of " + flat(r.Cause)
		case len(r.Doubts) > 0:
			return said + ": " + inWords(r.Doubts[0])
		default:
			return said + ": " + flat(r.Reason)
		}
	}
	return said
}

// checkLine is one check in a verbose report: its claim if it holds, else what
// became of it.
func (p *page) checkLine(r diagnosis.Result) {
	head := "      " + p.mark(stateOf(r)) + " "
	p.para(head, flat(r.Rule.ID)+": "+p.became(r), plain)
	for _, e := range r.Seen {
		if r.Outcome == diagnosis.Passed || r.Outcome == diagnosis.Unknown {
			p.evidence("          ", e)
		}
	}
}

func (p *page) became(r diagnosis.Result) string {
	switch r.Outcome {
	case diagnosis.Passed:
		return flat(r.Rule.Title)
	case diagnosis.Skipped:
		return skippedFor(r)
	case diagnosis.Unknown:
		return "could not be told, " + flat(r.Reason)
	}
	return plural(len(r.Findings), "finding") + ", see below"
}
