package dmarc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds on the tags that are looked at, and on those kept that nobody knows.
const (
	maxTags  = 64
	maxExtra = 32
)

const space = " \t"

// IsRecord reports whether receivers take text for a policy record: it begins
// with the tag v, and its value is exactly DMARC1 (RFC 9989, 4.7 and 4.10).
func IsRecord(text string) bool {
	first, _, _ := strings.Cut(text, ";")
	name, value, found := strings.Cut(first, "=")
	return found && strings.TrimRight(name, space) == "v" && strings.Trim(value, space) == "DMARC1"
}

// IsMeant reports whether text was meant as a policy record, whether receivers
// take it for one or not: "v=DMARC1" behind a space or a quote, in lower case,
// without a semicolon behind it, or not in front.
func IsMeant(text string) bool {
	if IsRecord(text) {
		return true
	}
	text = strings.ToLower(clean(text))
	for tag := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(tag, "=")
		if strings.Trim(name, space) == "v" && strings.HasPrefix(strings.Trim(value, space), "dmarc") {
			return true
		}
	}
	return false
}

// Parse reads the joined text of a policy record and every problem in it, in
// the order of the text. Problems of a text that is no policy record begin with
// one of kind Version; the Record is then what was likely meant.
func Parse(text string) (Record, []Problem) {
	if !IsRecord(text) {
		r, _ := parse(repaired(text))
		at, why := notRecord(text)
		return r, []Problem{{Offset: at, Tag: "v", Kind: Version, Effect: Void, Message: why}}
	}
	r, problems := parse(text)
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Offset - b.Offset })
	return r, problems
}

func parse(text string) (Record, []Problem) {
	p := parser{}
	list := p.tags(text)
	for _, s := range list {
		p.tag(s)
	}
	p.order(text, list)
	return p.record, p.problems
}

type parser struct {
	record   Record
	problems []Problem
}

// A span is a tag with the place of its name and its value in the text.
type span struct {
	Tag
	at, valueAt int
}

func (p *parser) problem(at int, tag string, kind Kind, effect Effect, format string, args ...any) {
	p.problems = append(p.problems, Problem{Offset: at, Tag: tag, Kind: kind, Effect: effect, Message: fmt.Sprintf(format, args...)})
}

// tags splits text at its semicolons (RFC 9989, 4.8) and goes on behind faults.
// Of a tag that stands twice the first is kept.
func (p *parser) tags(text string) []span {
	var list []span
	empty := false
	for at, n := 0, 0; at < len(text); n++ {
		if n == maxTags {
			p.problem(at, "", Grammar, Differs, "more than %d tags", maxTags)
			break
		}
		end := len(text)
		if i := strings.IndexByte(text[at:], ';'); i >= 0 {
			end = at + i
		}
		spec := strings.TrimLeft(text[at:end], space)
		here := end - len(spec)
		last := end == len(text)
		at = end + 1
		spec = strings.TrimRight(spec, space)
		if spec == "" {
			if !last && !empty {
				empty = true
				p.problem(here, "", Grammar, Differs, "two semicolons in a row; lenient receivers skip that")
			}
			continue
		}
		if s, ok := p.span(spec, here); ok {
			if slices.ContainsFunc(list, func(o span) bool { return o.Name == s.Name }) {
				p.problem(here, s.Name, Grammar, Void, "the tag %s stands twice; strict receivers discard the record, others differ in which one they take", s.Name)
				continue
			}
			list = append(list, s)
		}
	}
	return list
}

func (p *parser) span(spec string, here int) (span, bool) {
	name, value, found := strings.Cut(spec, "=")
	trimmed := strings.TrimLeft(value, space)
	s := span{Tag{strings.TrimRight(name, space), trimmed}, here, here + len(spec) - len(trimmed)}
	switch {
	case !found:
		p.problem(here, "", Grammar, Differs, "%s is not a tag: it has no \"=\"; lenient receivers skip it", printable(spec))
		return s, false
	case s.Name == "" || strings.ContainsFunc(s.Name, func(r rune) bool { return !('a' <= r|0x20 && r|0x20 <= 'z') }):
		p.problem(here, "", Grammar, Differs, "%s is not the name of a tag; lenient receivers skip it", printable(s.Name))
		return s, false
	case strings.ContainsFunc(s.Value, func(r rune) bool { return r < ' ' || r > '~' }):
		p.problem(s.valueAt, s.Name, Grammar, Ignored, "the value of %s holds an octet that is not printable ASCII", s.Name)
	}
	return s, true
}

// tag takes one tag (RFC 9989, 4.7). A value that is not valid leaves the
// default in place (4.8).
func (p *parser) tag(s span) {
	r := &p.record
	switch s.Name {
	case "v": // IsRecord has looked at it
	case "p":
		r.Policy = p.policy(s)
	case "sp":
		r.Subdomains = p.policy(s)
	case "np":
		r.NonExistent = p.policy(s)
	case "t":
		r.Testing = p.oneOf(s, "y", "n") == "y"
	case "psd":
		r.PSD = p.oneOf(s, "y", "n", "u")
	case "adkim":
		r.DKIM = p.oneOf(s, "r", "s")
	case "aspf":
		r.SPF = p.oneOf(s, "r", "s")
	case "fo":
		p.failure(s)
	case "rua":
		r.RUA = p.uris(s)
	case "ruf":
		r.RUF = p.uris(s)
	case "pct", "rf", "ri":
		p.removed(s)
	default:
		p.unknown(s)
	}
}

