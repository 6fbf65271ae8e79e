package zonefile

import "strings"

// A Field is one word of a line as it is written: a name, a number, or one
// character-string (RFC 1035, 5.1).
type Field struct {
	Text   string // without the quotation marks around it, escapes kept
	Quoted bool   // it stands in quotation marks
	Line   int    // on which it begins

	joined bool // no blank stands between it and the field before: key="value"
}

// maxStatement bounds one record or directive in octets: an RDATA of 65535
// octets with every octet escaped, and room for comments.
const maxStatement = 512 << 10

// A statement is one record or directive: a line, or several in parentheses.
type statement struct {
	offset, end int // its octets in the text, without the end of the line
	line        int // of its first word
	owner       bool
	fields      []Field
	comment     string // the first comment, without its semicolon
	fault       string // why it cannot be read; empty if it can
	faultLine   int
}

func (s *statement) fail(line int, fault string) {
	if s.fault == "" {
		s.fault, s.faultLine = fault, line
	}
}

func (s *statement) add(f Field) {
	f.joined = f.joined && len(s.fields) > 0
	s.fields = append(s.fields, f)
}

// A lexer takes the text of a zone file apart.
type lexer struct {
	text string
	at   int
	line int // from 1
}

// next returns the next statement; ok is false at the end of the text. Lines
// without a word are passed over.
func (l *lexer) next() (s statement, ok bool) {
	for l.at < len(l.text) {
		s := statement{offset: l.at, line: l.line, owner: !isBlank(l.text[l.at])}
		l.fill(&s)
		if s.fault != "" {
			return s, true
		}
		if len(s.fields) > 0 {
			s.line = s.fields[0].Line
			return s, true
		}
	}
	return statement{}, false
}

// fill reads up to the end of the line that ends the statement. Where that
// never comes, for want of a parenthesis, it goes on behind the line with the
// one that was opened.
func (l *lexer) fill(s *statement) {
	depth, openedAt, openedLine := 0, 0, 0
	for l.at < len(l.text) {
		if l.at-s.offset > maxStatement {
			s.fail(l.line, "it is longer than a record can be")
			break
		}
		switch c := l.text[l.at]; {
		case c == '\n':
			s.end = l.at
			l.at++
			l.line++
			if depth == 0 {
				return
			}
		case isBlank(c):
			l.at++
		case c == ';':
			l.comment(s)
		case c == '(':
			if depth == 0 {
				openedAt, openedLine = l.at, l.line
			}
			depth++
			l.at++
		case c == ')':
			if depth--; depth < 0 {
				s.fail(l.line, "this parenthesis closes none")
				depth = 0
			}
			l.at++
		case c == '"':
			l.quoted(s)
		default:
			l.word(s)
		}
	}
	s.end = l.at
	if depth > 0 {
		s.fault, s.faultLine = "the parenthesis that opens here is not closed", openedLine
		l.at, l.line = openedAt, openedLine
	}
	if depth > 0 || s.fault != "" {
		l.skipLine()
	}
}

// skipLine goes to the beginning of the next line.
func (l *lexer) skipLine() {
	i := strings.IndexByte(l.text[l.at:], '\n')
	if i < 0 {
		l.at = len(l.text)
		return
	}
	l.at += i + 1
	l.line++
}

// comment reads a comment and leaves the end of the line.
func (l *lexer) comment(s *statement) {
	rest := l.text[l.at+1:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if s.comment == "" && len(s.fields) > 0 {
		s.comment = strings.TrimSuffix(rest, "\r")
	}
	l.at += 1 + len(rest)
}

// quoted reads a character-string in quotation marks, which ends with its line.
func (l *lexer) quoted(s *statement) {
	l.at++
	start := l.at
	for ; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case '\\':
			if l.at+1 < len(l.text) && l.text[l.at+1] != '\n' {
				l.at++
			}
		case '"':
			s.add(Field{l.text[start:l.at], true, l.line, l.beside(start - 1)})
			l.at++
			return
		case '\n':
			s.fail(l.line, "the quotation mark that opens here is not closed before the end of the line")
			return
		}
	}
	s.fail(l.line, "the quotation mark that opens here is not closed")
}

// word reads what stands up to a blank or another special character.
func (l *lexer) word(s *statement) {
	start := l.at
	for ; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '\\':
			if l.at+1 < len(l.text) && l.text[l.at+1] != '\n' {
				l.at++
			}
			continue
		case isBlank(c) || strings.IndexByte("\n;()\"", c) >= 0:
		default:
			continue
		}
		break
	}
	s.add(Field{l.text[start:l.at], false, l.line, l.beside(start)})
}

// beside reports whether another field ends where one begins.
func (l *lexer) beside(start int) bool {
	return start > 0 && !isBlank(l.text[start-1]) && strings.IndexByte("\n()", l.text[start-1]) < 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }
