package spf

import (
	"fmt"
	"strings"
)

// A macro is one piece of a macro-string (RFC 7208, 7.1): literal text, or a
// macro letter with its transformers.
type macro struct {
	literal string
	letter  byte // lower-case; 0 for literal text
	escape  bool // written in upper case: the value is URL-escaped (7.3)
	expand  bool // from a % of any form: a domain-spec may end in it
	parts   int  // right-hand parts to keep; 0 keeps all
	reverse bool
	delims  string // what to split at; "." if none were given
}

// A fault is a problem inside a term: offset and length relative to the string parsed.
type fault struct {
	kind           ProblemKind
	offset, length int
	text           string
	meant          string // the argument that was probably meant
}

const (
	macroLetters = "slodiphcrtv"
	expLetters   = "crt"     // only in the text of an exp (RFC 7208, 7.2)
	delimiters   = ".-+,/_=" // RFC 7208, 7.1
	maxParts     = 128       // more parts than any name has
	maxExpanded  = 4096      // octets of an expanded explanation
	maxName      = 253       // RFC 7208, 7.3: what an expanded domain is cut to
)

// parseMacros reads a macro-string; exp also allows spaces and the letters c,
// r and t, as the text behind an exp modifier has them.
func parseMacros(s string, exp bool) ([]macro, *fault) {
	var pieces []macro
	literal := func(text string, expand bool) {
		if n := len(pieces); n > 0 && pieces[n-1].letter == 0 && !expand && !pieces[n-1].expand {
			pieces[n-1].literal += text
			return
		}
		pieces = append(pieces, macro{literal: text, expand: expand})
	}
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '%':
			if start < i {
				literal(s[start:i], false)
			}
			m, n, f := parseExpand(s[i:], exp)
			if f != nil {
				f.offset += i
				return nil, f
			}
			pieces = append(pieces, m)
			i += n
			start = i
			continue
		case c <= ' ' && !(exp && c == ' '), c > '~':
			return nil, &fault{kind: BadDomain, offset: i, length: 1, text: fmt.Sprintf("the octet %q may not stand here", s[i:i+1])}
		}
		i++
	}
	if start < len(s) {
		literal(s[start:], false)
	}
	return pieces, nil
}

// parseExpand reads the macro-expand that s begins with and its length.
func parseExpand(s string, exp bool) (macro, int, *fault) {
	if len(s) < 2 {
		return macro{}, 0, &fault{kind: BadMacro, length: 1, text: "a % at the end; a percent sign is written %%"}
	}
	switch s[1] {
	case '%':
		return macro{literal: "%", expand: true}, 2, nil
	case '_':
		return macro{literal: " ", expand: true}, 2, nil
	case '-':
		return macro{literal: "%20", expand: true}, 2, nil
	case '{':
		return parseBraces(s, exp)
	}
	return macro{}, 0, &fault{kind: BadMacro, length: 2, text: fmt.Sprintf("%q is no macro; a %% is followed by {, %%, _ or -", s[:2])}
}

func parseBraces(s string, exp bool) (macro, int, *fault) {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return macro{}, 0, &fault{kind: BadMacro, length: len(s), text: fmt.Sprintf("the macro %q has no closing brace", s)}
	}
	body, whole := s[2:end], s[:end+1]
	bad := func(format string, args ...any) (macro, int, *fault) {
		return macro{}, 0, &fault{kind: BadMacro, length: len(whole), text: fmt.Sprintf("the macro %q ", whole) + fmt.Sprintf(format, args...)}
	}
	if body == "" {
		return bad("is empty")
	}
	m := macro{letter: body[0] | 0x20, escape: body[0]&0x20 == 0, expand: true}
	if !isAlpha(body[0]) || strings.IndexByte(macroLetters, m.letter) < 0 {
		return bad("has no letter that RFC 7208, 7.2 defines: s l o d i p h v, and c r t in explanations")
	}
	if !exp && strings.IndexByte(expLetters, m.letter) >= 0 {
		_, _, f := bad("is allowed only in the text that an exp= points to")
		f.kind = MacroNotHere
		return macro{}, 0, f
	}
	i := 1
	for ; i < len(body) && isDigit(body[i]); i++ {
		m.parts = min(m.parts*10+int(body[i]-'0'), maxParts)
	}
	if i > 1 && m.parts == 0 {
		return bad("keeps 0 parts; the number must not be 0") // RFC 7208, 7.3
	}
	if i < len(body) && body[i]|0x20 == 'r' {
		m.reverse = true
		i++
	}
	m.delims = body[i:]
	if j := strings.IndexFunc(m.delims, func(r rune) bool { return !strings.ContainsRune(delimiters, r) }); j >= 0 {
		return bad("has %q where only the delimiters %s may stand", m.delims[j:j+1], delimiters)
	}
	return m, end + 1, nil
}

// expandAll is the value of a macro-string; value gives that of a letter.
func expandAll(pieces []macro, value func(letter byte) string) string {
	var b strings.Builder
	for _, m := range pieces {
		if b.Len() > maxExpanded {
			break
		}
		if m.letter == 0 {
			b.WriteString(m.literal)
			continue
		}
		v := m.transform(value(m.letter))
		if m.escape {
			v = escape(v)
		}
		b.WriteString(v)
	}
	return b.String()
}

// transform splits, reverses and cuts a value (RFC 7208, 7.3). The parts are
// joined by dots whatever they were split at.
func (m macro) transform(v string) string {
	if m.parts == 0 && !m.reverse && m.delims == "" {
		return v
	}
	delims := m.delims
	if delims == "" {
		delims = "."
	}
	var parts []string
	start := 0
	for i := range len(v) {
		if strings.IndexByte(delims, v[i]) >= 0 {
			parts = append(parts, v[start:i])
			start = i + 1
		}
	}
	parts = append(parts, v[start:])
	if m.reverse {
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
	}
	if m.parts > 0 && m.parts < len(parts) {
		parts = parts[len(parts)-m.parts:]
	}
	return strings.Join(parts, ".")
}

// escape is URL escaping of all but the unreserved characters (RFC 3986, 2.3).
func escape(v string) string {
	var b strings.Builder
	for _, c := range []byte(v) {
		if isAlpha(c) || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
