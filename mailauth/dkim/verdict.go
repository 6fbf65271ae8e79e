package dkim

import (
	"fmt"
	"strings"
	"time"
)

// A Code is the result of a verification as Authentication-Results names it
// (RFC 8601, 2.7.1).
type Code string

const (
	Pass      Code = "pass"
	Fail      Code = "fail"
	Policy    Code = "policy" // it verifies, but must not count: a weak key or hash (RFC 8301)
	Neutral   Code = "neutral"
	TempError Code = "temperror"
	PermError Code = "permerror"
)

// A Fault is why a signature does not pass.
type Fault int

const (
	NoFault       Fault = iota
	Malformed           // the signature breaks the grammar or lacks a tag
	Unsupported         // an algorithm, canonicalisation or query method not in use
	KeyUnknown          // the DNS gave no answer
	NoKey               // the DNS says that there is none
	Revoked             // the key is withdrawn
	BadKey              // the key record cannot be used
	KeyMisfit           // the key is not for this signature: its tags k, h, s or t
	ForeignKey          // RSA: the key there did not make the signature
	BodyChanged         // the body hash does not match
	BodyShort           // l covers more than there is
	HeaderChanged       // the body is intact, the signature does not fit the header
	WeakKey             // RSA of less than 1024 bits (RFC 8301, 3.2)
	WeakHash            // rsa-sha1 (RFC 8301, 3.1)
	Expired             // x is past
	NotLookedAt         // more than MaxSignatures, or the message was cut off
)

var faultNames = map[Fault]string{
	NoFault: "none", Malformed: "malformed", Unsupported: "unsupported", KeyUnknown: "key unknown", NoKey: "no key", Revoked: "revoked", BadKey: "bad key",
	KeyMisfit: "key misfit", ForeignKey: "foreign key", BodyChanged: "body changed", BodyShort: "body short", HeaderChanged: "header changed", WeakKey: "weak key",
	WeakHash: "weak hash", Expired: "expired", NotLookedAt: "not looked at",
}

func (f Fault) String() string { return faultNames[f] }

// A Trial is the end of one comparison.
type Trial int

const (
	NotTried Trial = iota // what it needs was missing
	Holds
	Broken
)

// A Verdict is what became of one signature, and why.
type Verdict struct {
	Field     int // of the signature in Message.Fields
	Signature Signature
	Problems  []Problem // of the signature; offsets from the colon of its field on

	Code  Code
	Fault Fault
	Cause string // in words, also for a pass; text of the message in it is escaped

	Lookup Lookup // the key
	Body   Trial  // whether bh fits the body
	Header Trial  // whether b fits the signed fields; independent of Body
	Hash   []byte // of the body as it came

	// Covered holds the field of the message that each name in h= stands for, from
	// the bottom up (RFC 6376, 5.4.2); -1 where there is none left: removed since,
	// or signed as absent so that none may be added.
	Covered []int
	// Unsigned is how many octets of the canonical body l= leaves out.
	Unsigned int64
	// Future is how far t= lies ahead of the clock; 0 where it does not.
	Future time.Duration
	// Past is how long ago x= was; 0 where it is yet to come or absent.
	Past time.Duration

	Changes []Change // what explains a failure, if anything was found; together, not alternatives
	Tried   int      // hashes spent on explaining
}

// Testing reports whether the key is in testing mode: the domain asks that the
// signature count as absent where it fails (RFC 6376, 3.6.1).
func (v Verdict) Testing() bool { return v.Lookup.Key.Testing() }

// Bits is the size of the key; 0 where there is none.
func (v Verdict) Bits() int { return v.Lookup.Key.Bits() }

// Covers reports whether a field of the message is signed.
func (v Verdict) Covers(field int) bool {
	for _, i := range v.Covered {
		if i == field && field >= 0 {
			return true
		}
	}
	return false
}

// Absent returns the names in h= for which the message has no field left.
func (v Verdict) Absent() []string {
	var names []string
	for i, at := range v.Covered {
		if at < 0 {
			names = append(names, v.Signature.Fields[i])
		}
	}
	return names
}

// Oversigns reports whether h= names the field once more than the message has it,
// so that none can be added without breaking the signature (RFC 6376, 8.15).
func (v Verdict) Oversigns(field string) bool {
	for i, at := range v.Covered {
		if at < 0 && strings.EqualFold(v.Signature.Fields[i], field) {
			return true
		}
	}
	return false
}

// String is "pass (example.org, selector s1)" or the code with the cause.
func (v Verdict) String() string {
	if v.Code == Pass {
		return fmt.Sprintf("pass (%s, selector %s)", v.Signature.Domain, v.Signature.Selector)
	}
	return fmt.Sprintf("%s (%s)", v.Code, v.Cause)
}

// end decides a verdict.
func (v *Verdict) end(code Code, fault Fault, format string, args ...any) {
	v.Code, v.Fault, v.Cause = code, fault, fmt.Sprintf(format, args...)
}

// A ChangeKind sorts what happened to a message after it was signed, or was done
// wrong when it was.
type ChangeKind int

const (
	WrongCanon    ChangeKind = iota + 1 // the other canonicalisation matches
	LineEnds                            // bare LF or CR, or hashed with LF for CRLF
	Appended                            // text was added at the end
	Inserted                            // text was added at the top or in the middle
	WhiteSpace                          // blanks were added at the ends of lines
	Escaped                             // ">From " for "From ", a dot doubled or lost
	Wrapped                             // long lines were broken
	Recoded                             // the transfer encoding was changed
	Enclosed                            // the body was put into a multipart
	EmptyBody                           // the signer hashed an empty body
	LastLineEnd                         // the signer hashed the body without its last CRLF
	SubjectTag                          // a tag was put in front of the subject
	Rewritten                           // a field got another value
	Added                               // a field was not there when it was signed
	Removed                             // a field that was signed is gone
	Refolded                            // a field was folded or spaced otherwise
	Requoted                            // quotes in a field were added or dropped
	OtherInstance                       // the signer took another field of that name
)

// A Change is one thing that happened to a message: without it the hash matches.
type Change struct {
	Kind  ChangeKind
	Field string // whose value; empty for the body
	Text  string // in words; text of the message in it is escaped
	// Offset and Length are the octets in the message that were added or changed;
	// both 0 where there is no one place.
	Offset, Length int
	Was, Is        string // of a field: its value as signed and as it is, unfolded
}
