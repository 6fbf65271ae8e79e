package dmarc

import "github.com/maildoctor/maildoctor/resolve"

// A Reading is the specification that a receiver follows.
type Reading string

const (
	RFC9989 Reading = "RFC 9989" // the DNS tree walk
	RFC7489 Reading = "RFC 7489" // the public suffix list
)

// A Code is the result of an evaluation as Authentication-Results names it (RFC
// 9989, 9.2; RFC 7489, 11.2).
type Code string

const (
	NoPolicy  Code = "none" // no policy applies, or there is no author domain
	Pass      Code = "pass"
	Fail      Code = "fail"
	TempError Code = "temperror" // the DNS gave no answer on which the result depends
	PermError Code = "permerror" // the record that applies cannot be used
)

// gravity orders codes for a message with several author domains.
var gravity = map[Code]int{NoPolicy: 0, PermError: 1, Pass: 2, TempError: 3, Fail: 4}

// An SPF is the SPF result of a message.
type SPF struct {
	Result string // "pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"; empty where SPF was not evaluated
	// Domain is the one evaluated: that of MAIL FROM, or of HELO where MAIL FROM is
	// null (RFC 7208, 2.4). A HELO result beside a MAIL FROM does not count here
	// (RFC 9989, 4.4.2; RFC 7489, 3.1.2).
	Domain string
	HELO   bool // Domain is that of HELO
}

// A DKIM is the result of one signature.
type DKIM struct {
	Result   string // "pass", "fail", "policy", "neutral", "temperror", "permerror"
	Domain   string // d=
	Selector string // s=
}

// An Input is what is known of a message. Of its signatures the first 20 count.
type Input struct {
	// Authors are the domains in the From field, each once; more than one where it
	// has addresses of several domains. Absolute or not, in A-labels or U-labels.
	Authors []string
	SPF     SPF
	DKIM    []DKIM
	// Sample is the receiver's draw for pct, 0 to 99: the policy of RFC 7489 is
	// applied where it is below pct, so that the zero value is in every sample
	// but that of pct=0.
	Sample int
}

// A Result is a message judged by both readings.
type Result struct{ RFC9989, RFC7489 Verdict }

// Agree reports whether both readings come to the same result and disposition.
func (r Result) Agree() bool {
	return r.RFC9989.Code == r.RFC7489.Code && r.RFC9989.Disposition == r.RFC7489.Disposition
}

// A Verdict is what a receiver makes of a message, and why.
type Verdict struct {
	Reading Reading
	Code    Code
	Cause   string // in words; text from the network in it is escaped

	// Author is the author domain, canonical; empty where there is none. Where
	// there are several it is the one that decides, the others' verdicts are in
	// Others, and what is said here is of that one.
	Author string
	Others []Verdict

	Discovery Discovery // of the policy; its Organizational is that of Author
	// Relation is where Author stands to the domain of the record. NonExistent is
	// told apart from Subdomain only where np makes a difference.
	Relation  Relation
	Existence *Existence // the question behind NonExistent; nil where it was not needed

	Requested Policy // what the record asks for, of mail that fails; empty where no policy applies
	Tag       string // that states it: p, sp or np; empty where p=none is meant for want of a valid policy
	// Disposition is what is to be done with this message after t (RFC 9989) or pct
	// (RFC 7489): none unless Code is Fail.
	Disposition Policy
	Percent     int // pct; 100 by RFC 9989, which ignores it

	Alignments []Alignment // SPF first, then each signature
}

// Record is the record that applies; nil if none does.
func (v Verdict) Record() *Record {
	if v.Discovery.Policy == nil {
		return nil
	}
	return v.Discovery.Policy.Record
}

// Aligned returns the identifiers that make the message pass.
func (v Verdict) Aligned() []Alignment {
	var list []Alignment
	for _, a := range v.Alignments {
		if a.Passes() {
			list = append(list, a)
		}
	}
	return list
}

// An Existence is whether a domain exists: whether the answer for any type is
// something else than NXDOMAIN (RFC 8020, 2).
type Existence struct {
	Answer resolve.Answer // to the question for an A record; its Question is set also where Err is
	Err    error          // the question had no conclusive answer
}

// A Mechanism authenticates a domain.
type Mechanism string

const (
	BySPF  Mechanism = "spf"
	ByDKIM Mechanism = "dkim"
)

// A State is the end of an alignment check.
type State int

const (
	NotAligned State = iota
	Aligned
	Undecided // the DNS gave no answer on which it depends
)

// An Alignment compares an identifier with the author domain (RFC 9989, 4.10.2;
// RFC 7489, 3.1). It does so whether the mechanism passed or not.
type Alignment struct {
	Mechanism Mechanism
	Result    string // of the mechanism, as given
	Domain    string // canonical; empty where what was given is no domain
	Selector  string // of a signature
	HELO      bool   // the domain is that of HELO

	Strict bool // what the record wants: aspf=s or adkim=s
	Exact  bool // the identifier is the author domain itself
	State  State
	Why    string // in words

	// Organizational is the organizational domain of Domain; empty where it was not
	// needed. Walk is how RFC 9989 finds it; nil where nothing had to be asked.
	Organizational string
	Walk           *Discovery
}

// Passes reports whether the mechanism passed for an aligned identifier: one
// such makes the message pass.
func (a Alignment) Passes() bool { return a.Result == "pass" && a.State == Aligned }

// open reports whether the identifier may yet make the message pass.
func (a Alignment) open() bool {
	switch a.Result {
	case "pass":
		return a.State == Undecided
	case "temperror":
		return a.State != NotAligned
	}
	return false
}
