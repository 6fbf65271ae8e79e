package dkim

import (
	"crypto"
	"fmt"
)

// A Match is how what stands at a selector relates to a key.
type Match int

const (
	// Same: one record, and verifiers find the key in it.
	Same Match = iota
	// Absent: no record.
	Absent
	// Another: the record of another key.
	Another
	// Withdrawn: a record that revokes the key (RFC 6376, 3.6.1).
	Withdrawn
	// Unusable: a record in which all or some verifiers find no key.
	Unusable
	// Several: more than one record, of which verifiers take any (RFC 6376,
	// 3.6.2.2).
	Several
)

// Compare holds the TXT records of a selector, joined, against the public key
// that ought to stand there. The text says what is wrong, and is safe to print;
// empty with Same.
func Compare(texts []string, public crypto.PublicKey) (Match, string) {
	switch len(texts) {
	case 0:
		return Absent, "there is no record"
	case 1:
	default:
		return Several, fmt.Sprintf("there are %d TXT records, of which verifiers take any (RFC 6376, 3.6.2.2); leave one", len(texts))
	}
	if !IsKey(texts[0]) {
		return Unusable, fmt.Sprintf("the record is no DKIM key: %.60q", texts[0])
	}
	key, problems := ParseKey(texts[0])
	if key.Revoked() {
		return Withdrawn, "the record withdraws the key: its p= is empty (RFC 6376, 3.6.1)"
	}
	same, ok := key.Public.(interface{ Equal(crypto.PublicKey) bool })
	if ok && !same.Equal(public) {
		return Another, fmt.Sprintf("the record holds another key (%s)", key.Describe())
	}
	for _, p := range problems {
		if p.Effect == Worst(problems) && p.Effect > Harmless {
			return Unusable, "the record cannot be used as it stands: " + p.Message
		}
	}
	if !ok {
		return Unusable, "the record holds no key that can be read"
	}
	return Same, ""
}
