package report

import (
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
func (p *page) topics(results []diagnosis.Result) {
	list := byTopic(results)
	widest := 0
	for _, t := range list {
		widest = max(widest, cells(flat(t.name)))
	}
	widest = min(widest, 12)
	for _, t := range list {
		state := gravestOf(t.results)
		head := "  " + p.mark(state) + " " + p.in(strong, pad(flat(t.name), widest)) + "  "
		if state == skipped { // the reason may be what to do, so all of it
			p.para(head, "skipped: "+flat(t.results[0].Reason), faint)
		} else {
			p.line(head + topicDetail(t, state, p.width-cells(head)))
		}
		if p.verbose {
			for _, r := range t.results {
				p.checkLine(r)
			}
		}
	}
}

// topicDetail is what a topic's line says, in at most width columns.
func topicDetail(t topic, s state, width int) string {
	n := count(t.results)
	if s == passed {
		return clip(telling(t.results, width), width)
	}
	parts := []string{}
	if problems := n.problems(); problems != "" {
		parts = append(parts, problems)
	}
	if k := n.unknown(); k > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be told", k))
	}
	if k := n.outcomes[diagnosis.Passed]; k > 0 {
		parts = append(parts, fmt.Sprintf("%d passed", k))
	}
	if k := n.outcomes[diagnosis.Skipped]; k > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", k))
	}
	return clip(strings.Join(parts, " · "), width)
}

// telling joins what passes saw, as much as fits: what the first of them saw,
// then measures against a limit ("7 of 10"), then the rest, each once.
func telling(results []diagnosis.Result, width int) string {
	var parts []string
	used := 0
	for _, s := range candidates(results) {
		if slices.ContainsFunc(parts, func(have string) bool { return strings.Contains(have, s) }) {
			continue
		}
		n := cells(s)
		if len(parts) > 0 {
			n += cells(" · ")
		}
		if len(parts) > 0 && used+n > width {
			continue
		}
		parts, used = append(parts, s), used+n
	}
	if len(parts) == 0 {
		return plural(len(results), "check") + " passed"
	}
	return strings.Join(parts, " · ")
}

// candidates are what the checks that passed saw first, in the order of how
// much it tells; what there is not goes last.
func candidates(results []diagnosis.Result) []string {
	var list, measures, rest, nothing []string
	for _, r := range results {
		if r.Outcome != diagnosis.Passed || len(r.Seen) == 0 {
			continue
		}
		answer := lines(r.Seen[0].Answer)[0]
		switch s := glance(r.Seen[0]); {
		case s == "":
		case answer == "NXDOMAIN" || strings.HasPrefix(answer, "none ") || strings.HasPrefix(answer, "no "):
			nothing = append(nothing, s)
		case len(list) == 0:
			list = append(list, s)
		case isMeasure(s):
			measures = append(measures, s)
		default:
			rest = append(rest, s)
		}
	}
	return slices.Concat(list, measures, rest, nothing)
}

// glance is evidence in a few words: the first line of the answer and, where
// the question names no host or record, that as its label. Empty if it says
// only that there was nothing.
func glance(e diagnosis.Evidence) string {
	question, answer := flat(e.Question), lines(e.Answer)[0]
	switch {
	case answer == "none":
		return ""
	case answer == "":
		return question
	case question == "" || question == strings.ToUpper(question) || strings.ContainsAny(question, ".:["):
		return answer
	}
	return question + ": " + answer
}

// isMeasure reports whether s has a number "of" another one.
func isMeasure(s string) bool {
	before, after, ok := strings.Cut(s, " of ")
	return ok && before != "" && after != "" && isDigit(before[len(before)-1]) && isDigit(after[0])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

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
		return "skipped, " + flat(r.Reason)
	case diagnosis.Unknown:
		return "could not be told, " + flat(r.Reason)
	}
	return plural(len(r.Findings), "finding") + ", see below"
}
