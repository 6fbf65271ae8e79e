package report

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// telling joins what passes saw, as much as fits, and how many there are. What
// they saw of about, the address that the report is on, comes first and need not
// be said of whom; about may be empty.
func telling(results []diagnosis.Result, width int, about string) string {
	var parts []string
	used := 0
	add := func(s string) {
		n := cells(s)
		if len(parts) > 0 {
			n += cells(" · ")
		}
		if len(parts) == 0 || used+n <= width {
			parts, used = append(parts, s), used+n
		}
	}
	for _, g := range candidates(aboutFirst(results, about)) {
		if g.subject == about {
			g.subject = ""
		}
		s := g.String()
		if (len(parts) == 0 || g.isNames()) && used+cells(s)+cells(" · ") > width {
			s = g.answer
		}
		if !slices.ContainsFunc(parts, func(have string) bool { return strings.Contains(have, s) }) {
			add(s)
		}
	}
	if n := count(results).outcomes[diagnosis.Passed]; n > 1 || len(parts) == 0 {
		add(plural(n, "check") + " passed")
	}
	return strings.Join(parts, " · ")
}

// aboutFirst is results, those first that passed and saw something of about.
func aboutFirst(results []diagnosis.Result, about string) []diagnosis.Result {
	if about == "" {
		return results
	}
	first := func(r diagnosis.Result) bool {
		return r.Outcome == diagnosis.Passed && len(r.Seen) > 0 && glanceAt(r.Seen[0]).subject == about
	}
	rest := slices.DeleteFunc(slices.Clone(results), first)
	return append(slices.DeleteFunc(slices.Clone(results), func(r diagnosis.Result) bool { return !first(r) }), rest...)
}

// candidates are what tells of the checks that passed: all that the first of
// them saw, measures against a limit ("needs 7 of 10"), and the addresses and
// names of things; what there is not, only if there is nothing else.
func candidates(results []diagnosis.Result) []glance {
	var first, measures, names, least []glance
	told := make(map[string]bool) // subjects
	for _, r := range results {
		if r.Outcome != diagnosis.Passed {
			continue
		}
		leads := len(first) == 0
		for i, e := range r.Seen {
			g := glanceAt(e)
			switch {
			case g.answer == "" || g.subject != "" && told[g.subject]:
				continue
			case g.isLittle():
				least = append(least, g)
				continue
			case leads && (i == 0 || g.subject != "" || g.label != ""):
				first = append(first, g)
			case g.isMeasure():
				measures = append(measures, g)
			case g.subject != "" && g.isNames():
				names = append(names, g)
			default:
				continue
			}
			told[g.subject] = true
		}
	}
	if len(first) > 0 {
		return slices.Concat(first, measures, names)
	}
	return least
}

// A glance is evidence in a few words: the first line of the answer and who or
// what it is about, where the answer needs that to be understood.
type glance struct{ subject, label, answer string }

func glanceAt(e diagnosis.Evidence) glance {
	question, answer := flat(e.Question), lines(e.Answer)[0]
	typ, _, _ := strings.Cut(question, " ")
	switch {
	case answer == "":
		return glance{answer: question}
	case typ == strings.ToUpper(typ) && !strings.ContainsAny(typ, ".:"): // a record type: "TXT example.org", "MX"
		if strings.ContainsAny(question, ".:") || typ == question {
			return glance{answer: answer}
		}
		return glance{label: question, answer: answer}
	case strings.ContainsAny(question, ".:["):
		subject, _, _ := strings.Cut(question, " (")
		return glance{subject: subject, answer: answer}
	}
	return glance{label: question, answer: answer}
}

func (g glance) String() string {
	switch {
	case g.label != "":
		return g.label + ": " + g.answer
	case g.subject != "" && !strings.Contains(g.answer, g.subject):
		return g.subject + " → " + g.answer
	}
	return g.answer
}

// isLittle reports whether it says only that something is there, or is not.
func (g glance) isLittle() bool {
	for _, s := range []string{"none", "no ", "NXDOMAIN", "REFUSED", "NOTAUTH", "referral", "exists"} {
		if strings.HasPrefix(g.answer, s) {
			return true
		}
	}
	return false
}

// isMeasure reports whether it has a number "of" another one.
func (g glance) isMeasure() bool {
	before, after, ok := strings.Cut(g.answer, " of ")
	return ok && before != "" && after != "" && isDigit(after[0]) &&
		(isDigit(before[len(before)-1]) || strings.HasSuffix(before, "none"))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isNames reports whether the answer is addresses or host names and nothing else.
func (g glance) isNames() bool {
	for _, word := range strings.Fields(g.answer) {
		if !strings.ContainsAny(word, ".:") {
			return false
		}
	}
	return true
}
