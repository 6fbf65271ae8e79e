// Package diagnosis is the vocabulary in which maildoctor speaks of a domain:
// rules, what was seen, what was found, and what would cure it. It computes
// nothing; checks fill it, report renders it.
package diagnosis

import (
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// Severity is how much a breach of a rule matters.
type Severity int

const (
	// Advice is hygiene and hardening; mail arrives without it.
	Advice Severity = iota
	// Warning is a SHOULD that is not met, or a risk that grows.
	Warning
	// Critical is a MUST that is violated, or mail lost or refused now.
	Critical
)

var severityNames = [...]string{"advice", "warning", "critical"}

func (s Severity) String() string { return name(severityNames[:], int(s)) }

// MarshalText writes "advice", "warning" or "critical".
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(text []byte) error {
	return parse(severityNames[:], text, "severity", (*int)(s))
}

// Outcome is the end of one check.
type Outcome int

const (
	// Passed means the rule's claim holds.
	Passed Outcome = iota
	// Failed means the claim does not hold; the findings say where.
	Failed
	// Skipped means the question did not arise, or its cause failed already.
	Skipped
	// Unknown means it could not be found out. Unknown is never Failed.
	Unknown
)

var outcomeNames = [...]string{"passed", "failed", "skipped", "unknown"}

func (o Outcome) String() string { return name(outcomeNames[:], int(o)) }

// MarshalText writes "passed", "failed", "skipped" or "unknown".
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *Outcome) UnmarshalText(text []byte) error {
	return parse(outcomeNames[:], text, "outcome", (*int)(o))
}

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("invalid(%d)", i)
	}
	return names[i]
}

func parse(names []string, text []byte, kind string, into *int) error {
	for i, n := range names {
		if n == string(text) {
			*into = i
			return nil
		}
	}
	return fmt.Errorf("no %s %q", kind, text)
}

// A Rule is what a check holds a domain to.
type Rule struct {
	ID       string   // stable, "topic.kebab-name"
	Title    string   // the claim that holds when it passes
	Severity Severity // of a breach, unless the finding says otherwise
	Why      string   // one or two sentences: what a breach does to the owner's mail
	Doc      string   // how it is judged, how to fix it by hand, how receivers behave; paragraphs
	Refs     []Ref    // the sentences that it enforces
}

// A Ref cites a source: "RFC 7208, 4.6.4". URL may be empty for an RFC.
type Ref struct{ Name, URL string }

// Evidence is one thing that was asked and what came back, verbatim. It comes
// from the network and is never trusted as text for a terminal.
type Evidence struct {
	Question, Answer string
	// Absent tells, in what a pass saw, that what the rule is about is not there:
	// it may be absent, and some would rather see it. A zone that is not signed.
	Absent bool
}

// A Finding is one breach of a rule by one subject (a domain, a host, an address).
type Finding struct {
	Subject  string
	Message  string // names record, term and value
	Severity Severity
	Evidence []Evidence
	Places   []string // where the records stand, "example.org.zone:12"; only for records from files
	Remedy   Remedy
	Alone    bool // what needs the check is judged all the same: it is a cause of nothing else
}

// A Remedy cures a finding: a machine applies the edits, a person takes the steps.
type Remedy struct {
	Edits []record.Edit
	Steps []string
}

// A Doubt is a subject about which the check could not find out, and why.
type Doubt struct {
	Subject, Reason string
	// Alone tells that what builds on the check can be told all the same: it
	// explains nobody else's doubt, and takes no verdict away.
	Alone bool
}

// A Verdict is what one check concludes. The zero Verdict is a pass.
//
// The outcome follows from it: findings make it Failed, even beside doubts;
// else doubts make it Unknown; else Skip makes it Skipped; else it Passed.
type Verdict struct {
	Seen     []Evidence // what was seen, shown for passes too
	Findings []Finding
	Doubts   []Doubt
	Skip     string // why the question did not arise
}

// Outcome is the outcome that follows from the verdict.
func (v Verdict) Outcome() Outcome {
	switch {
	case len(v.Findings) > 0:
		return Failed
	case len(v.Doubts) > 0:
		return Unknown
	case v.Skip != "":
		return Skipped
	}
	return Passed
}

// A Result is the end of one check on one domain.
type Result struct {
	Rule     Rule
	Outcome  Outcome
	Severity Severity // the gravest finding's; the rule's where there is none
	Seen     []Evidence
	Findings []Finding
	Doubts   []Doubt
	Reason   string // for Skipped and Unknown, and for what stayed unknown beside findings
	Cause    string // ID of the check whose end decided this one; empty if it was judged itself
	Took     time.Duration

	Waived []Waived // findings that the owner has decided to live with; none of them is among Findings
}

// A Waived finding is known and counts for nothing: somebody answers for it, or it
// was there when the owner began to look.
type Waived struct {
	Finding
	By     string // who answers for it; may be empty
	Reason string
	Until  time.Time // the last day, at midnight UTC; zero for no end
}

// A Report is one examination of one domain, or of one address.
type Report struct {
	Domain    string // A-labels, without the final dot; empty where an address was examined
	Address   string // the canonical text form (RFC 5952); empty where a domain was examined
	At        time.Time
	Took      time.Duration
	Questions int  // DNS questions that left this machine
	CutShort  bool // the examination was interrupted or ran out of time
	Results   []Result
	Policies  []Judgement // answers to what was asked for besides
	Map       Map         // how the domain's mail goes, as far as it was seen
}

// A Judgement answers whether a receiver would accept the domain's mail by its
// published rules.
type Judgement struct {
	Policy   string // its name
	Question string
	Answer   Outcome // Passed: yes; Failed: no; Unknown: it could not be told
	Against  []Ground
	Open     []Ground // what would have to be known for a yes
	Unseen   []string // rules that the DNS and the mail hosts do not show
	AsOf     string   // the day of the rules, 2006-01-02
	Source   Ref
}

// A Ground is a check on which an answer rests, and what it says.
type Ground struct{ Check, Message string }
