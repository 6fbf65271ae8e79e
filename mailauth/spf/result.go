package spf

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// A Code is the result of an evaluation (RFC 7208, 2.6), written as in
// Received-SPF and Authentication-Results headers.
type Code string

const (
	None      Code = "none"
	Neutral   Code = "neutral"
	Pass      Code = "pass"
	Fail      Code = "fail"
	SoftFail  Code = "softfail"
	TempError Code = "temperror"
	PermErr   Code = "permerror"
)

// Params are the arguments of check_host() (RFC 7208, 4.1) and what macros need
// beside them.
type Params struct {
	IP     netip.Addr // of the SMTP client; IPv4-mapped addresses count as IPv4
	Sender string     // MAIL FROM without angle brackets; empty for bounces, then it is postmaster@HELO
	HELO   string     // as the client gave it
	// Domain is <domain>. Empty means the domain of Sender, or HELO where
	// Sender is empty. To evaluate a HELO identity, set it to HELO.
	Domain   string
	Receiver string    // %{r}; "unknown" where empty
	Now      time.Time // %{t}
}

// A Result is the verdict of one evaluation and how it came about.
type Result struct {
	Code        Code
	Cause       string // why, in words; for none, temperror and permerror also what went wrong
	Explanation string // the owner's words behind a fail (RFC 7208, 6.2); hostile text, empty if there are none
	Domain      string // that was evaluated, as given
	Lookups     int    // querying terms used, of MaxLookups; MaxLookups+1 where the limit stopped it
	Voids       int    // void lookups, of MaxVoids; MaxVoids+1 where the limit stopped it
	Trace       *Visit // the domain's own record; nil where the domain is no name
	Err         error  // the unanswered question behind a temperror
}

// A Visit is the evaluation of one record: of the domain itself, of an include
// or of a redirect.
type Visit struct {
	Domain   string // absolute
	Text     string // the SPF record; empty where there is not exactly one
	Record   Record
	Problems []Problem
	Steps    []Step // terms in the order evaluated; terms that were not reached are missing
	Code     Code
	Cause    string
}

// A Step is the evaluation of one term.
type Step struct {
	Term    Term
	Target  string // domain asked, macros expanded, absolute; empty for all, ip4, ip6
	Matched bool
	Lookups int    // used so far, with this term and what is below it
	Voids   int    // found so far, with this term and what is below it
	Note    string // what was found: "no A record", "include ended in fail"
	Below   *Visit // of an include or redirect
}

// Decisive returns the step that decided the result and the domain whose record
// holds it, following includes and redirects down; ok is false where no term did.
func (r Result) Decisive() (step Step, domain string, ok bool) {
	for v := r.Trace; v != nil && len(v.Steps) > 0; {
		last := v.Steps[len(v.Steps)-1]
		if !last.Matched && last.Below == nil {
			return step, domain, ok
		}
		if last.Matched || last.Term.Kind == Redirect {
			step, domain, ok = last, v.Domain, last.Matched || ok
		}
		v = last.Below
	}
	return step, domain, ok
}

// String is "pass (include:_spf.example.net)", "fail (-all)", or the code with
// the cause where no term decided.
func (r Result) String() string {
	if len(r.trail()) > 0 && r.Code != TempError && r.Code != PermErr {
		return fmt.Sprintf("%s (%s)", r.Code, r.trail())
	}
	if r.Cause != "" {
		return fmt.Sprintf("%s (%s)", r.Code, r.Cause)
	}
	return string(r.Code)
}

// trail names the term of the domain's own record that decided, and the terms
// that a redirect leads to.
func (r Result) trail() string {
	s := ""
	for v := r.Trace; v != nil && len(v.Steps) > 0; {
		last := v.Steps[len(v.Steps)-1]
		if !last.Matched && last.Term.Kind != Redirect {
			return s
		}
		if s != "" {
			s += ", "
		}
		s += last.Term.String()
		if last.Term.Kind != Redirect {
			return s
		}
		v = last.Below
	}
	return s
}

// ends a visit.
func (v *Visit) end(code Code, format string, args ...any) *Visit {
	v.Code, v.Cause = code, fmt.Sprintf(format, args...)
	return v
}

func shown(domain string) string { return record.Display(domain) }
