package feedback

import (
	"net/netip"
	"time"
)

// A Schema is the specification by which a DMARC report is written.
type Schema string

const (
	RFC7489 Schema = "RFC 7489" // appendix C, and the drafts before it
	RFC9990 Schema = "RFC 9990"
)

// Namespace is that of reports by RFC 9990 (3.1.1).
const Namespace = "urn:ietf:params:xml:ns:dmarc-2.0"

// An Aggregate is a DMARC aggregate report without its records.
type Aggregate struct {
	Schema    Schema
	Namespace string // of the root element as written; empty where there is none
	Org       string // org_name
	Email     string
	Contact   string // extra_contact_info
	ID        string // report_id
	Generator string
	Errors    []string  // what the receiver found wrong with the policy record
	Begin     time.Time // of the period, UTC; never zero
	End       time.Time // not before Begin
	Policy    Policy
	// Policies is how many policies the report holds; one is right (RFC 9990, 3.1),
	// and Policy is the last.
	Policies int
}

// A Policy is the policy record as the receiver found it (policy_published). What is
// not told is empty.
type Policy struct {
	Domain      string // absolute, in A-labels
	Policy      string // p: "none", "quarantine", "reject"
	Subdomains  string // sp
	NonExistent string // np
	DKIM, SPF   string // adkim, aspf: "r", "s"
	Percent     string // pct, of RFC 7489
	Failure     string // fo
	Testing     string // "y" or "n": the tag t
	Discovery   string // "psl" or "treewalk"
}

// A Record is messages from one address with one result.
type Record struct {
	Source netip.Addr // not valid where no address is told
	Text   string     // source_ip as written
	// Count is how many messages; 0 where that is not told or cannot be, and Fault
	// says so.
	Count       int64
	Disposition string // "none", "pass" (RFC 9990), "quarantine", "reject"
	DKIM, SPF   bool   // passed for a domain that is aligned, as the receiver says
	Reasons     []Reason
	HeaderFrom  string // the author domain, absolute, in A-labels; empty where it is no domain
	MailFrom    string // envelope_from, the same; empty where it is not told or null
	RcptTo      string // envelope_to
	Signatures  []Signature
	SPFs        []SPF
	Fault       string // what is wrong with it; empty if nothing is
}

// Passes reports whether the receiver found the messages to pass DMARC.
func (r *Record) Passes() bool { return r.DKIM || r.SPF }

// A Reason is why a receiver did other than the policy says.
type Reason struct{ Type, Comment string }

// A Signature is the result of one DKIM signature.
type Signature struct {
	Domain   string // d=, absolute
	Selector string
	Result   string // "pass", "fail", ... (RFC 8601, 2.7.1)
}

// An SPF is the result of SPF for one identity.
type SPF struct {
	Domain string // absolute
	Scope  string // "mfrom", "helo" or empty
	Result string // RFC 8601, 2.7.2
}

// clone is r with memory of its own.
func (r *Record) clone() *Record {
	c := *r
	c.Reasons = append([]Reason(nil), r.Reasons...)
	c.Signatures = append([]Signature(nil), r.Signatures...)
	c.SPFs = append([]SPF(nil), r.SPFs...)
	return &c
}

// reset empties r and keeps its memory.
func (r *Record) reset() {
	*r = Record{Reasons: r.Reasons[:0], Signatures: r.Signatures[:0], SPFs: r.SPFs[:0]}
}

// A TLS is an SMTP TLS report: what senders saw when they sent to a domain.
type TLS struct {
	Org, Contact, ID string
	Begin, End       time.Time
	Policies         []TLSPolicy
}

// A TLSPolicy is the sessions under one policy (RFC 8460, 4.2).
type TLSPolicy struct {
	Type      string // "sts", "tlsa", "no-policy-found"
	Domain    string // absolute
	Hosts     []string
	Text      []string // of the policy
	Successes int64    // sessions
	Failures  int64
	Details   []TLSFailure
}

// A TLSFailure is sessions that failed for one cause.
type TLSFailure struct {
	Result    string     // "certificate-expired", ... (RFC 8460, 4.3)
	Sender    netip.Addr // the MTA that sent
	Host      string     // the MX host, absolute; empty where it is not told
	Receiver  netip.Addr // its address
	Sessions  int64
	Code      string // failure-reason-code
	Additions string // additional-information
}
