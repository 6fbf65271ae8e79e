package spf

import "fmt"

// An Effect is what a receiver makes of a problem.
type Effect int

const (
	// PermError means the whole record is void: every evaluation ends in
	// permerror before a term is looked at (RFC 7208, 4.6).
	PermError Effect = iota
	// Ignored means the term is passed over and the rest works.
	Ignored
	// Misread means the term is valid, but does not say what its author means.
	Misread
)

// A ProblemKind tells problems apart, so that each has one check that owns it.
type ProblemKind int

const (
	NotSPF            ProblemKind = iota // the text is no SPF record at all
	NonASCII                             // octets above 127 or control octets
	MissingSpace                         // two terms run together, or other separators than spaces
	UnknownMechanism                     // no such mechanism
	BadDomain                            // a domain-spec that is missing, empty, or not a domain name
	BadArgument                          // an argument where none may stand, or a term that is garbled
	BadFamily                            // ip4 with an IPv6 address, ip6 with an IPv4 address
	BadAddress                           // no IP address at all
	BadPrefix                            // a prefix length out of range or garbled
	BadMacro                             // a macro that does not parse
	MacroNotHere                         // c, r or t outside the text of an exp (RFC 7208, 7.2)
	RepeatedModifier                     // redirect or exp twice (RFC 7208, 6)
	UnknownModifier                      // ignored by definition (RFC 7208, 6)
	RepeatedAll                          // an all after an all
	AfterAll                             // another mechanism after an all
	RedirectBesideAll                    // a redirect in a record with an all
)

// A Problem is one fault of a record.
type Problem struct {
	Kind   ProblemKind
	Effect Effect
	Term   int    // index into Record.Terms; -1 for the text as a whole
	Offset int    // of the faulty octets in the text parsed
	Length int    // of the faulty octets; at least 1 where Term >= 0
	Text   string // what is wrong, in words, with the faulty part quoted
	Meant  string // the term or terms that its author probably means; empty if that is anyone's guess
}

// String is the problem with its place, counted from 1 as editors do.
func (p Problem) String() string { return fmt.Sprintf("%s (at octet %d)", p.Text, p.Offset+1) }

// Fatal returns the problems that void the record (RFC 7208, 4.6).
func Fatal(problems []Problem) []Problem {
	var fatal []Problem
	for _, p := range problems {
		if p.Effect == PermError {
			fatal = append(fatal, p)
		}
	}
	return fatal
}
