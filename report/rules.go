package report

import (
	"io"
	"math"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Rule writes what there is to say about one rule, for a person: the claim, why
// it matters, how it is judged, and the sources.
func Rule(w io.Writer, r diagnosis.Rule, o TextOptions) error {
	p := newPage(o)
	p.line(p.id(strong, r.ID) + " (" + p.in(strongTone(r.Severity), r.Severity.String()) + ")")
	p.para("", flat(r.Title), strong)
	if r.Why != "" {
		p.gap()
		p.para("", flat(r.Why), plain)
	}
	p.prose(r.Doc)
	if len(r.Refs) > 0 {
		p.gap()
	}
	for _, ref := range r.Refs {
		url := RefURL(ref)
		p.flow("", []string{p.link(url, flat(ref.Name)), p.link(url, p.in(faint, flat(url)))}, "  ")
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// prose puts paragraphs: lines of one paragraph flow together, those that begin
// with "- " are list items, and those that begin with a blank stay as they are.
func (p *page) prose(doc string) {
	for _, paragraph := range strings.Split(strings.TrimSpace(doc), "\n\n") {
		if paragraph == "" {
			continue
		}
		p.gap()
		var flowing []string
		flush := func() {
			if len(flowing) > 0 {
				s := strings.Join(flowing, " ")
				item, isItem := strings.CutPrefix(s, "- ")
				if isItem {
					p.para("- ", item, plain)
				} else {
					p.para("", s, plain)
				}
			}
			flowing = nil
		}
		for _, l := range lines(strings.ReplaceAll(paragraph, "\t", "    ")) {
			switch {
			case strings.HasPrefix(l, " ") && (len(flowing) == 0 || !strings.HasPrefix(flowing[0], "- ")):
				flush()
				p.line(l)
			case strings.HasPrefix(l, "- "):
				flush()
				flowing = []string{l}
			default:
				flowing = append(flowing, strings.TrimSpace(l))
			}
		}
		flush()
	}
}

// RefURL is where the source stands: its own URL or, for an RFC without one,
// that of the section at the RFC Editor. Empty if neither is known.
func RefURL(ref diagnosis.Ref) string {
	if ref.URL != "" {
		return ref.URL
	}
	rest, isRFC := strings.CutPrefix(ref.Name, "RFC ")
	number, section, _ := strings.Cut(rest, ", ")
	if !isRFC || number == "" || strings.Trim(number, "0123456789") != "" {
		return ""
	}
	url := "https://www.rfc-editor.org/rfc/rfc" + number
	if section != "" && strings.Trim(section, "0123456789.") == "" {
		url += "#section-" + section
	}
	return url
}

// Rules writes one line for each rule: ID, severity and claim, wrapped into the
// page where it has a width.
func Rules(w io.Writer, rules []diagnosis.Rule, o TextOptions) error {
	p := newPage(o)
	if o.Width == 0 {
		p.width = math.MaxInt
	}
	widest := 0
	for _, r := range rules {
		widest = max(widest, cells(flat(r.ID)))
	}
	for _, r := range rules {
		severity := pad(r.Severity.String(), len("critical"))
		head := pad(p.id(plain, r.ID), widest) + "  " + p.in(toneOf(r.Severity), severity) + "  "
		if p.width-cells(head) < 24 { // no room beside: the claim goes below
			p.line(p.id(plain, r.ID) + "  " + p.in(toneOf(r.Severity), r.Severity.String()))
			head = "    "
		}
		p.para(head, flat(r.Title), plain)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func toneOf(s diagnosis.Severity) tone {
	switch s {
	case diagnosis.Advice:
		return hint
	case diagnosis.Warning:
		return warn
	}
	return bad
}

// RulesSchemaName stands in the field "schema" of a list of rules in JSON.
const RulesSchemaName = "maildoctor.checks/v1"

// RulesJSON writes the rules for a machine:
// {"schema":"maildoctor.checks/v1","checks":[{"id","severity","title","why","doc","refs":[{"name","url"}]}]}.
func RulesJSON(w io.Writer, rules []diagnosis.Rule) error {
	type wireRule struct {
		ID       string    `json:"id"`
		Severity string    `json:"severity"`
		Title    string    `json:"title"`
		Why      string    `json:"why"`
		Doc      string    `json:"doc"`
		Refs     []wireRef `json:"refs"`
	}
	return writeJSON(w, struct {
		Schema string     `json:"schema"`
		Checks []wireRule `json:"checks"`
	}{RulesSchemaName, each(rules, func(r diagnosis.Rule) wireRule {
		return wireRule{text(r.ID), r.Severity.String(), text(r.Title), text(r.Why), text(r.Doc), each(r.Refs, func(ref diagnosis.Ref) wireRef {
			return wireRef{text(ref.Name), text(RefURL(ref))}
		})}
	})})
}
