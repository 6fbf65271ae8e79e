package deliver

import (
	"net/netip"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// Result types of a TLS report (RFC 8460, 4.3).
const (
	resultNoTLS      = "starttls-not-supported"
	resultMismatch   = "certificate-host-mismatch"
	resultExpired    = "certificate-expired"
	resultUntrusted  = "certificate-not-trusted"
	resultValidation = "validation-failure"
	resultTLSA       = "tlsa-invalid"
	resultDNSSEC     = "dnssec-invalid"
	resultSTSFetch   = "sts-policy-fetch-error"
	resultSTSPolicy  = "sts-policy-invalid"
	resultSTSWeb     = "sts-webpki-invalid"
)

// A TLSResult is one session with a host of a domain, or one that was not held, as
// a report to the domain counts it (RFC 8460, 4.2).
type TLSResult struct {
	PolicyType   string   // "tlsa", "sts" or "no-policy-found"
	PolicyString []string // TLSA records, or lines of the policy
	PolicyDomain string   // without a final dot
	MXHosts      []string // patterns of the policy

	Result   string     // "" for success, else a result type
	Reason   string     // what exactly, in words
	Local    netip.Addr // from where
	MX       string     // the host, without a final dot
	HELO     string     // what it called itself
	Receiver netip.Addr
}

// tls adds a session to the report. Of what no policy of the domain is about, only
// success and failure are told.
func (a *attempt) tls(p Policy, h Host, result, reason string, fill func(*TLSResult)) {
	r := TLSResult{PolicyType: "no-policy-found", PolicyDomain: record.Display(a.report.Destination), MX: record.Display(h.Name), Result: result, Reason: reason}
	switch {
	case p.Source == DANE:
		r.PolicyType = "tlsa"
		for _, rec := range p.records {
			r.PolicyString = append(r.PolicyString, dane.Name(record.Display(p.name))+" TLSA "+rec.String())
		}
	case p.sts != nil:
		r.PolicyType = "sts"
		r.MXHosts = p.sts.MX
		r.PolicyString = policyLines(*p.sts)
	case a.stsResult != "":
		r.PolicyType, r.Result, r.Reason = "sts", a.stsResult, a.stsFailed
	}
	if fill != nil {
		fill(&r)
	}
	a.report.TLS = append(a.report.TLS, r)
}

func policyLines(p mtasts.Policy) []string {
	return strings.Split(strings.TrimSpace(p.String()), "\n")
}

// passOver is a verdict on a host that is not talked to, and adds it to the report.
func (a *attempt) passOver(p Policy, h Host, result string, v *verdict) *verdict {
	a.tls(p, h, result, v.text, nil)
	v.host = h.Name
	return v
}
