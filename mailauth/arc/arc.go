// Package arc validates the Authenticated Received Chain of a message and says
// which set fails, and why; and it seals messages, which adds a set (RFC 8617).
//
// How a signature is verified it does not know: ARC borrows that from DKIM, and
// the caller brings a Verifier. Whether a sealer is to be believed is the
// reader's matter.
package arc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/message"
)

// MaxSets is how many sets a chain may have (RFC 8617, 4.2.1, 5.2).
const MaxSets = 50

// maxMessageSignatures is how many message signatures of a chain are verified,
// the newest first: each hashes the whole message. RFC 8617, 5.2 demands one.
const maxMessageSignatures = 10

// The names of the header fields of a set (RFC 8617, 4.1).
const (
	ResultsName = "ARC-Authentication-Results" // AAR
	MessageName = "ARC-Message-Signature"      // AMS
	SealName    = "ARC-Seal"                   // AS
)

// A Status is the chain validation status (RFC 8617, 4.4).
type Status string

const (
	None Status = "none" // the message has no chain
	Pass Status = "pass"
	Fail Status = "fail"
)

// A Trial is the end of one comparison.
type Trial int

const (
	NotTried Trial = iota
	Holds
	Broken
)

// A Check is what a Verifier found of one signature.
type Check struct {
	Result string // "pass", "fail", "temperror", "permerror" and the like; empty where it was not verified
	Cause  string // in words; text of the message in it is escaped
	Body   Trial  // whether the body is as it was signed; NotTried of a seal
	Header Trial  // whether the header is
}

// A Verifier verifies the signatures of a chain, by the index of their field in
// m.Fields. It is used from several goroutines.
type Verifier interface {
	// MessageSignature verifies an ARC-Message-Signature (RFC 8617, 4.1.2).
	MessageSignature(ctx context.Context, m *message.Message, field int) Check
	// Seal verifies an ARC-Seal over the fields covered, in that order, and itself
	// (RFC 8617, 4.1.3, 5.1.1). The message may come without its body.
	Seal(ctx context.Context, m *message.Message, field int, covered []int) Check
}

// A Set is the three fields that one host added, by their index in
// Message.Fields; -1 where one is missing.
type Set struct {
	Instance               int
	Results, Message, Seal int

	CV       string // what the seal says of the sets below: "none", "pass", "fail"
	Domain   string // d= of the seal, as written; hostile
	Selector string // s= of the seal

	MessageCheck, SealCheck Check
}

// A Chain is the outcome of a validation.
type Chain struct {
	Status Status
	Cause  string // in words; text of the message in it is escaped
	// At is the instance of the set that makes the chain fail; 0 where it does not
	// fail, or not because of one set.
	At int
	// Temporary tells that the chain fails only because the DNS gave no answer.
	// RFC 8617, 5.2.1 counts that as a failure like any other; whoever can wait had
	// better ask again.
	Temporary bool
	// OldestPass is the lowest instance from which on every message signature
	// verifies: nothing was changed since. 0 means all of them (RFC 8617, 5.2); -1
	// is not known, because the chain does not pass or not all were verified.
	OldestPass int
	Sets       []Set // by instance, incomplete ones too
}

// Newest is the set that was added last; ok is false where there is none.
func (c Chain) Newest() (s Set, ok bool) {
	if len(c.Sets) == 0 {
		return Set{}, false
	}
	return c.Sets[len(c.Sets)-1], true
}

// Next is the instance of a set to be added; ok is false where none is to be: the
// newest set already says that the chain has failed, or there are MaxSets (RFC
// 8617, 5.1).
func (c Chain) Next() (instance int, ok bool) {
	newest, some := c.Newest()
	switch {
	case !some:
		return 1, true
	case newest.CV == string(Fail), newest.Instance >= MaxSets:
		return 0, false
	}
	return newest.Instance + 1, true
}

// String is "pass (2 sets, oldest-pass 0)" or the status with the cause.
func (c Chain) String() string {
	switch {
	case c.Status == None:
		return string(None)
	case c.Status == Pass && c.OldestPass >= 0:
		return fmt.Sprintf("pass (%d sets, oldest-pass %d)", len(c.Sets), c.OldestPass)
	case c.Status == Pass:
		return fmt.Sprintf("pass (%d sets)", len(c.Sets))
	}
	return fmt.Sprintf("%s (%s)", c.Status, c.Cause)
}

// Trace is how the status came about, a line for each set and one for the end.
// Text of the message is quoted.
func (c Chain) Trace() []string {
	var lines []string
	for _, s := range c.Sets {
		line := fmt.Sprintf("i=%d, %.80q, selector %.60q, cv=%.10q", s.Instance, s.Domain, s.Selector, s.CV)
		line += said("message signature", s.MessageCheck) + said("seal", s.SealCheck)
		lines = append(lines, line)
	}
	return append(lines, fmt.Sprintf("%s: %s", c.Status, c.Cause))
}

func said(what string, c Check) string {
	if c.Result == "" {
		return "; " + what + " not verified"
	}
	return fmt.Sprintf("; %s %s: %s", what, c.Result, c.Cause)
}

// fail ends a validation at a set.
func (c Chain) fail(at int, format string, args ...any) Chain {
	c.Status, c.At, c.Cause = Fail, at, fmt.Sprintf(format, args...)
	return c
}
