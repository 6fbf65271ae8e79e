package caa

import (
	"fmt"
	"strconv"
	"strings"
)

// Parse reads the data of a CAA record in the form that RFC 8659, 4.1.1 gives:
// flags, tag and value, the value quoted or not, with the escapes of zone files.
// What can be read of a faulty record is returned beside its problems; their
// offsets count octets of data.
func Parse(data string) (Record, []Problem) {
	p := &parser{data: data}
	if len(data) > maxData {
		p.problem(maxData, Lost, "more than %d octets", maxData)
		p.data = data[:maxData]
	}
	p.flags()
	p.tag()
	at := p.at
	p.value()
	p.judge(at)
	return p.record, p.problems
}

type parser struct {
	data     string
	at       int
	record   Record
	problems []Problem
}

func (p *parser) problem(at int, effect Effect, format string, args ...any) {
	if len(p.problems) < maxProblems {
		p.problems = append(p.problems, Problem{at, effect, fmt.Sprintf(format, args...)})
	}
}

// word is the next word and where it begins.
func (p *parser) word() (string, int) {
	p.skipSpace()
	start := p.at
	for p.at < len(p.data) && !isSpace(p.data[p.at]) {
		p.at++
	}
	return p.data[start:p.at], start
}

func (p *parser) skipSpace() {
	for p.at < len(p.data) && isSpace(p.data[p.at]) {
		p.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func (p *parser) flags() {
	word, at := p.word()
	n, err := strconv.ParseUint(word, 10, 8)
	if err != nil {
		p.problem(at, Lost, "the flags are %.20q and not a number from 0 to 255", word)
		return
	}
	p.record.Flags = uint8(n)
	if rest := p.record.Flags &^ critical; rest == 1 { // the usual slip: bit 0 is the most significant
		p.problem(at, Harmless, "the flags are %d, which says nothing; the flag that makes a property critical is %d", n, critical)
	} else if rest != 0 {
		p.problem(at, Harmless, "the flags are %d; all but %d are reserved, and ignored", n, critical)
	}
}

func (p *parser) tag() {
	word, at := p.word()
	p.record.Tag = strings.ToLower(word)
	if !isAlnum(word) {
		p.problem(at, Lost, "the tag %.30q is not made of letters and digits", word)
		p.record.Tag = ""
	}
}

// value reads a character-string, quoted or not (RFC 1035, 5.1).
func (p *parser) value() {
	p.skipSpace()
	quoted := p.at < len(p.data) && p.data[p.at] == '"'
	if quoted {
		p.at++
	}
	var b strings.Builder
	for p.at < len(p.data) {
		c := p.data[p.at]
		switch {
		case quoted && c == '"':
			p.at++
			p.record.Value = b.String()
			p.skipSpace()
			if p.at < len(p.data) {
				p.problem(p.at, Lost, "something stands behind the value: %.40q", p.data[p.at:])
			}
			return
		case !quoted && isSpace(c):
			p.record.Value = b.String()
			p.skipSpace()
			if p.at < len(p.data) {
				p.problem(p.at, Lost, "something stands behind the value: %.40q", p.data[p.at:])
			}
			return
		case c == '\\':
			b.WriteByte(p.escape())
		default:
			b.WriteByte(c)
			p.at++
		}
	}
	p.record.Value = b.String()
	if quoted {
		p.problem(len(p.data), Lost, "the quotation mark around the value is not closed")
	}
}

// escape reads \X or \DDD.
func (p *parser) escape() byte {
	rest := p.data[p.at+1:]
	if len(rest) >= 3 {
		if n, err := strconv.ParseUint(rest[:3], 10, 8); err == nil && isDigits(rest[:3]) {
			p.at += 4
			return byte(n)
		}
	}
	if rest == "" {
		p.problem(p.at, Lost, "the data ends in a backslash")
		p.at++
		return '\\'
	}
	p.at += 2
	return rest[0]
}

// judge says what is wrong with the value for what the tag makes of it.
func (p *parser) judge(at int) {
	switch r := p.record; {
	case r.Tag == "":
	case r.Tag == Issue || r.Tag == IssueWild:
		issuer, problems := r.Issuer()
		for _, q := range problems {
			p.problem(at+q.Offset, q.Effect, "%s", q.Message)
		}
		if reason := issuer.unsatisfiable(); reason != "" {
			p.problem(at, Bars, "%s", reason)
		}
	case r.Tag == Iodef:
		if reason := reportFault(r.Value); reason != "" {
			p.problem(at, Lost, "no CA can report to %.80q: %s", r.Value, reason)
		}
	case r.Known():
	case r.Critical():
		p.problem(at, Bars, "the tag %.30q is critical and unknown, so that no CA may issue", r.Tag)
	default:
		p.problem(at, Lost, "the tag %.30q is unknown, and ignored", r.Tag)
	}
}

// reportFault says why a URL is none to report to (RFC 8659, 4.4).
func reportFault(url string) string {
	scheme, rest, found := strings.Cut(url, ":")
	switch scheme = strings.ToLower(scheme); {
	case !found && strings.Contains(url, "@"):
		return "it is an address without \"mailto:\""
	case !found:
		return "it is no URL"
	case scheme == "mailto":
		local, domain, ok := strings.Cut(rest, "@")
		if !ok || local == "" || domain == "" {
			return "it names no mailbox"
		}
	case scheme == "http" || scheme == "https":
		if host, ok := strings.CutPrefix(rest, "//"); !ok || strings.Trim(host, "/") == "" {
			return "it names no host"
		}
	default:
		return "it is neither a mailto nor an http nor an https URL"
	}
	return ""
}

func isAlnum(s string) bool {
	for i := range len(s) {
		if !alnum(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
