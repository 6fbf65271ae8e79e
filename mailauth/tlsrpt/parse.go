package tlsrpt

import (
	"fmt"
	"strings"
)

const wsp = " \t"

// Parse reads a record. It goes on behind faults.
func Parse(text string) (Record, []Problem) {
	p := parser{seen: make(map[string]bool)}
	at := p.beginning(text)
	for n := 0; at <= len(text); n++ {
		if n == maxFields {
			p.problem(at, "", Differs, "more than %d fields", maxFields)
			break
		}
		end := len(text)
		if i := strings.IndexByte(text[at:], ';'); i >= 0 {
			end = at + i
		}
		field := strings.TrimLeft(text[at:end], wsp)
		here := end - len(field)
		field = strings.TrimRight(field, wsp)
		switch {
		case field != "":
			p.take(field, here)
		case end < len(text):
			p.problem(here, "", Differs, "an empty field: two semicolons in a row")
		}
		at = end + 1
	}
	if !p.seen["rua"] {
		p.problem(len(text), "rua", Void, "there is no rua, which says where reports go")
	}
	return p.record, p.problems
}

type parser struct {
	record   Record
	problems []Problem
	seen     map[string]bool
}

func (p *parser) problem(at int, field string, effect Effect, format string, args ...any) {
	if len(p.problems) < maxProblems {
		p.problems = append(p.problems, Problem{at, field, effect, fmt.Sprintf(format, args...)})
	}
}

// beginning looks at the version and returns the offset of what follows it.
func (p *parser) beginning(text string) int {
	end := strings.IndexByte(text, ';')
	switch {
	case IsRecord(text):
	case end < 0:
		p.problem(0, "v", Void, "it does not begin with \"v=%s;\", so nobody looks at it", version)
		// "v=TLSRPTv1 rua=mailto:..." is told from the blank.
		if _, rest, ok := strings.Cut(text, "rua"); ok {
			return len(text) - len(rest) - len("rua")
		}
		return len(text) + 1
	default:
		p.problem(0, "v", Void, "it begins with %.40q in place of \"v=%s;\", so nobody looks at it", text[:end+1], version)
	}
	return end + 1
}

// take takes one field without the white space around it.
func (p *parser) take(field string, at int) {
	name, value, found := strings.Cut(field, "=")
	if !found {
		p.problem(at, "", Void, "%.60q is not a field: it has no \"=\"", field)
		return
	}
	valueAt := at + len(name) + 1
	meant := strings.ToLower(strings.Trim(name, wsp))
	switch {
	case meant == "rua" && p.seen["rua"]:
		p.problem(at, "rua", Differs, "rua stands twice; several addresses go into one, with commas between them")
		p.rua(value, valueAt)
	case meant == "rua":
		p.seen["rua"] = true
		if name != "rua" || strings.TrimLeft(value, wsp) != value {
			p.problem(at, "rua", Differs, "%.40q is not written as rua=...", field)
		}
		p.rua(value, valueAt)
	case !isName(name) || !isValue(value):
		p.problem(at, "", Differs, "%.60q is not a valid field", field)
	case !p.seen["="+name] && len(p.record.Extra) < maxExtra:
		p.seen["="+name] = true
		p.record.Extra = append(p.record.Extra, Field{name, value})
	}
}

// rua takes the addresses of one rua field.
func (p *parser) rua(value string, at int) {
	for part := range strings.SplitSeq(value, ",") {
		trimmed := strings.TrimLeft(part, wsp)
		here := at + len(part) - len(trimmed)
		at += len(part) + 1
		if trimmed = strings.TrimRight(trimmed, wsp); trimmed == "" {
			p.problem(here, "rua", Differs, "an empty report address: a comma too many")
			continue
		}
		u := parseURI(trimmed)
		if u.Fault != "" {
			p.problem(here, "rua", Void, "no report can be sent to %.80q: %s", u.Text, u.Fault)
		}
		if len(p.record.RUA) < maxURIs {
			p.record.RUA = append(p.record.RUA, u)
		}
	}
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// isName reports whether s is (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".").
func isName(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && (i == 0 || strings.IndexByte("_-.", s[i]) < 0) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// isValue reports whether s is 1*(%x21-3A / %x3C / %x3E-7E).
func isValue(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ';' || s[i] == '=' {
			return false
		}
	}
	return s != ""
}
