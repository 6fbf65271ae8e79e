// Package dane reads TLSA records and holds certificate chains against them as
// SMTP does (RFC 6698, RFC 7671, RFC 7672). Whether the records are secure by
// DNSSEC, without which they mean nothing, is the caller's matter.
package dane

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Usage says which certificate of the chain the data are of (RFC 6698, 2.1.1).
type Usage uint8

// Usages. Those of PKIX cannot be used by SMTP (RFC 7672, 3.1.3).
const (
	PKIXTA Usage = 0
	PKIXEE Usage = 1
	TA     Usage = 2 // a trust anchor: what issued the host's certificate
	EE     Usage = 3 // the host's own certificate; its name and dates do not count
)

// Selector says what of the certificate (RFC 6698, 2.1.2).
type Selector uint8

const (
	Whole Selector = 0 // the certificate
	Key   Selector = 1 // its SubjectPublicKeyInfo
)

// Matching says how it is given (RFC 6698, 2.1.3).
type Matching uint8

const (
	Full   Matching = 0
	SHA256 Matching = 1
	SHA512 Matching = 2
)

// maxData bounds the data of one record: an RDATA has no more octets.
const maxData = 65535

// A Record is one TLSA record.
type Record struct {
	Usage    Usage
	Selector Selector
	Matching Matching
	Data     []byte
}

// A Problem is something wrong with the text of a record.
type Problem struct {
	Offset  int    // of the octet in the text where it shows
	Message string // what is wrong; quotes the text where it helps, with control octets escaped
}

// Name is where the records of a mail host stand: those for port 25 (RFC 7672,
// 2.2.3).
func Name(host string) string { return "_25._tcp." + host }

// Parse reads the data of a record in presentation form: "3 1 1 8CB0...". It
// goes on behind faults; a record with problems is not Usable.
func Parse(text string) (Record, []Problem) {
	var r Record
	var problems []Problem
	fields, offsets := fieldsOf(text)
	number := func(i int, what string) uint8 {
		if i >= len(fields) {
			return 0
		}
		n, err := strconv.ParseUint(fields[i], 10, 8)
		if err != nil {
			problems = append(problems, Problem{offsets[i], fmt.Sprintf("the %s %s is no number from 0 to 255", what, clip(fields[i]))})
		}
		return uint8(n)
	}
	r.Usage, r.Selector, r.Matching = Usage(number(0, "usage")), Selector(number(1, "selector")), Matching(number(2, "matching type"))
	if len(fields) < 4 {
		return r, append(problems, Problem{len(text), "it has fewer than four fields: usage, selector, matching type and data"})
	}
	digits := strings.Join(fields[3:], "")
	data, err := hex.DecodeString(digits)
	switch {
	case err != nil:
		problems = append(problems, Problem{offsets[3], fmt.Sprintf("the data %s are not pairs of hexadecimal digits", clip(digits))})
	case len(data) > maxData:
		problems = append(problems, Problem{offsets[3], "the data are longer than a record can be"})
	default:
		r.Data = data
		problems = append(problems, r.problems(offsets)...)
	}
	return r, problems
}

// problems are those of values that are numbers, and mean nothing.
func (r Record) problems(offsets []int) []Problem {
	var list []Problem
	add := func(field int, format string, args ...any) {
		list = append(list, Problem{offsets[field], fmt.Sprintf(format, args...)})
	}
	if r.Usage > EE {
		add(0, "usage %d is not defined", r.Usage)
	}
	if r.Selector > Key {
		add(1, "selector %d is not defined", r.Selector)
	}
	want := map[Matching]int{SHA256: sha256.Size, SHA512: sha512.Size}[r.Matching]
	switch {
	case r.Matching > SHA512:
		add(2, "matching type %d is not defined", r.Matching)
	case want != 0 && len(r.Data) != want:
		add(3, "the data have %d octets, matching type %d has %d", len(r.Data), r.Matching, want)
	case r.Matching == Full && r.Selector == Whole && !parses(x509.ParseCertificate(r.Data)):
		add(3, "the data are no certificate")
	case r.Matching == Full && r.Selector == Key && !parses(x509.ParsePKIXPublicKey(r.Data)):
		add(3, "the data are no public key")
	}
	return list
}

func parses[T any](_ T, err error) bool { return err == nil }

// fieldsOf splits text at blanks, and says where each field begins.
func fieldsOf(text string) (fields []string, offsets []int) {
	start := -1
	for i := 0; i <= len(text); i++ {
		blank := i == len(text) || text[i] == ' ' || text[i] == '\t'
		switch {
		case !blank && start < 0:
			start = i
		case blank && start >= 0:
			fields, offsets = append(fields, text[start:i]), append(offsets, start)
			start = -1
		}
	}
	return fields, offsets
}

// clip quotes a text, and not much of it.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.Quote(s)
}

// Usable reports whether SMTP can use a record (RFC 7672, 3.1): usage 2 or 3 and
// parameters that are defined.
func (r Record) Usable() bool {
	return (r.Usage == TA || r.Usage == EE) && r.Data != nil && len(r.problems(make([]int, 4))) == 0
}

// String is the record in presentation form.
func (r Record) String() string {
	return fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.Matching, strings.ToUpper(hex.EncodeToString(r.Data)))
}

// Of is the record of a certificate in DER; an error is that of reading it.
func Of(certificate []byte, usage Usage, selector Selector, matching Matching) (Record, error) {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return Record{}, err
	}
	return Record{usage, selector, matching, selected(cert, selector, matching)}, nil
}

// selected is what of cert a record of these parameters holds.
func selected(cert *x509.Certificate, selector Selector, matching Matching) []byte {
	data := cert.Raw
	if selector == Key {
		data = cert.RawSubjectPublicKeyInfo
	}
	switch matching {
	case SHA256:
		sum := sha256.Sum256(data)
		return sum[:]
	case SHA512:
		sum := sha512.Sum512(data)
		return sum[:]
	}
	return data
}
