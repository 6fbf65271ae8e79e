package dane

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// maxChain bounds the certificates of a chain that are looked at.
const maxChain = 20

// A Match is what came of a chain and the records for it.
type Match struct {
	Usable  int    // records that SMTP can use
	Record  int    // index of the one that matches, of usage 3 if there is such a one; -1 if none does
	Matched []int  // indices of all that match
	Why     string // why none does; of usage 2, what is wrong with the path to the anchor
}

// OK reports whether a sender that goes by DANE delivers: some record matches,
// or none is usable and it does without authentication (RFC 7672, 2.2).
func (m Match) OK() bool { return m.Record >= 0 || m.Usable == 0 }

// Verify holds a chain, as a host presented it, its own certificate first, in
// DER, against the records of the host (RFC 7672, 3). A match of usage 3 is
// enough: names and dates do not count (3.1.1). One of usage 2 needs a path to
// the anchor that is valid at now, and one of names in the certificate (3.1.2,
// 3.2.2): the host, and the domain that it serves.
func Verify(records []Record, chain [][]byte, names []string, now time.Time) Match {
	m := Match{Record: -1}
	for _, r := range records {
		if r.Usable() {
			m.Usable++
		}
	}
	certs := read(chain)
	if len(certs) == 0 {
		m.Why = "there is no certificate that can be read"
		return m
	}
	why := "no record matches"
	for _, usage := range []Usage{EE, TA} {
		for i, r := range records {
			if r.Usage != usage || !r.Usable() {
				continue
			}
			var fault string
			if usage == EE {
				fault = matchEE(r, certs[0])
			} else {
				fault = matchTA(r, certs, names, now)
			}
			switch {
			case fault == "":
				m.Matched = append(m.Matched, i)
				if m.Record < 0 {
					m.Record = i
				}
			case fault != none:
				why = fault
			}
		}
	}
	if m.Record < 0 {
		m.Why = why
	}
	return m
}

// read parses certificates; one that cannot be read ends the chain.
func read(chain [][]byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, der := range chain[:min(len(chain), maxChain)] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			break
		}
		certs = append(certs, cert)
	}
	return certs
}

// none is the fault of a record that is of another certificate.
const none = "is of another certificate"

func matchEE(r Record, leaf *x509.Certificate) string {
	if bytes.Equal(r.Data, selected(leaf, r.Selector, r.Matching)) {
		return ""
	}
	return none
}

// matchTA looks for the anchor among what was presented above the host's own
// certificate; a record that holds it whole brings it along (RFC 7671, 5.2.2).
func matchTA(r Record, certs []*x509.Certificate, names []string, now time.Time) string {
	var anchor *x509.Certificate
	for _, cert := range certs[1:] {
		if bytes.Equal(r.Data, selected(cert, r.Selector, r.Matching)) {
			anchor = cert
		}
	}
	if anchor == nil && r.Selector == Whole && r.Matching == Full {
		anchor, _ = x509.ParseCertificate(r.Data)
	}
	if anchor == nil {
		if bytes.Equal(r.Data, selected(certs[0], r.Selector, r.Matching)) {
			return "a record of usage 2 is of the host's own certificate, for which usage 3 is meant"
		}
		return none
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(anchor)
	for _, cert := range certs[1:] {
		between.AddCert(cert)
	}
	leaf := certs[0]
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Sprintf("the path to the anchor of usage 2 is not valid: %q", strings.TrimPrefix(err.Error(), "x509: "))
	}
	var missing []string
	for _, name := range names {
		name = strings.TrimSuffix(name, ".")
		if leaf.VerifyHostname(name) == nil {
			return ""
		}
		missing = append(missing, name)
	}
	return fmt.Sprintf("the certificate does not name %s, as usage 2 wants it", strings.Join(missing, " or "))
}
