package dkim

import (
	"fmt"
	"strings"
)

// Bounds on the tags that are looked at, and on those kept that nobody knows. A
// key record has at most eight.
const (
	maxTags  = 64
	maxExtra = 32
)

// A span is a tag with the place of its name and its value in the text.
type span struct {
	Tag
	at, valueAt int
}

const foldingSpace = " \t\r\n"

// tags splits text as a tag-list (RFC 6376, 3.2) and goes on behind faults. Of
// a name that stands twice the first is kept.
func tags(text string) (list []span, problems []Problem) { return tagsOf(text, "record") }

// tagsOf is tags for a text that people call a what.
func tagsOf(text, what string) (list []span, problems []Problem) {
	seen := make(map[string]bool)
	empty := false
	for at, n := 0, 0; at < len(text); n++ {
		if n == maxTags {
			problems = append(problems, Problem{Offset: at, Kind: Grammar, Effect: Void, Message: fmt.Sprintf("more than %d tags", maxTags)})
			break
		}
		end := len(text)
		if i := strings.IndexByte(text[at:], ';'); i >= 0 {
			end = at + i
		}
		spec := text[at:end]
		trimmed := strings.TrimLeft(spec, foldingSpace)
		here := at + len(spec) - len(trimmed)
		last := end == len(text)
		at = end + 1
		trimmed = strings.TrimRight(trimmed, foldingSpace)
		if trimmed == "" {
			if !last && !empty { // one empty place after the final ";" is allowed
				empty = true
				problems = append(problems, Problem{Offset: here, Kind: Grammar, Effect: Differs, Message: "an empty tag: two semicolons in a row, or one in front"})
			}
			continue
		}
		s, problem := tag(trimmed, here)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		if seen[s.Name] {
			problems = append(problems, Problem{Offset: here, Tag: s.Name, Kind: Grammar, Effect: Void,
				Message: fmt.Sprintf("the tag %s stands twice, which makes the whole %s invalid", s.Name, what)})
			continue
		}
		seen[s.Name] = true
		list = append(list, s)
	}
	return list, problems
}

func tag(spec string, at int) (span, *Problem) {
	name, value, found := strings.Cut(spec, "=")
	if !found {
		return span{}, &Problem{Offset: at, Kind: Grammar, Effect: Void, Message: fmt.Sprintf("%.40q is not a tag: it has no \"=\"", spec)}
	}
	valueAt := at + len(name) + 1
	name = strings.TrimRight(name, foldingSpace)
	if !validName(name) {
		return span{}, &Problem{Offset: at, Kind: Grammar, Effect: Void, Message: fmt.Sprintf("%.40q is not the name of a tag", name)}
	}
	trimmed := strings.TrimLeft(value, foldingSpace)
	valueAt += len(value) - len(trimmed)
	return span{Tag: Tag{name, trimmed}, at: at, valueAt: valueAt}, nil
}

// validName reports whether s is ALPHA *(ALPHA / DIGIT / "_") (RFC 6376, 3.2).
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		alpha := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alpha && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// notValue reports characters that no tag value holds: controls but folding
// white space, and everything outside ASCII (RFC 6376, 3.2, VALCHAR).
func notValue(r rune) bool {
	return (r < ' ' && r != '\t' && r != '\r' && r != '\n') || r > '~'
}
