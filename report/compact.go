package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// compact puts a line or two for each report, the gravest first: the verdict and
// the counts, and the worst that was found.
func (p *page) compact(reports []diagnosis.Report) {
	p.header(counted(reports))
	p.gap()
	reports = byGravity(reports)
	widest, most := 0, min(p.width-len("  x   2 critical, 1 warning"), 48)
	for _, r := range reports {
		if n := cells(subject(r)); n <= most { // a longer one has a line of its own
			widest = max(widest, n)
		}
	}
	for _, r := range reports {
		p.glimpse(r, widest)
	}
	p.gap()
	p.totals(reports)
	worst := reports[0]
	if gravestOf(worst.Results) < unknown || !copied.MatchString(worst.Domain+worst.Address) {
		return
	}
	p.gap()
	command := "maildoctor check " + worst.Domain
	if worst.Address != "" {
		command = "maildoctor ip " + worst.Address
	}
	p.flow("", []string{p.in(faint, "One of them in full:"), command}, " ")
}

// copied is the names that stand in a command for people to copy: none of their
// characters means anything to a shell.
var copied = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._:-]*$`)

// counted is "12 domains", of reports that may be about addresses as well.
func counted(reports []diagnosis.Report) string {
	addresses := 0
	for _, r := range reports {
		if r.Address != "" {
			addresses++
		}
	}
	var parts []string
	if n := len(reports) - addresses; n > 0 {
		parts = append(parts, plural(n, "domain"))
	}
	switch {
	case addresses == 1:
		parts = append(parts, "1 address")
	case addresses > 1:
		parts = append(parts, fmt.Sprintf("%d addresses", addresses))
	}
	return strings.Join(parts, ", ")
}

// byGravity is reports with the gravest first: by the severity of what was found,
// then by how much of it, else in their order.
func byGravity(reports []diagnosis.Report) []diagnosis.Report {
	list := slices.Clone(reports)
	slices.SortStableFunc(list, func(a, b diagnosis.Report) int {
		x, y := count(a.Results), count(b.Results)
		by := cmp.Compare(gravestOf(b.Results), gravestOf(a.Results))
		for s := diagnosis.Critical; s >= diagnosis.Advice; s-- {
			by = cmp.Or(by, cmp.Compare(y.findings[s], x.findings[s]))
		}
		return cmp.Or(by, cmp.Compare(y.unknown(), x.unknown()))
	})
	return list
}

// glimpse puts one report. A name that is wider than its column has a line of its own.
func (p *page) glimpse(r diagnosis.Report, widest int) {
	t := count(r.Results)
	state := gravestOf(r.Results)
	head := "  " + p.mark(state) + " "
	name := subject(r)
	if cells(name) > widest {
		p.line(head + p.in(strong, name))
		head = strings.Repeat(" ", cells(head)+widest+2)
	} else {
		head += p.in(strong, pad(name, widest)) + "  "
	}
	line := head + p.in(verdictTone(r, t), strings.Join(verdictOf(r, t), ", "))
	if rest := t.rest(); rest != "" && cells(line)+cells(" · "+rest) <= p.width {
		line += p.in(faint, " · "+rest)
	}
	if cells(line) <= p.width {
		p.line(line)
	} else {
		p.flow(head, verdictOf(r, t), ", ")
	}
	if state > passed {
		p.line("      " + p.worstOf(r, p.width-len("      ")))
	}
}

// verdictOf is what a report comes to, in a few words each.
func verdictOf(r diagnosis.Report, t tally) []string {
	parts := append(fitness(r), strings.Split(t.verdict(r.CutShort), ", ")...)
	if r.Address == "" {
		for _, j := range r.Policies {
			words := map[diagnosis.Outcome]string{diagnosis.Passed: "yes", diagnosis.Failed: "no"}
			parts = append(parts, flat(j.Policy)+": "+cmp.Or(words[j.Answer], "unknown"))
		}
	}
	if r.CutShort {
		parts = append(parts, "cut short")
	}
	return parts
}

// verdictTone repeats a verdict in colour.
func verdictTone(r diagnosis.Report, t tally) tone {
	switch {
	case t.findings[diagnosis.Critical] > 0:
		return bad
	case t.findings[diagnosis.Warning] > 0:
		return warn
	case t.findings[diagnosis.Advice] > 0:
		return hint
	case t.conclusive(r.CutShort):
		return good
	}
	return plain
}

// worstOf is the gravest finding in at most width columns, with its check where
// there is room for that; where nothing was found, what could not be told.
func (p *page) worstOf(r diagnosis.Report, width int) string {
	failed := failures(r.Results)
	slices.SortStableFunc(failed, func(a, b diagnosis.Result) int { return cmp.Compare(b.Severity, a.Severity) })
	if len(failed) == 0 || len(failed[0].Findings) == 0 {
		return p.in(faint, clip(doubtOf(r.Results), width))
	}
	id := flat(failed[0].Rule.ID)
	text := message(gravest(failed[0].Findings)[0], failed[0].Severity)
	const enough = 24
	if left := width - cells(id) - 2; left >= enough {
		return p.id(faint, id) + "  " + brief(text, left)
	}
	return brief(text, width)
}

// totals is how many reports have what as the gravest.
func (p *page) totals(reports []diagnosis.Report) {
	var of [critical + 1]int
	questions := 0
	for _, r := range reports {
		of[gravestOf(r.Results)]++
		questions += r.Questions
	}
	var parts []string
	for _, one := range []struct {
		state state
		tone  tone
		words string
	}{
		{critical, bad, "with critical findings"}, {warning, warn, "with warnings"}, {advice, hint, "with advice"},
		{unknown, plain, "not told in full"}, {passed, good, "in order"}, {skipped, plain, "not examined"},
	} {
		if n := of[one.state]; n > 0 {
			parts = append(parts, p.in(one.tone, fmt.Sprintf("%d %s", n, one.words)))
		}
	}
	if questions > 0 {
		parts = append(parts, plural(questions, "question"))
	}
	p.flow("", parts, " · ")
}
