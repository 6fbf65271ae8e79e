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
		p.line(head + p.topicDetail(t, state, p.width-cells(head)))
		if p.verbose {
			for _, r := range t.results {
				p.checkLine(r)
			}
		}
	}
}

// topicDetail is what a topic's line says, in at most width columns.
func (p *page) topicDetail(t topic, s state, width int) string {
	n := count(t.results)
	switch s {
	case passed:
		return clip(telling(t.results, width), width)
	case skipped:
		return p.in(faint, clip("skipped: "+flat(t.results[0].Reason), width))
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

// telling joins what passes saw, as much as fits: for each check the first line
// of the first answer that says something new.
func telling(results []diagnosis.Result, width int) string {
	var parts []string
	used := 0
	for _, r := range results {
		s := firstSeen(r)
		if s == "" || slices.ContainsFunc(parts, func(have string) bool { return strings.Contains(have, s) }) {
			continue
		}
		n := cells(s)
		if len(parts) > 0 {
			n += len(" · ")
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

func firstSeen(r diagnosis.Result) string {
	if r.Outcome != diagnosis.Passed || len(r.Seen) == 0 {
		return ""
	}
	if e := r.Seen[0]; e.Answer != "" {
		return lines(e.Answer)[0]
	}
	return flat(r.Seen[0].Question)
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
		return "skipped, " + flat(r.Reason)
	case diagnosis.Unknown:
		return "could not be told, " + flat(r.Reason)
	}
	return plural(len(r.Findings), "finding") + ", see below"
}
