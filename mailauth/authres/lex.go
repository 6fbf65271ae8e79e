package authres

import (
	"fmt"
	"strings"
)

// A Problem is one fault of a value.
type Problem struct {
	Offset  int    // of the octet in the value where it shows
	Message string // what is wrong; quotes the text where it helps, escaped
}

// A lexer reads the words of a structured header field (RFC 5322, 3.2).
type lexer struct {
	s        string
	i        int
	comments []string // seen since they were taken
	problems []Problem
}

func (l *lexer) problem(at int, format string, args ...any) {
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, Problem{Offset: at, Message: fmt.Sprintf(format, args...)})
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// peek is the next octet; 0 at the end, which no value holds (RFC 5322, 4).
func (l *lexer) peek() byte {
	if l.i < len(l.s) {
		return l.s[l.i]
	}
	return 0
}

func (l *lexer) end() bool { return l.i >= len(l.s) }

// skip skips white space and keeps the comments in it.
func (l *lexer) skip() {
	for !l.end() {
		switch c := l.s[l.i]; {
		case isSpace(c):
			l.i++
		case c == '(':
			l.comment()
		default:
			return
		}
	}
}

// take is the comments seen since the last time, as one text.
func (l *lexer) take() string {
	text := strings.Join(l.comments, " ")
	l.comments = nil
	return text
}

// comment reads a comment with those in it (RFC 5322, 3.2.2), white space as one
// space each.
func (l *lexer) comment() {
	start, depth := l.i, 0
	var b strings.Builder
	for l.i < len(l.s) {
		c := l.s[l.i]
		l.i++
		switch {
		case c == '\\' && l.i < len(l.s):
			b.WriteByte(l.s[l.i])
			l.i++
			continue
		case c == '(':
			if depth++; depth == 1 {
				continue
			}
		case c == ')':
			if depth--; depth == 0 {
				l.kept(b.String())
				return
			}
		}
		if depth > maxDepth {
			l.problem(start, "comments are nested deeper than %d", maxDepth)
			l.i = len(l.s)
			return
		}
		b.WriteByte(c)
	}
	l.problem(start, "a comment does not end")
	l.kept(b.String())
}

func (l *lexer) kept(text string) {
	if text = plain(text); text != "" && len(l.comments) < maxProperties {
		l.comments = append(l.comments, text)
	}
}

// run reads octets up to white space, a comment or one of stop.
func (l *lexer) run(stop string) string {
	start := l.i
	for l.i < len(l.s) && !isSpace(l.s[l.i]) && l.s[l.i] != '(' && strings.IndexByte(stop, l.s[l.i]) < 0 {
		l.i++
	}
	return l.s[start:l.i]
}

// quoted reads a quoted string; text is what it means, raw what stands there
// without line ends.
func (l *lexer) quoted() (text, raw string) {
	start := l.i
	l.i++
	var b strings.Builder
	for l.i < len(l.s) {
		c := l.s[l.i]
		l.i++
		switch {
		case c == '"':
			return clean(b.String()), unfold(l.s[start:l.i])
		case c == '\\' && l.i < len(l.s):
			c = l.s[l.i]
			l.i++
		case c == '\r' || c == '\n': // unfolded (RFC 5322, 2.2.3)
			continue
		}
		b.WriteByte(c)
	}
	l.problem(start, "a quoted string does not end")
	return clean(b.String()), ""
}

func unfold(s string) string {
	return clean(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}

// value reads a value or an address: a quoted string, or octets up to white
// space, a comment or one of stop. A quoted local part stays quoted.
func (l *lexer) value(stop string) string {
	if l.peek() != '"' {
		return clean(l.run(stop))
	}
	text, raw := l.quoted()
	if l.peek() != '@' || raw == "" {
		return text
	}
	return raw + clean(l.run(stop))
}

// upTo goes on to the next semicolon outside of quotes and comments.
func (l *lexer) upTo() {
	for !l.end() && l.peek() != ';' {
		switch l.peek() {
		case '"':
			l.quoted()
		case '(':
			l.comment()
		default:
			l.i++
		}
	}
	l.take()
}
