package report

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// A riddle is one thing that could not be found out, in words, and the checks
// that it kept from a verdict.
type riddle struct {
	words string
	ids   []string
}

// riddles are the doubts of all results, each once, in their order. Those that
// follow from another check are folded into the riddle of that check.
func riddles(results []diagnosis.Result) (list []riddle, folded map[string]int) {
	at := make(map[string]int)
	folded = make(map[string]int)
	present := make(map[string]bool)
	for _, r := range results {
		present[r.Rule.ID] = true
	}
	for _, r := range results {
		if r.Outcome != diagnosis.Unknown && r.Outcome != diagnosis.Failed {
			continue
		}
		if r.Outcome == diagnosis.Unknown && r.Cause != "" && present[r.Cause] {
			folded[r.Cause]++
			continue
		}
		doubts := r.Doubts
		if len(doubts) == 0 && r.Outcome == diagnosis.Unknown {
			doubts = []diagnosis.Doubt{{Reason: r.Reason}}
		}
		for _, d := range doubts {
			words := inWords(d)
			i, ok := at[words]
			if !ok {
				i = len(list)
				at[words], list = i, append(list, riddle{words: words})
			}
			if ids := list[i].ids; len(ids) == 0 || ids[len(ids)-1] != r.Rule.ID {
				list[i].ids = append(ids, r.Rule.ID)
			}
		}
	}
	return list, folded
}

// maxNamed is how many checks of one riddle are named.
const maxNamed = 4

func (p *page) unknowns(results []diagnosis.Result) {
	list, folded := riddles(results)
	if len(list) == 0 {
		return
	}
	p.gap()
	p.line(p.mark(unknown) + " " + p.in(strong, "COULD NOT BE TOLD"))
	for _, r := range list {
		p.gap()
		p.para("  ", r.words, plain)
		dependants := 0
		for _, id := range r.ids {
			dependants += folded[id]
			delete(folded, id)
		}
		p.para("  ", p.named(r.ids, dependants), faint)
	}
}

// inWords is the reason, with the subject where the reason does not name it.
func inWords(d diagnosis.Doubt) string {
	subject := record.Display(d.Subject)
	if d.Subject == "" || strings.Contains(d.Reason, subject) {
		return flat(d.Reason)
	}
	return flat(subject + ": " + d.Reason)
}

// named lists the checks of a riddle and counts those that hang on them.
func (p *page) named(ids []string, dependants int) string {
	shown := ids
	if !p.verbose && len(ids) > maxNamed+1 {
		shown = ids[:maxNamed]
	}
	s := flat(strings.Join(shown, ", "))
	if n := len(ids) - len(shown); n > 0 {
		s += fmt.Sprintf(" and %s", plural(n, "more check"))
	}
	switch {
	case dependants == 1:
		s += "; 1 check depends on it"
	case dependants > 1:
		s += fmt.Sprintf("; %d checks depend on it", dependants)
	}
	return s
}
