package report

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// TextOptions say how a report is set as text.
type TextOptions struct {
	Width   int  // columns; less than 40 is taken as 40, more than 120 as 120, 0 as 80
	Verbose bool // every check, and evidence in full
	Colour  bool // repeat in colour what symbols and words say
	Compact bool // a line or two for each report in place of all, where there are several
	Links   bool // make checks and sources links (OSC 8); nothing is left out of the text for it
}

const (
	minWidth = 40
	maxWidth = 120
)

// A page is text being set. What is put on it is escaped already.
type page struct {
	strings.Builder
	width   int
	verbose bool
	colour  bool
	links   bool

	quoted                      bool // a TXT record to publish stands on it
	hintedQuotes, hintedExplain bool
}

func newPage(o TextOptions) *page {
	if o.Width == 0 {
		o.Width = 80
	}
	return &page{width: min(max(o.Width, minWidth), maxWidth), verbose: o.Verbose, colour: o.Colour, links: o.Links}
}

// A tone is a way to stress words. It never carries a meaning of its own.
type tone int

const (
	plain tone = iota
	strong
	faint
	good
	bad
	warn
	hint
	strongBad
	strongWarn
	strongHint
)

// in is s in a tone.
func (p *page) in(t tone, s string) string {
	if !p.colour || t == plain || s == "" {
		return s
	}
	style := lipgloss.NewStyle()
	switch t {
	case strong, strongBad, strongWarn, strongHint:
		style = style.Bold(true)
	case faint:
		style = style.Faint(true)
	}
	switch t {
	case good:
		style = style.Foreground(lipgloss.Green)
	case bad, strongBad:
		style = style.Foreground(lipgloss.Red)
	case warn, strongWarn:
		style = style.Foreground(lipgloss.Yellow)
	case hint, strongHint:
		style = style.Foreground(lipgloss.Cyan)
	}
	return style.Render(s)
}

// line puts one line, as it is.
func (p *page) line(s string) {
	p.WriteString(quiet(strings.TrimRight(s, " ")))
	p.WriteByte('\n')
}

// gap puts one empty line, unless there is one.
func (p *page) gap() {
	if s := p.String(); s != "" && !strings.HasSuffix(s, "\n\n") {
		p.WriteByte('\n')
	}
}

// para puts text behind head, wrapped into the page; the lines after the first
// stand under the first word.
func (p *page) para(head, text string, t tone) {
	indent := strings.Repeat(" ", cells(head))
	for i, l := range wrap(text, p.width-cells(head)) {
		if i > 0 {
			head = indent
		}
		p.line(head + p.in(t, strings.ReplaceAll(l, glue, " ")))
	}
}

// cells is how many columns s takes on a terminal.
func cells(s string) int {
	if isPlain(s) {
		return len(s)
	}
	return lipgloss.Width(s)
}

// wrap breaks text at blanks into lines of at most width columns. A word longer
// than a line is broken, unless it is a URL or a command, which people copy.
func wrap(text string, width int) []string {
	width = max(width, 8)
	var out []string
	line, used := "", 0
	for i, word := range strings.Split(text, " ") {
		n := cells(word)
		if i > 0 && used+1+n <= width {
			line, used = line+" "+word, used+1+n
			continue
		}
		if i > 0 {
			out = append(out, line)
		}
		for n > width && word != "" && !strings.Contains(word, "://") && !strings.Contains(word, glue) { // n is counted down: words may be very long
			head := fitting(word, width)
			out, word = append(out, head), word[len(head):]
			n -= cells(head)
		}
		line, used = word, n
	}
	return append(out, line)
}

// fitting is the longest beginning of s of at most width columns, but at least
// one character.
func fitting(s string, width int) string {
	used := 0
	for i, r := range s {
		used += cells(string(r))
		if used > width && i > 0 {
			return s[:i]
		}
	}
	return s
}

// clip is s in at most width columns, with an ellipsis where something is missing.
func clip(s string, width int) string {
	if cells(s) <= width {
		return s
	}
	return fitting(s, max(width-1, 1)) + "…"
}

// pad is s with blanks up to width columns.
func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-cells(s))) }
