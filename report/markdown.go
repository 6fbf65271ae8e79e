package report

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// maxMarkdown is the octets of a summary: GitHub takes comments of 65,536
// characters.
const maxMarkdown = 60 << 10

// Markdown writes a summary for a pull request (GitHub's and GitLab's flavour): a
// table of what was examined, then the findings, the gravest open and the rest
// folded, each with its cure. What does not fit into a comment is counted.
func Markdown(w io.Writer, reports []diagnosis.Report, _ Options) error {
	var b strings.Builder
	b.WriteString("## maildoctor\n\n| | | critical | warning | advice | could not be told | passed |\n|---|---|--:|--:|--:|--:|--:|\n")
	const rows = 200
	for i, r := range reports {
		if i == rows {
			fmt.Fprintf(&b, "| | and %d more | | | | | |\n", len(reports)-rows)
			break
		}
		t := count(r.Results)
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d |\n", emoji(gravestOf(r.Results)), inline(subject(r)),
			t.findings[diagnosis.Critical], t.findings[diagnosis.Warning], t.findings[diagnosis.Advice], t.unknown(), t.outcomes[diagnosis.Passed])
	}
	left := 0
	for _, r := range reports {
		if len(reports) > 1 && len(failures(r.Results)) > 0 {
			fmt.Fprintf(&b, "\n### %s\n", inline(subject(r)))
		}
		if r.CutShort {
			b.WriteString("\n" + inline(cutShort) + "\n")
		}
		for _, result := range failures(r.Results) {
			section := markdownResult(result)
			if b.Len()+len(section) > maxMarkdown {
				left++
				continue
			}
			b.WriteString(section)
		}
		left += markdownRiddles(&b, r)
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%s not shown here: the full report has them.\n", plural(left, "more finding"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// emoji is the mark of a state where there is no colour to set.
func emoji(s state) string {
	return [...]string{skipped: "➖", passed: "✅", unknown: "❔", advice: "💡", warning: "⚠️", critical: "❌"}[s]
}

func markdownResult(r diagnosis.Result) string {
	var b strings.Builder
	list := gravest(r.Findings)
	summary := ""
	if len(list) > 0 {
		summary = inline(message(list[0], r.Severity))
	}
	if n := len(list) - 1; n > 0 {
		summary += fmt.Sprintf(" (+%d more)", n)
	}
	open := ""
	if r.Severity == diagnosis.Critical {
		open = " open"
	}
	fmt.Fprintf(&b, "\n<details%s><summary>%s <b>%s</b> %s</summary>\n", open, emoji(stateOf(r)), inline(r.Rule.ID), summary)
	if r.Rule.Why != "" {
		fmt.Fprintf(&b, "\n%s\n", inline(r.Rule.Why))
	}
	for i, f := range list {
		if i > 0 {
			fmt.Fprintf(&b, "\n**%s**\n", inline(message(f, r.Severity)))
		}
		if len(f.Places) > 0 {
			fmt.Fprintf(&b, "\nAt %s\n", inline(strings.Join(f.Places, ", ")))
		}
		if seen := evidenceText(f.Evidence); seen != "" {
			b.WriteString("\nSeen:\n\n" + fenced(seen))
		}
		markdownCure(&b, f.Remedy)
	}
	if url := source(r.Rule); url != "" {
		fmt.Fprintf(&b, "\n[%s](<%s>)\n", inline(r.Rule.Refs[0].Name), strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20").Replace(url))
	}
	b.WriteString("\n</details>\n")
	return b.String()
}

func markdownCure(b *strings.Builder, r diagnosis.Remedy) {
	for _, e := range r.Edits {
		fmt.Fprintf(b, "\n%s\n", inline(instruction(e)))
		var records []string
		for _, w := range e.Want {
			records = append(records, Escape(w.String()))
		}
		if len(records) > 0 {
			b.WriteString("\n" + fenced(strings.Join(records, "\n")))
		}
	}
	for i, s := range r.Steps {
		number := ""
		if len(r.Steps) > 1 {
			number = fmt.Sprintf("%d. ", i+1)
		}
		if i == 0 || number == "" {
			b.WriteString("\n")
		}
		markdownStep(b, number, s)
	}
}

// markdownStep puts a step, of a list where it has a number.
func markdownStep(b *strings.Builder, number, step string) {
	indent := strings.Repeat(" ", len(number))
	for i, part := range pieces(flat(step)) {
		text := inline(part.Text)
		if part.Record {
			text = strings.TrimSuffix(fenced(part.Text), "\n")
		}
		if i > 0 {
			b.WriteString("\n")
		}
		for j, line := range strings.Split(text, "\n") {
			head := indent
			if i == 0 && j == 0 {
				head = number
			}
			b.WriteString(head + line + "\n")
		}
	}
}

// markdownRiddles puts what could not be told, and returns how many did not fit.
func markdownRiddles(b *strings.Builder, r diagnosis.Report) int {
	list, _ := riddles(r.Results)
	if len(list) == 0 {
		return 0
	}
	var s strings.Builder
	fmt.Fprintf(&s, "\n<details><summary>%s could not be told about %s</summary>\n\n", plural(len(list), "thing"), inline(subject(r)))
	for _, one := range list {
		fmt.Fprintf(&s, "- %s (%s)\n", inline(one.words), inline(strings.Join(one.ids, ", ")))
	}
	s.WriteString("\n</details>\n")
	if b.Len()+s.Len() > maxMarkdown {
		return len(list)
	}
	b.WriteString(s.String())
	return 0
}

// evidenceText is evidence in lines, not too many of them.
func evidenceText(list []diagnosis.Evidence) string {
	var out []string
	for i, e := range list {
		if i == maxEvidence {
			out = append(out, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		if q := flat(e.Question); q != "" {
			out = append(out, q)
		}
		for j, l := range lines(e.Answer) {
			if j == maxLines {
				out = append(out, "  …")
				break
			}
			if l != "" {
				out = append(out, "  "+clip(l, 200))
			}
		}
	}
	return strings.Join(out, "\n")
}

// inline is text that Markdown and the HTML in it show as it is. It mentions
// nobody, links nothing, and ends no cell of a table.
func inline(s string) string {
	var b strings.Builder
	for _, r := range flat(s) {
		switch {
		case strings.ContainsRune("<>&\"'", r):
			b.WriteString(html.EscapeString(string(r)))
		case strings.ContainsRune("\\`*_{}[]!|~$^", r):
			b.WriteString("\\" + string(r))
		case r == '@' || r == '#': // a mention, an issue: they are made of what is shown, which a comment parts
			b.WriteString(string(r) + "<!-- -->")
		default:
			b.WriteRune(r)
		}
	}
	// Addresses become links by what is written.
	out := strings.ReplaceAll(strings.ReplaceAll(b.String(), "://", "&#58;//"), "www.", "www&#46;")
	return lineStart(out)
}

// lineStart keeps text from beginning a list, a quotation or a rule.
func lineStart(s string) string {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	switch {
	case s == "":
	case strings.ContainsAny(s[:1], "-+=:#"):
		return fmt.Sprintf("&#%d;%s", s[0], s[1:])
	case digits > 0 && digits < len(s) && strings.ContainsAny(s[digits:digits+1], ".)"):
		return s[:digits] + fmt.Sprintf("&#%d;", s[digits]) + s[digits+1:]
	}
	return s
}

// fenced is a block of code that nothing in it can end.
func fenced(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "\n" + s + "\n" + fence + "\n"
}
