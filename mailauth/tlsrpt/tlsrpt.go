// Package tlsrpt reads and writes the TXT record by which a domain asks for SMTP
// TLS reports (RFC 8460, 3).
//
// It neither asks the DNS nor reads reports.
package tlsrpt

import (
	"strings"
)

const version = "TLSRPTv1"

// Bounds on what is looked at.
const (
	maxFields   = 64
	maxExtra    = 32 // fields that no RFC defines
	maxURIs     = 32
	maxProblems = 64
)

// A Record says where TLS reports go. The zero Record has no address, without
// which it is not valid.
type Record struct {
	RUA   []URI   // in order
	Extra []Field // that no RFC defines; senders ignore them
}

// A Field is a name and its value.
type Field struct{ Name, Value string }

// Effect is what those who report make of a problem.
type Effect int

const (
	// Ignored: they act as without the problem.
	Ignored Effect = iota
	// Differs: strict ones see no record, others act as without the problem.
	Differs
	// Void: no reports are sent, or none to the address concerned.
	Void
)

// A Problem is one fault of a record.
type Problem struct {
	Offset  int    // of the octet in the text where it shows
	Field   string // concerned; empty if none
	Effect  Effect
	Message string // what is wrong; quotes the text where it helps, with control octets escaped
}

// Name is where the record of a domain stands (RFC 8460, 3).
func Name(domain string) string { return "_smtp._tls." + domain }

// IsRecord reports whether text is one of the records that are looked at: all
// others at the name are discarded (RFC 8460, 3).
func IsRecord(text string) bool { return strings.HasPrefix(text, "v="+version+";") }

// IsMeant reports whether text was meant as a record, if not a right one:
// "v=TLSRPT1; rua=...", ` v=TLSRPTv1;`, "v=TLSRPTv1".
func IsMeant(text string) bool {
	text = strings.ToLower(strings.Trim(text, wsp+"\r\n\"'\\"))
	name, rest, ok := strings.Cut(text, "=")
	rest = strings.TrimLeft(rest, wsp)
	return ok && strings.Trim(name, wsp) == "v" && (strings.HasPrefix(rest, "tlsrpt") || strings.HasPrefix(rest, "tls-rpt"))
}

// Reports reports whether at least one address is valid.
func (r Record) Reports() bool {
	for _, u := range r.RUA {
		if u.Fault == "" {
			return true
		}
	}
	return false
}

// WithReports is r with reports sent to the mail addresses, in place of those
// before.
func (r Record) WithReports(addresses ...string) Record {
	r.RUA = nil
	for _, a := range addresses {
		r.RUA = append(r.RUA, Mailto(a))
	}
	return r
}

// Clean is r with the addresses that are valid or can be repaired, and nothing
// that is ignored anyway.
func (r Record) Clean() Record {
	var clean Record
	for _, u := range r.RUA {
		if meant, ok := u.Repaired(); ok {
			clean.RUA = append(clean.RUA, meant)
		}
	}
	return clean
}

// String is the record as it is best published.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString("v=" + version + ";")
	if len(r.RUA) > 0 {
		var texts []string
		for _, u := range r.RUA {
			texts = append(texts, u.Text)
		}
		b.WriteString(" rua=" + strings.Join(texts, ",") + ";")
	}
	for _, f := range r.Extra {
		b.WriteString(" " + f.Name + "=" + f.Value + ";")
	}
	return b.String()
}
