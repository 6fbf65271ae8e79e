// Package resolve asks the DNS. One small interface, Resolver, lies under
// everything that examines a domain: a live resolver, a zone not yet published,
// a recorded world and "live plus a plan" are the same to whoever asks.
//
// It does not judge answers and knows nothing of mail.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// A Question is what is asked. Questions are comparable.
//
// Name is absolute and lower-case (record.Canonical), Type an upper-case
// mnemonic. At is empty to ask the recursive resolver; else it is the IP
// address of an authoritative server, which is asked itself, on port 53,
// without recursion.
type Question struct{ Name, Type, At string }

// Ask returns the question for the records of type typ at name.
func Ask(name, typ string) Question { return Question{Name: record.Canonical(name), Type: typ} }

// String is the question as evidence shows it: "TXT example.org", with
// " @192.0.2.53" where a server itself is asked.
func (q Question) String() string {
	s := q.Type + " " + record.Display(q.Name)
	if q.At != "" {
		s += " @" + q.At
	}
	return s
}

// An Answer is a conclusive answer: records, or the fact that there are none.
type Answer struct {
	Question Question
	// Records are those of the type asked, at the end of Chain, in the order
	// received; sorted where a Memo gives them.
	Records []record.Record
	// Chain is the CNAME records that were followed, in order.
	Chain []record.Record
	// Exists is false for NXDOMAIN, of the name asked or of the end of Chain. An
	// existing name without such records (NODATA) has Exists and no Records.
	Exists bool
	// Authenticated is the AD bit as received. Whether to believe it is the
	// caller's matter.
	Authenticated bool
	// Authoritative is the AA bit; of use only where Question.At is set.
	Authoritative bool
	// TTL is how long the answer may be kept: the least TTL of what it holds, or
	// the negative TTL (RFC 2308, 5).
	TTL time.Duration
	// Server is who answered: "udp://192.0.2.53:53".
	Server string
}

// Void reports whether the answer holds no records: NXDOMAIN or NODATA, what
// RFC 7208, 4.6.4 calls a void lookup.
func (a Answer) Void() bool { return len(a.Records) == 0 }

// Texts returns the joined texts of TXT records.
func (a Answer) Texts() []string {
	var texts []string
	for _, r := range a.Records {
		if r.IsText() {
			texts = append(texts, r.Data)
		}
	}
	return texts
}

// Addrs returns the addresses of A and AAAA records.
func (a Answer) Addrs() []netip.Addr {
	var addrs []netip.Addr
	for _, r := range a.Records {
		if addr, ok := r.Addr(); ok {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// Target is the name at the end of the CNAME chain; the name asked if there is none.
func (a Answer) Target() string {
	if n := len(a.Chain); n > 0 {
		return a.Chain[n-1].Data
	}
	return a.Question.Name
}

// String is the answer as evidence shows it: the data of every record, one a
// line, or "NXDOMAIN" or "no TXT record".
func (a Answer) String() string {
	var lines []string
	for _, c := range a.Chain {
		lines = append(lines, "CNAME "+record.Display(c.Data))
	}
	for _, r := range a.Records {
		lines = append(lines, r.Data)
	}
	switch {
	case !a.Exists:
		lines = append(lines, "NXDOMAIN")
	case len(a.Records) == 0:
		lines = append(lines, "no "+a.Question.Type+" record")
	}
	return strings.Join(lines, "\n")
}

// A Resolver answers questions. A nil error means a conclusive answer; NXDOMAIN
// and NODATA are such. Every other end is an *Error, or the context's error
// wrapped in one. Implementations are safe for concurrent use, and answers are
// shared: callers do not change them.
type Resolver interface {
	Resolve(context.Context, Question) (Answer, error)
}

// Kind is why a question has no conclusive answer.
type Kind int

const (
	Timeout     Kind = iota + 1 // no answer in time
	ServFail                    // SERVFAIL: the resolver could not find out, or the zone is bogus
	Refused                     // REFUSED: the server will not answer us
	Lame                        // a server asked itself is not authoritative for the name
	Malformed                   // FORMERR, NOTIMP, or an answer that does not fit the question or does not parse
	Truncated                   // truncated over UDP, and TCP did not help
	TooLarge                    // larger than the limits on answers
	Chain                       // a CNAME loop, or a chain that is too long
	Unreachable                 // the network refused: no route, connection refused, TLS failed
	Budget                      // the cap on questions is used up
	Canceled                    // the caller or its deadline ended the question
	Invalid                     // the name cannot be asked: too long, or an empty label
)

var kindNames = map[Kind]string{
	Timeout: "timed out", ServFail: "SERVFAIL", Refused: "REFUSED", Lame: "lame: the server is not authoritative", Malformed: "malformed answer",
	Truncated: "truncated, and TCP failed", TooLarge: "answer too large", Chain: "CNAME chain too long or looping",
	Unreachable: "DNS server unreachable", Budget: "limit of DNS questions reached", Canceled: "cut short", Invalid: "not a name the DNS can hold",
}

func (k Kind) String() string { return kindNames[k] }

// An Error is a question without a conclusive answer: never the same as "no".
type Error struct {
	Question Question
	Kind     Kind
	Server   string // the last one asked; empty if none was
	Detail   string // what else is known; from the network in part, so escape it
	Extended []Extended
	Err      error // the cause, if any
}

// Extended is an extended DNS error (RFC 8914): a code of the IANA registry
// and the server's own words.
type Extended struct {
	Code uint16
	Name string
	Text string
}

// Error is "TXT example.org: SERVFAIL (DNSSEC Bogus: signature expired)". It
// does not name the server, so that the same fault reads the same everywhere.
func (e *Error) Error() string {
	var why []string
	if e.Detail != "" {
		why = append(why, e.Detail)
	}
	for _, x := range e.Extended {
		s := x.Name
		if s == "" {
			s = fmt.Sprintf("extended error %d", x.Code)
		}
		if x.Text != "" {
			s += ": " + x.Text
		}
		why = append(why, s)
	}
	s := e.Question.String() + ": " + e.Kind.String()
	if len(why) > 0 {
		s += " (" + strings.Join(why, "; ") + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf reports the kind of a resolver's error; 0 if err is not one.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

// Func makes a Resolver of a function.
type Func func(context.Context, Question) (Answer, error)

// Resolve calls f.
func (f Func) Resolve(ctx context.Context, q Question) (Answer, error) { return f(ctx, q) }
