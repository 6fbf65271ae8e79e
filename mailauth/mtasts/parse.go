package mtasts

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/record"
)

// maxLines bounds the lines of a policy that are looked at.
const maxLines = 1000

// known is the fields of a policy. Their names are case-sensitive (RFC 8461, 3.2).
var known = []string{"version", "mode", "mx", "max_age"}

const byteOrderMark = "\ufeff"

// ParsePolicy reads a policy file (RFC 8461, 3.2). It goes on behind faults and
// takes what was plainly meant, so that its String is the policy without them;
// senders may have another view, see Worst.
func ParsePolicy(text string) (Policy, []Problem) {
	p := policyParser{seen: make(map[string]bool)}
	at := 0
	if strings.HasPrefix(text, byteOrderMark) {
		p.problems.add(Problem{Line: 1, Effect: Differs, Message: "the file begins with a byte order mark, so that strict senders do not find the first field"})
		at = len(byteOrderMark)
	}
	for p.number = 1; at < len(text); p.number++ {
		if p.number > maxLines {
			p.problems.add(Problem{Offset: at, Line: p.number, Effect: Differs, Message: fmt.Sprintf("more than %d lines", maxLines)})
			break
		}
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i
		}
		p.line(strings.TrimSuffix(text[at:end], "\r"), at)
		at = end + 1
	}
	if len(p.seen) == len(p.policy.Extra) {
		return p.policy, []Problem{{Effect: Void, Message: "this is no policy: it has none of the fields version, mode, mx and max_age"}}
	}
	p.complete(len(text))
	return p.policy, p.problems
}

type policyParser struct {
	policy   Policy
	problems list
	seen     map[string]bool
	number   int // of the line
}

func (p *policyParser) problem(at int, field string, effect Effect, format string, args ...any) {
	p.problems.add(Problem{Offset: at, Line: p.number, Field: field, Effect: effect, Message: fmt.Sprintf(format, args...)})
}

// line takes one line without its end.
func (p *policyParser) line(line string, at int) {
	name, value, found := strings.Cut(line, ":")
	switch {
	case strings.Trim(line, wsp) == "":
		p.problem(at, "", Differs, "an empty line")
		return
	case !found:
		p.problem(at, "", Differs, "%.60q is not a field: it has no \":\"", line)
		return
	}
	valueAt := at + len(name) + 1 + len(value) - len(strings.TrimLeft(value, wsp))
	value = strings.Trim(value, wsp)
	trimmed := strings.Trim(name, wsp)
	field, exact := meantField(trimmed)
	switch {
	case field == "":
		p.extension(name, value, at)
		return
	case !exact:
		p.problem(at, field, Void, "the field is called %s, not %.40q", field, trimmed)
	case trimmed != name:
		p.problem(at, field, Differs, "white space before %s, or between it and the colon", field)
	}
	if field != "mx" && p.seen[field] { // RFC 8461, 3.2
		p.problem(at, field, Ignored, "%s stands twice; senders take the first", field)
		return
	}
	p.seen[field] = true
	p.take(field, value, valueAt)
}

// meantField is the known field that a name stands for; exact if it is its name.
func meantField(name string) (field string, exact bool) {
	plain := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
	for _, k := range known {
		if plain == strings.ReplaceAll(k, "_", "") {
			return k, name == k
		}
	}
	return "", false
}

func (p *policyParser) extension(name, value string, at int) {
	switch {
	case !isName(name) || !isText(value):
		p.problem(at, "", Differs, "%.60q is not a valid field", name+":"+value)
	case p.seen[name]:
	case len(p.policy.Extra) < maxExtra:
		p.seen[name] = true
		p.policy.Extra = append(p.policy.Extra, Field{name, value})
	}
}

// isText reports whether s is the value of an extension: UTF-8 without control
// characters, blanks only inside.
func isText(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) &&
		strings.Trim(s, wsp) == s
}

