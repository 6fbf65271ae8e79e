package zonefile

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A token is a word of a statement and where it stands there.
type token struct {
	Field
	start, end int // its octets in the source, quotation marks included
	inside     bool
}

// tokensOf is the words of a statement that can be read, one for each field.
func tokensOf(source string) []token {
	var list []token
	l, depth := lexer{text: source, line: 1}, 0
	var s statement
	for l.at < len(source) {
		start := l.at
		switch c := source[start]; {
		case isBlank(c) || c == '\n':
			l.at++
		case c == '(':
			depth++
			l.at++
		case c == ')':
			depth--
			l.at++
		case c == ';':
			l.comment(&s)
		case c == '"':
			l.quoted(&s)
		default:
			l.word(&s)
		}
		if n := len(s.fields); n > len(list) {
			list = append(list, token{s.fields[n-1], start, l.at, depth > 0})
		}
	}
	return list
}

// glued is tokens with those made one that no blank parts, as in key="value".
func glued(list []token) []token {
	var out []token
	for i, t := range list {
		if i > 0 && t.joined {
			out[len(out)-1].end = t.end
			continue
		}
		out = append(out, t)
	}
	return out
}

// A patch puts a text in the place of some octets of a statement.
type patch struct {
	start, end int
	text       string
}

// patched is source after patches, which do not overlap.
func patched(source string, patches []patch) string {
	slices.SortStableFunc(patches, func(a, b patch) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for _, p := range patches {
		b.WriteString(source[at:p.start] + p.text)
		at = p.end
	}
	b.WriteString(source[at:])
	return b.String()
}

// dataTokens is the data of a record as words of a zone file. Names of hosts are
// absolute.
func dataTokens(r record.Record) []string {
	source := " " + r.Presentation()
	list := tokensOf(source)
	if !r.IsText() {
		list = glued(list)
	}
	words := make([]string, len(list))
	for i, t := range list {
		words[i] = source[t.start:t.end]
	}
	return words
}

// isAbsolute reports whether a name as it is written has its final dot.
func isAbsolute(word string) bool {
	return strings.HasSuffix(word, ".") && !strings.HasSuffix(record.Canonical(word), "..")
}
