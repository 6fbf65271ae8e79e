package bimi

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// Bounds of an evidence document.
const (
	MaxEvidence     = 256 << 10 // octets
	maxCertificates = 16
	maxRSA          = 8192 // bits: what is larger takes minutes to verify with
)

// What a mark certificate has that others do not (Minimum Security Requirements
// for Issuance of Mark Certificates, 7.1.2 and 7.1.4).
var (
	keyPurpose    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 31} // id-kp-BrandIndicatorforMessageIdentification
	logotype      = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 12} // RFC 9399, 4.1
	markType      = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 53087, 1, 13}
	timestampList = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2} // RFC 6962, 3.3
)

// An Evidence is an evidence document: a mark certificate, and those above it.
type Evidence struct {
	Leaf  *x509.Certificate
	Chain []*x509.Certificate // above the mark certificate, each signed by the next
	Loose int                 // certificates of the document that are on no way up

	Ordered bool // the document has them in issuing order, the mark certificate first
}

// ParseEvidence reads a file of PEM certificates (draft BIMI, 4.3) and finds the
// way up from the mark certificate by signatures. The error says why there is
// no mark certificate to judge.
func ParseEvidence(document []byte) (Evidence, error) {
	certificates, err := certificatesOf(document)
	if err != nil {
		return Evidence{}, err
	}
	leaves := slices.DeleteFunc(slices.Clone(certificates), func(c *x509.Certificate) bool { return c.IsCA })
	if len(leaves) == 0 {
		return Evidence{}, errors.New("it holds certificates of authorities only, and no mark certificate")
	}
	marks := slices.DeleteFunc(slices.Clone(leaves), func(c *x509.Certificate) bool { return !hasPurpose(c) })
	if len(marks) > 1 {
		return Evidence{}, fmt.Errorf("it holds %d mark certificates; one is allowed", len(marks))
	}
	e := Evidence{Leaf: leaves[0]}
	if len(marks) == 1 {
		e.Leaf = marks[0]
	}
	e.climb(certificates)
	e.Ordered = ordered(certificates, e)
	e.Loose = len(certificates) - 1 - len(e.Chain)
	return e, nil
}

func certificatesOf(document []byte) ([]*x509.Certificate, error) {
	if len(document) > MaxEvidence {
		return nil, errors.New("it is larger than 256 KiB")
	}
	var certificates []*x509.Certificate
	for rest := document; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case strings.Contains(block.Type, "PRIVATE KEY"):
			return nil, errors.New("it holds a private key, which is public now: have the certificate revoked")
		case block.Type != "CERTIFICATE":
			continue
		case len(certificates) == maxCertificates:
			return nil, fmt.Errorf("it holds more than %d certificates", maxCertificates)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its certificate %d cannot be read", len(certificates)+1)
		}
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSA {
			return nil, fmt.Errorf("its certificate %d has an RSA key of %d bits", len(certificates)+1, key.N.BitLen())
		}
		if !slices.ContainsFunc(certificates, c.Equal) {
			certificates = append(certificates, c)
		}
	}
	if len(certificates) == 0 {
		return nil, errors.New("it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
	}
	return certificates, nil
}

// climb finds who signed whom. What is self-signed ends the way.
func (e *Evidence) climb(certificates []*x509.Certificate) {
	for at := e.Leaf; !selfSigned(at); {
		i := slices.IndexFunc(certificates, func(c *x509.Certificate) bool {
			return c != at && !slices.Contains(e.Chain, c) && bytes.Equal(c.RawSubject, at.RawIssuer) && at.CheckSignatureFrom(c) == nil
		})
		if i < 0 {
			return
		}
		at = certificates[i]
		e.Chain = append(e.Chain, at)
	}
}

func ordered(certificates []*x509.Certificate, e Evidence) bool {
	way := append([]*x509.Certificate{e.Leaf}, e.Chain...)
	for i, c := range way {
		if i >= len(certificates) || certificates[i] != c {
			return false
		}
	}
	return true
}

func selfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

// Top is the last certificate on the way up.
func (e Evidence) Top() *x509.Certificate {
	if n := len(e.Chain); n > 0 {
		return e.Chain[n-1]
	}
	return e.Leaf
}

// Complete reports whether the way up ends at a root.
func (e Evidence) Complete() bool { return selfSigned(e.Top()) }

func hasPurpose(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.UnknownExtKeyUsage, keyPurpose.Equal)
}

// Purposed reports whether the certificate is meant for BIMI: it has the key
// purpose, and every authority above it that limits purposes has it too.
func (e Evidence) Purposed() bool {
	if !hasPurpose(e.Leaf) {
		return false
	}
	for _, c := range e.Chain {
		limited := len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0
		if limited && !hasPurpose(c) && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
			return false
		}
	}
	return true
}

// MarkType is the kind of mark that the authority has verified, as the
// certificate names it: "Registered Mark"; empty where it names none.
func (e Evidence) MarkType() string {
	for _, name := range e.Leaf.Subject.Names {
		if text, ok := name.Value.(string); ok && name.Type.Equal(markType) {
			return text
		}
	}
	return ""
}

// Kind is "VMC" for a verified mark certificate, "CMC" for a common mark
// certificate, by the type of the mark, and "mark certificate" where it is none
// of the known ones (Mark Certificate Requirements, 3.2.16 and 3.2.17).
func (e Evidence) Kind() string {
	switch e.MarkType() {
	case "Registered Mark", "Government Mark":
		return "VMC"
	case "Prior Use Mark", "Modified Registered Mark":
		return "CMC"
	}
	return "mark certificate"
}

// Covers reports whether the certificate names one of the domains, or the BIMI
// name of the default selector there.
func (e Evidence) Covers(domains ...string) bool {
	for _, name := range e.Leaf.DNSNames {
		name = record.Canonical(name)
		for _, domain := range domains {
			own, _ := Name(domain)
			if name == record.Canonical(domain) || name == own {
				return true
			}
		}
	}
	return false
}

// Logged reports whether the certificate holds timestamps of public logs
// (RFC 6962, 3.3). Their signatures are not verified.
func (e Evidence) Logged() bool { return extension(e.Leaf, timestampList) != nil }

// Logo is the logo that the certificate holds. The error says why there is none.
func (e Evidence) Logo() (Embedded, error) {
	der := extension(e.Leaf, logotype)
	if der == nil {
		return Embedded{}, errors.New("it has no logotype extension, and so no logo")
	}
	return ParseLogotype(der)
}

func extension(c *x509.Certificate, id asn1.ObjectIdentifier) []byte {
	for _, x := range c.Extensions {
		if x.Id.Equal(id) {
			return x.Value
		}
	}
	return nil
}

// Expiry is the earliest end of validity on the way up, and whose it is.
func (e Evidence) Expiry() (time.Time, *x509.Certificate) {
	first := e.Leaf
	for _, c := range e.Chain {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	return first.NotAfter, first
}

// Begins is the latest begin of validity on the way up.
func (e Evidence) Begins() time.Time {
	begin := e.Leaf.NotBefore
	for _, c := range e.Chain {
		if c.NotBefore.After(begin) {
			begin = c.NotBefore
		}
	}
	return begin
}
