package authres

import (
	"strings"
	"unicode/utf8"
)

// A writer joins the words of a value with single spaces.
type writer struct {
	strings.Builder
	some bool // a result was written
}

func (w *writer) bare(s string) {
	if w.Len() > 0 {
		w.WriteByte(' ')
	}
	w.WriteString(s)
}

func (w *writer) word(s string) { w.bare(token(clean(s))) }

func (w *writer) semicolon() { w.WriteByte(';') }

// comment writes text as a comment, unless there is none.
func (w *writer) comment(text string) {
	text = plain(text)
	if text == "" {
		return
	}
	var b strings.Builder
	for _, c := range []byte(text) {
		if c == '(' || c == ')' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	w.bare("(" + b.String() + ")")
}

// clean is text without control characters and without what is no UTF-8.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\r' || r == '\n':
			return ' '
		case r < ' ' || r == 0x7f || r == utf8.RuneError || r >= 0x80 && r < 0xa0:
			return '?'
		}
		return r
	}, s)
}

// plain is text for people: ASCII, with single spaces. Comments and reasons hold
// no more, so that they need no SMTPUTF8.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, clean(s))
	return strings.Join(strings.Fields(s), " ")
}

// keyword is s as a Keyword (RFC 5321, 4.1.2) in lower case; what does not belong
// into one becomes a hyphen.
func keyword(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
}

// isToken reports whether s is a token of MIME (RFC 2045, 5.1), UTF-8 included
// (RFC 8601, 2.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// token is a value: a token where it is one, else a quoted string.
func token(s string) string {
	if isToken(s) {
		return s
	}
	return quoted(s)
}

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

// value8601 is a pvalue: an address or a domain as it is, all else as a value
// (RFC 8601, 2.2).
func value8601(s string) string {
	s = clean(s)
	if isAddress(s) {
		return s
	}
	return token(s)
}

// isAddress reports whether s is [local-part] "@" domain-name.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 0 || !isDomain(s[at+1:]) {
		return false
	}
	local := s[:at]
	if strings.HasPrefix(local, `"`) {
		return isQuoted(local)
	}
	return local == "" || isDotAtom(local)
}

func isDomain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c >= utf8.RuneSelf) {
			return false
		}
	}
	return s != ""
}

// isDotAtom reports whether s is a dot-atom-text (RFC 5322, 3.2.3; RFC 6532).
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			if c := atom[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`()<>[]:;@\,."`, c) >= 0 {
				return false
			}
		}
	}
	return true
}

// isQuoted reports whether s is one quoted string without line ends.
func isQuoted(s string) bool {
	if len(s) < 2 || s[0] != '"' {
		return false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
			if i >= len(s)-1 {
				return false
			}
		case '"':
			return i == len(s)-1
		}
	}
	return false
}
