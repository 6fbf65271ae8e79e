// Package bimi reads and writes what a domain publishes for Brand Indicators for
// Message Identification (draft-brand-indicators-for-message-identification): the
// assertion record, the logo in SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman),
// and the mark certificate (VMC or CMC) that vouches for it.
//
// It neither asks the DNS nor fetches, and it knows no receiver's list of trusted
// roots: whether a logo is shown is for each of them to say.
package bimi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// Version is what an assertion record begins with (draft BIMI, 4.3).
const Version = "v=BIMI1"

// Selector is the selector that receivers use for a message that names none
// (draft BIMI, 4.4).
const Selector = "default"

// Bounds on what is looked at.
const (
	maxTags     = 32
	maxProblems = 32
)

// Name is where the assertion record of domain stands, canonical; ok is false
// where such a name would be too long to ask for.
func Name(domain string) (name string, ok bool) {
	return record.Below(Selector+"._bimi", domain)
}

// A Record is an assertion record. The zero Record declines to take part.
type Record struct {
	Location   string   // l: the URL of the logo
	Evidence   string   // a: the URL of the mark certificate
	Preference string   // avp: "brand", "personal", or empty
	LocalParts []string // lps: prefixes of local parts that have selectors of their own
	LocalPart  bool     // lps is there, be it empty
}

// Declines reports whether the domain says that it takes no part: neither logo
// nor certificate (draft BIMI, 4.3.1).
func (r Record) Declines() bool { return r.Location == "" && r.Evidence == "" }

// WithLocation is r with the logo at another URL.
func (r Record) WithLocation(url string) Record {
	r.Location = url
	return r
}

// WithEvidence is r with the mark certificate at another URL; an empty one takes
// the certificate away.
func (r Record) WithEvidence(url string) Record {
	r.Evidence = url
	return r
}

// String is the record as it is best published.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString(Version + ";")
	tag := func(name, value string) {
		b.WriteString(" " + name + "=" + value + ";")
	}
	tag("l", r.Location)
	tag("a", r.Evidence)
	if r.Preference != "" {
		tag("avp", r.Preference)
	}
	if r.LocalPart {
		tag("lps", strings.Join(r.LocalParts, ","))
	}
	return b.String()
}

// IsRecord reports whether text is one of the records that receivers look at:
// they discard all that do not begin with the version, which is case-sensitive
// (draft BIMI, 4.3 and 7.2). White space may stand around its "=" and behind it.
func IsRecord(text string) bool {
	name, value, _ := strings.Cut(first(text), "=")
	return strings.TrimRight(name, space) == "v" && strings.Trim(value, space) == "BIMI1"
}

// IsMeant reports whether text was meant as an assertion record, if not a right
// one: "v=bimi1", ` v=BIMI1;`, `"v=BIMI1; l=…"`.
func IsMeant(text string) bool {
	text = strings.ToLower(strings.Trim(text, debris))
	name, rest, ok := strings.Cut(text, "=")
	return ok && strings.Trim(name, space) == "v" && strings.HasPrefix(strings.TrimLeft(rest, space), "bimi")
}

// space is white space of the tag-list grammar (RFC 6376, 3.2), debris what
// panels and word processors leave around a text.
const (
	space  = " \t\r\n"
	debris = space + "\"'\\\u201c\u201d\ufeff"
)

func first(text string) string {
	text, _, _ = strings.Cut(text, ";")
	return text
}

// Effect is what receivers make of a problem.
type Effect int

const (
	// Ignored: receivers act as without the problem.
	Ignored Effect = iota
	// Differs: some receivers show no logo.
	Differs
	// Void: receivers show no logo.
	Void
)

// A Problem is one fault of an assertion record.
type Problem struct {
	Offset  int    // of the octet in the text where it shows
	Tag     string // concerned; empty if none
	Effect  Effect
	Message string // what is wrong; quotes the text where it helps, with control octets escaped
}

type list []Problem

func (l *list) add(at int, tag string, effect Effect, format string, args ...any) {
	if len(*l) < maxProblems {
		*l = append(*l, Problem{Offset: at, Tag: tag, Effect: effect, Message: fmt.Sprintf(format, args...)})
	}
}

// Serious is the problems that change what some receiver shows.
func Serious(problems []Problem) []Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p Problem) bool { return p.Effect == Ignored })
}
