// Package caa reads and writes CAA records, finds those that are relevant to a
// name, and says whether they let a certification authority (CA) issue a
// certificate for it (RFC 8659; the parameters of RFC 8657; the tags of RFC 9495
// and of BIMI are known and not judged). It lists by which identifiers the CAs go.
//
// It looks at no certificate.
package caa

import (
	"fmt"
	"slices"
	"strings"
)

// Tags of properties, in lower case.
const (
	Issue     = "issue"     // RFC 8659, 4.2
	IssueWild = "issuewild" // RFC 8659, 4.3
	Iodef     = "iodef"     // RFC 8659, 4.4
	IssueMail = "issuemail" // RFC 9495, 4
)

// known is the tags of the IANA registry that CAs act on, those above included.
// The others there are reserved, and nobody knows what to do with them.
var known = []string{Issue, IssueWild, Iodef, IssueMail, "issuevmc", "contactemail", "contactphone"}

// critical is the flag that makes a property binding on CAs that do not know its
// tag: bit 0, which is the most significant one (RFC 8659, 4.1).
const critical = 128

// Limits on what is looked at.
const (
	maxData       = 1 << 16 // octets of one record
	maxProblems   = 32
	maxParameters = 32
)

// A Record is one property (RFC 8659, 4.1).
type Record struct {
	Flags uint8
	Tag   string // in lower case: tags match without regard to case
	Value string // the octets, unescaped
}

// Critical reports whether CAs that do not know the tag must not issue.
func (r Record) Critical() bool { return r.Flags&critical != 0 }

// Known reports whether CAs know the tag.
func (r Record) Known() bool { return slices.Contains(known, r.Tag) }

// Permit is the property by which the CA with that identifier may issue.
func Permit(issuer string) Record { return Record{Tag: Issue, Value: issuer} }

// PermitWildcards is Permit for wildcard names, where an issuewild property
// takes the place of every issue property.
func PermitWildcards(issuer string) Record { return Record{Tag: IssueWild, Value: issuer} }

// String is the data of the record as a zone file has it: `0 issue "ca.example"`.
func (r Record) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, `%d %s "`, r.Flags, r.Tag)
	for _, c := range []byte(r.Value) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Effect is what CAs make of a problem.
type Effect int

const (
	// Harmless: they act as without the problem.
	Harmless Effect = iota
	// Lost: the property says nothing to them.
	Lost
	// Bars: the property permits nobody, or keeps every CA from issuing.
	Bars
)

// A Problem is one fault of a record.
type Problem struct {
	Offset  int // of the octet in the data where it shows
	Effect  Effect
	Message string // what is wrong; quotes the data where it helps, with control octets escaped
}

// Worst is the gravest effect of problems.
func Worst(problems []Problem) Effect {
	worst := Harmless
	for _, p := range problems {
		worst = max(worst, p.Effect)
	}
	return worst
}