func (p *policyParser) take(field, value string, at int) {
	switch field {
	case "version":
		if value != version {
			p.problem(at, field, Void, "the version is %.40q; senders know only %s", value, version)
		}
	case "mode":
		p.mode(value, at)
	case "max_age":
		p.maxAge(value, at)
	case "mx":
		p.mx(value, at)
	}
}

func (p *policyParser) mode(value string, at int) {
	switch m := Mode(strings.ToLower(value)); m {
	case Enforce, Testing, None:
		p.policy.Mode = m
		if string(m) != value {
			p.problem(at, "mode", Void, "the mode is written %s, in lower case", m)
		}
	default:
		p.problem(at, "mode", Void, "the mode %.40q is none of enforce, testing and none", value)
	}
}

func (p *policyParser) maxAge(value string, at int) {
	n, err := strconv.ParseUint(value, 10, 63)
	switch {
	case value == "" || strings.Trim(value, "0123456789") != "":
		p.problem(at, "max_age", Void, "%.40q is not a number of seconds", value)
	case len(value) > 10: // 1*10(DIGIT)
		p.policy.MaxAge = MaxAge
		p.problem(at, "max_age", Void, "max_age has more than 10 digits; the most is %d, a year", MaxAge)
	case err != nil || n > MaxAge:
		p.policy.MaxAge = MaxAge
		p.problem(at, "max_age", Differs, "max_age is %s; the most is %d, a year", value, MaxAge)
	default:
		p.policy.MaxAge = int(n)
	}
}

// mx takes the value of one mx field. Several hosts in one are a frequent fault.
func (p *policyParser) mx(value string, at int) {
	hosts := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t,;", r) })
	if len(hosts) > 1 {
		p.problem(at, "mx", Void, "one mx field names %d hosts; each needs a line of its own", len(hosts))
	}
	if len(hosts) == 0 {
		p.problem(at, "mx", Void, "an mx field without a host")
	}
	for _, h := range hosts {
		pattern, effect, fault := meantPattern(h)
		if fault != "" {
			p.problem(at, "mx", effect, "the mx pattern %.80q %s", h, fault)
		}
		if pattern != "" && len(p.policy.MX) < maxPatterns && !slices.Contains(p.policy.MX, pattern) {
			p.policy.MX = append(p.policy.MX, pattern)
		}
	}
}

// meantPattern is the pattern that was meant, empty if that is not plain, and
// what is wrong with it as it is written.
func meantPattern(text string) (pattern string, effect Effect, fault string) {
	effect = Void
	host, wild := strings.CutPrefix(text, "*.")
	switch {
	case strings.HasPrefix(text, "."): // a form of early drafts
		host, wild, fault = text[1:], true, "does not begin with \"*.\" as a wildcard does"
	case strings.Contains(host, "*"):
		return "", Void, "has a * that is not its whole first label"
	case strings.HasSuffix(text, "."):
		effect, fault = Differs, "ends in a dot, which names in certificates and policies do not have"
	case !ascii(text):
		fault = "is not written in A-labels (RFC 8461, 3.2)"
	}
	if pattern = hostName(host); pattern == "" {
		return "", Void, "is not a host name"
	}
	if wild {
		pattern = "*." + pattern
	}
	return pattern, effect, fault
}

// hostName is a name in A-labels, without a final dot; empty if it is none. A
// single label will do.
func hostName(text string) string {
	const label = "x."
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil || strings.ContainsAny(text, "/@:<>") {
		return ""
	}
	name, err := record.ParseDomain(label + text)
	if err == nil { // what IDNA makes of odd characters may be no name itself
		name, err = record.ParseDomain(name)
	}
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(fold(name), label)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// complete tells what is missing: the policy is invalid without (RFC 8461, 3.2).
// Only a policy of mode none has no hosts to name.
func (p *policyParser) complete(end int) {
	p.number = 0
	for _, field := range known {
		if !p.seen[field] && (field != "mx" || p.policy.Mode != None) {
			p.problem(end, field, Void, "there is no %s, which every policy must have", field)
		}
	}
}
