package resolve

import (
	"context"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// A Fault is something wrong with the DNS for some questions.
type Fault struct {
	// Type is the mnemonic of the questions hit, or "*".
	Type string
	// Name is the name hit; "*.example.org" is every name below example.org, "*"
	// every name.
	Name string
	// Kind is what happens: ServFail, Refused, Timeout, Lame, Malformed (FORMERR,
	// with EDNS and without), Truncated, or any other. 0 is no error, only Delay.
	Kind Kind
	// Delay passes before the answer or the error; it is nothing beside a Timeout.
	Delay time.Duration
	// Extended is what the server adds to a ServFail, Refused, Malformed or Lame
	// (RFC 8914); nobody says why in the other cases.
	Extended []Extended
}

// Matches reports whether the fault hits a question for records of type typ at name.
func (f Fault) Matches(name, typ string) bool {
	if f.Type != "*" && !strings.EqualFold(f.Type, typ) {
		return false
	}
	if f.Name == "*" {
		return true
	}
	if suffix, ok := strings.CutPrefix(f.Name, "*."); ok {
		return record.Within(name, suffix) && record.Canonical(name) != record.Canonical(suffix)
	}
	return record.Canonical(f.Name) == record.Canonical(name)
}

// Faults is a resolver with faults. For every fault it gives the very error
// that Client gives when it meets that fault in a server: the same kind, the same
// words, after as long a wait. The first fault that matches counts, for the name
// asked and then for every name at the end of a CNAME, since a recursive
// resolver fails with what it follows.
//
// Lame hits servers asked themselves (Question.At). A recursive resolver that
// meets lame servers says SERVFAIL.
type Faults struct {
	next  Resolver
	rules []Fault

	// Timeout times Attempts is how long the client waits; the defaults are those
	// of Options.
	Timeout  time.Duration
	Attempts int
}

// NewFaults returns next with faults.
func NewFaults(next Resolver, faults []Fault) *Faults {
	return &Faults{next: next, rules: faults, Timeout: defaultTimeout, Attempts: defaultAttempts}
}

// Find returns the fault that hits a question for records of type typ at name.
func (f *Faults) Find(name, typ string) (Fault, bool) {
	for _, rule := range f.rules {
		if rule.Matches(name, typ) {
			return rule, true
		}
	}
	return Fault{}, false
}

// Resolve answers as the resolver below does, where no fault hits.
func (f *Faults) Resolve(ctx context.Context, q Question) (Answer, error) {
	q, bad := prepared(ctx, q)
	if bad != nil {
		return Answer{}, bad
	}
	if err := f.suffer(ctx, q, q.Name); err != nil {
		return Answer{}, err
	}
	ans, err := f.next.Resolve(ctx, q)
	if err != nil {
		return ans, err
	}
	for _, c := range ans.Chain {
		if err := f.suffer(ctx, q, c.Data); err != nil {
			return Answer{}, err
		}
	}
	return ans, nil
}

// suffer waits and fails as the fault at name wants.
func (f *Faults) suffer(ctx context.Context, q Question, name string) error {
	rule, ok := f.Find(name, q.Type)
	if !ok {
		return nil
	}
	kind, wait := rule.Kind, rule.Delay
	// A server too slow for the client is one that does not answer.
	if limit := f.Timeout * time.Duration(f.Attempts); kind == Timeout || wait >= limit {
		kind, wait = Timeout, limit
	}
	if err := sleep(ctx, wait); err != nil {
		return canceled(q, err)
	}
	fault := &Error{Question: q, Kind: kind}
	switch kind {
	case 0:
		return nil
	case ServFail, Refused:
		fault.Extended = rule.Extended
	case Malformed:
		fault.Detail = "FORMERR"
		fault.Extended = rule.Extended
	case Lame:
		if q.At == "" {
			fault.Kind = ServFail
		}
		fault.Extended = rule.Extended
	}
	return fault
}

// sleep waits, or returns the error of ctx when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
