package report

import (
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Text writes the reports for a person: one block for each domain or address,
// topics first (of an address, whether it is fit to send from), then what is wrong (causes first, consequences folded), what could not be told,
// and the counts; for several of them a summary at the end. Compact makes it a line
// or two for each, the gravest first.
//
// Lines are wrapped to the width, except records to publish: each stands on a
// line of its own, from the first column, as a zone file takes it. The output
// holds no control but the line end and, with Colour, SGR sequences of its own.
func Text(w io.Writer, reports []diagnosis.Report, o TextOptions) error {
	p := newPage(o)
	switch {
	case o.Compact && len(reports) > 1:
		p.compact(reports)
	default:
		for _, r := range reports {
			p.gap()
			p.block(r)
		}
		if len(reports) > 1 {
			p.summary(reports)
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *page) block(r diagnosis.Report) {
	p.header(subject(r))
	if r.CutShort {
		p.gap()
		p.para("  "+p.in(strongWarn, "!")+" ", cutShort, strongWarn)
	}
	if r.Address != "" { // whether to rent it is what was asked
		p.fitness(r.Policies)
	}
	p.gap()
	p.topics(r)
	p.findings(r.Results)
	p.unknowns(r.Results)
	p.waived(r.Results)
	if r.Address == "" {
		p.policies(r.Policies)
	}
	p.gap()
	p.hints(firstFailed(r.Results))
	p.lastLine(r)
}

// hints are for who reads such a report for the first time; each is given once.
func (p *page) hints(failed string) {
	if p.quoted && !p.hintedQuotes { // a record that holds the quotes is none
		p.hintedQuotes = true
		p.para("", "Records stand as in a zone file; a DNS panel takes the value of a TXT record without the quotes, its parts joined.", faint)
		p.gap()
	}
	if failed != "" && !p.hintedExplain {
		p.hintedExplain = true
		p.flow("", []string{p.in(faint, "For more on a finding:"), "maildoctor explain " + flat(failed)}, " ")
		p.gap()
	}
}

const cutShort = "Cut short: the examination ended before it was complete: interrupted, or out of time (--timeout). What is missing here is unknown, not in order."

// subject is what a report is about, for a reader.
func subject(r diagnosis.Report) string {
	if r.Address != "" {
		return flat(r.Address)
	}
	return title(r.Domain)
}

// title is the domain for a reader: U-labels and, where they differ, A-labels.
func title(domain string) string {
	ascii := flat(record.Display(domain))
	if u := flat(record.Unicode(domain)); u != ascii {
		return u + " (" + ascii + ")"
	}
	return ascii
}

func (p *page) header(title string) {
	dashes := strings.Repeat("─", max(2, p.width-cells(title)-4))
	p.line(p.in(faint, "── ") + p.in(strong, title) + p.in(faint, " "+dashes))
}

func firstFailed(results []diagnosis.Result) string {
	if failed := failures(results); len(failed) > 0 {
		return failed[0].Rule.ID
	}
	return ""
}

// measured is the room for " · 1000 questions in 99.9 s": whether it fits is not
// to depend on how long a run took, or two runs would look different.
const measured = 27

// lastLine is the counts and the time.
func (p *page) lastLine(r diagnosis.Report) {
	t := count(r.Results)
	tone := bad
	if t.found() == 0 {
		tone = good
	}
	if t.found() == 0 && !t.conclusive(r.CutShort) {
		tone = plain
	}
	parts := []string{p.in(tone, t.verdict(r.CutShort))}
	if rest := t.rest(); rest != "" {
		parts = append(parts, rest)
	}
	if cells(strings.Join(parts, " · ")) > p.width-measured {
		p.flow("", parts, " · ")
		parts = nil
	}
	parts = append(parts, plural(r.Questions, "question")+" in "+duration(r.Took))
	if r.CutShort {
		parts = append(parts, p.in(strongWarn, "cut short"))
	}
	p.flow("", parts, " · ")
}

// flow puts parts one after the other, sep between them, and begins a new line
// where the next part does not fit.
func (p *page) flow(head string, parts []string, sep string) {
	indent := strings.Repeat(" ", cells(head))
	line := head + parts[0]
	for _, part := range parts[1:] {
		if cells(line)+cells(sep)+cells(part) > p.width {
			p.line(line)
			line = indent + part
			continue
		}
		line += sep + part
	}
	p.line(line)
}

// fitness is what the answer to the question about an address comes to.
func fitness(r diagnosis.Report) []string {
	if r.Address == "" || len(r.Policies) == 0 {
		return nil
	}
	switch r.Policies[0].Answer {
	case diagnosis.Passed:
		return []string{"fit"}
	case diagnosis.Failed:
		return []string{"not fit"}
	}
	return []string{"whether fit could not be told"}
}

// summary is one line for each domain or address.
func (p *page) summary(reports []diagnosis.Report) {
	p.gap()
	p.header("summary")
	p.gap()
	widest := 0
	for _, r := range reports {
		widest = max(widest, cells(subject(r)))
	}
	widest = min(widest, p.width-len("  ✓   99 checks could not be told"))
	for _, r := range reports {
		t := count(r.Results)
		parts := append(fitness(r), strings.Split(t.verdict(r.CutShort), ", ")...)
		if n := t.unknown(); n > 0 {
			parts = append(parts, plural(n, "check")+" could not be told")
		}
		if r.CutShort {
			parts = append(parts, "cut short")
		}
		mark := p.mark(gravestOf(r.Results))
		name := subject(r)
		if cells(name) > widest {
			p.line("  " + mark + " " + name)
			mark, name = " ", ""
		}
		p.flow("  "+mark+" "+pad(name, widest)+"  ", parts, ", ")
	}
}