func (p *parser) policy(s span) Policy {
	switch v := Policy(strings.ToLower(s.Value)); v { // ABNF literals ignore case
	case None, Quarantine, Reject:
		return v
	}
	p.record.Invalid = true
	p.problem(s.valueAt, s.Name, Value, Void, "%s is no policy%s; receivers act as on p=none if there is a valid rua, else they apply no DMARC", printable(s.Value), swallowed(s.Value))
	return ""
}

// swallowed says which tag a value has taken in for want of a semicolon.
func swallowed(value string) string {
	for f := range strings.FieldsSeq(value) {
		if name, _, ok := strings.Cut(f, "="); ok && slices.Contains(known, strings.ToLower(name)) {
			return fmt.Sprintf(" (a semicolon is missing before %s=)", strings.ToLower(name))
		}
	}
	return ""
}

var known = []string{"v", "p", "sp", "np", "t", "psd", "adkim", "aspf", "fo", "rua", "ruf", "pct", "rf", "ri"}

func (p *parser) oneOf(s span, values ...string) string {
	if v := strings.ToLower(s.Value); slices.Contains(values, v) {
		return v
	}
	p.problem(s.valueAt, s.Name, Value, Ignored, "%s=%s is none of %s%s; receivers ignore the tag", s.Name, printable(s.Value), strings.Join(values, ", "), swallowed(s.Value))
	return ""
}

// failure: 0 and 1 exclude each other, each value stands once (RFC 9989, 4.8).
func (p *parser) failure(s span) {
	var values []string
	for v := range strings.SplitSeq(strings.ToLower(s.Value), ":") {
		v = strings.Trim(v, space)
		if !slices.Contains([]string{"0", "1", "d", "s"}, v) || slices.Contains(values, v) {
			p.problem(s.valueAt, s.Name, Value, Ignored, "fo=%s is not a list of 0 or 1, d and s%s; receivers ignore the tag", printable(s.Value), swallowed(s.Value))
			return
		}
		values = append(values, v)
	}
	if slices.Contains(values, "0") && slices.Contains(values, "1") {
		p.problem(s.valueAt, s.Name, Value, Differs, "fo asks for 0 and 1, which exclude each other")
	}
	p.record.Failure = values
}

func (p *parser) uris(s span) []URI {
	var uris []URI
	at := s.valueAt
	for part := range strings.SplitSeq(s.Value, ",") {
		text := strings.Trim(part, space)
		here := at + len(part) - len(strings.TrimLeft(part, space))
		at += len(part) + 1
		switch {
		case text == "":
			p.problem(min(here, s.valueAt+len(s.Value)), s.Name, Address, Ignored, "an address of %s is empty", s.Name)
			continue
		case len(uris) == maxURIs:
			p.problem(here, s.Name, Address, Ignored, "%s has more than %d addresses", s.Name, maxURIs)
			return uris
		}
		u := parseURI(text)
		if u.Fault != "" {
			p.problem(here, s.Name, Address, Ignored, "no report goes to %s: %s%s", printable(text), u.Fault, swallowed(text))
		}
		if u.Size != "" {
			p.problem(here+len(text)-len(u.Size)-1, s.Name, Obsolete, Differs, "the size limit !%s was removed; a receiver of RFC 7489 sends no report that is larger", u.Size)
		}
		uris = append(uris, u)
	}
	return uris
}

func (p *parser) removed(s span) {
	if s.Value == "" {
		p.problem(s.at, s.Name, Value, Ignored, "%s has no value", s.Name)
		return
	}
	p.record.Removed = append(p.record.Removed, s.Tag)
	if n, err := strconv.Atoi(s.Value); s.Name == "pct" && err == nil && 0 <= n && n < 100 {
		p.problem(s.at, s.Name, Obsolete, Differs, "pct=%d was removed; receivers of RFC 7489 apply the policy to %d %% of failing mail, all others to all of it", n, n)
		return
	}
	p.problem(s.at, s.Name, Obsolete, Harmless, "%s was removed; receivers of RFC 9989 ignore it", s.Name)
}

func (p *parser) unknown(s span) {
	if len(p.record.Extra) < maxExtra && s.Value != "" {
		p.record.Extra = append(p.record.Extra, s.Tag)
	}
	hint := ""
	if lower := strings.ToLower(s.Name); slices.Contains(known, lower) {
		hint = fmt.Sprintf("; tag names are lower-case, %s is meant", lower)
	} else if meant := near(lower); meant != "" {
		hint = fmt.Sprintf("; %s may be meant", meant)
	}
	p.problem(s.at, s.Name, Unknown, Ignored, "receivers ignore the tag %s, which DMARC does not define%s", printable(s.Name), hint)
}

// near is the known tag of three or more letters that has the same letters in
// another order, or one letter more or less.
func near(name string) string {
	sorted := func(s string) string {
		b := []byte(s)
		slices.Sort(b)
		return string(b)
	}
	for _, k := range known {
		if len(k) >= 3 && len(name) >= 3 && (sorted(k) == sorted(name) || strings.HasPrefix(name, k) && len(name) == len(k)+1 || strings.HasPrefix(k, name)) {
			return k
		}
	}
	return ""
}

// order finds p absent, or not where RFC 7489 wants it.
func (p *parser) order(text string, list []span) {
	i := slices.IndexFunc(list, func(s span) bool { return s.Name == "p" })
	switch {
	case i < 0 && p.record.Reports():
		p.problem(len(text), "p", Order, Differs, "p is absent; receivers act as on p=none")
	case i < 0:
		p.problem(len(text), "p", Order, Void, "p is absent, and no valid rua either; receivers apply no DMARC")
	case i > 1:
		p.problem(list[i].at, "p", Order, Differs, "p is not the second tag; strict receivers of RFC 7489 discard the record")
	}
}

// printable quotes a value of the network for a message and cuts it short.
func printable(s string) string { return fmt.Sprintf("%.60q", s) }
