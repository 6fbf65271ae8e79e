// Package dkim reads and writes DKIM key records, the TXT record at
// <selector>._domainkey.<domain> that holds a signer's public key (RFC 6376,
// 3.6.1; RFC 8301; RFC 8463), and verifies the signatures of a message. Where
// one fails it says why: which change of the message would explain it.
//
// It does not sign, and it does not judge what a signature is worth to a reader:
// alignment is DMARC's matter.
package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Key types of the IANA registry (RFC 6376, 7.6; RFC 8463, 7.2).
const (
	RSA     = "rsa"
	Ed25519 = "ed25519"
)

// A Key is what a key record says. The zero Key is a revoked RSA key.
type Key struct {
	Version string   // v; empty if absent, which means DKIM1
	Type    string   // k; empty if absent, which means rsa
	Hashes  []string // h; nil means that every algorithm is allowed
	Service []string // s; nil means every service
	Flags   []string // t; "y" is testing, "s" binds i= to the domain itself
	Notes   string   // n, for people; quoted-printable as published

	// Granularity is the g tag of RFC 4871, which RFC 6376 dropped; nil if absent.
	Granularity *string

	// Public is the key itself, whatever k says: *rsa.PublicKey or
	// ed25519.PublicKey, or nil where it is revoked or does not decode.
	Public crypto.PublicKey

	// Bare is set where an RSA key was published as a PKCS #1 RSAPublicKey
	// instead of the SubjectPublicKeyInfo that is usual.
	Bare bool

	// Extra holds the tags that no RFC defines, in order; verifiers ignore them.
	Extra []Tag

	missing bool   // no p tag
	data    string // p without folding white space, as published
}

// A Tag is a name and its value, without the white space around them.
type Tag struct{ Name, Value string }

// Algorithm is the key type, with the default filled in.
func (k Key) Algorithm() string {
	if k.Type == "" {
		return RSA
	}
	return k.Type
}

// Revoked reports whether p is present and empty: the owner has withdrawn the
// key (RFC 6376, 3.6.1).
func (k Key) Revoked() bool { return k.data == "" && !k.missing }

// Bits is the size of the key: that of the modulus for RSA, 256 for Ed25519, 0
// where there is no usable key.
func (k Key) Bits() int {
	switch pub := k.Public.(type) {
	case *rsa.PublicKey:
		return pub.N.BitLen()
	case ed25519.PublicKey:
		return 8 * len(pub)
	}
	return 0
}

// Testing reports the flag t=y (RFC 6376, 3.6.1).
func (k Key) Testing() bool { return slices.Contains(k.Flags, "y") }

// Strict reports the flag t=s: the domain of i= must be d= itself.
func (k Key) Strict() bool { return slices.Contains(k.Flags, "s") }

// AllowsHash reports whether signatures with the hash algorithm ("sha256") may
// be verified with the key.
func (k Key) AllowsHash(name string) bool { return k.Hashes == nil || slices.Contains(k.Hashes, name) }

// AllowsMail reports whether the key may be used for e-mail.
func (k Key) AllowsMail() bool {
	return k.Service == nil || slices.Contains(k.Service, "*") || slices.Contains(k.Service, "email")
}

// Describe is the key in a few words: "RSA 2048", "Ed25519", "revoked".
func (k Key) Describe() string {
	switch k.Public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.Bits())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	if k.Revoked() {
		return "revoked"
	}
	return "no usable key"
}

// New is the key record of a public key: RSA (as SubjectPublicKeyInfo, RFC
// 6376, 3.6.1) or Ed25519 (32 raw octets, RFC 8463, 4).
func New(public crypto.PublicKey) (Key, error) {
	switch pub := public.(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			return Key{}, fmt.Errorf("dkim key: %w", err)
		}
		return Key{Type: RSA, Public: pub, data: base64.StdEncoding.EncodeToString(der)}, nil
	case ed25519.PublicKey:
		if len(pub) != ed25519.PublicKeySize {
			return Key{}, errors.New("dkim key: an Ed25519 key has 32 octets")
		}
		return Key{Type: Ed25519, Public: pub, data: base64.StdEncoding.EncodeToString(pub)}, nil
	}
	return Key{}, fmt.Errorf("dkim key: a %T cannot be a DKIM key", public)
}

// WithoutTesting is k with the testing flag off.
func (k Key) WithoutTesting() Key {
	k.Flags = slices.DeleteFunc(slices.Clone(k.Flags), func(f string) bool { return f == "y" })
	return k
}

// WithoutStrict is k without the flag that binds i= to the domain itself (t=s).
func (k Key) WithoutStrict() Key {
	k.Flags = slices.DeleteFunc(slices.Clone(k.Flags), func(f string) bool { return f == "s" })
	return k
}

// ForMail is k with every hash algorithm and service allowed that e-mail needs
// today, and without the g tag: sha256 instead of sha1 alone (RFC 8301, 3.1),
// e-mail among the services.
func (k Key) ForMail() Key {
	if !k.AllowsHash("sha256") {
		k.Hashes = []string{"sha256"}
	}
	if !k.AllowsMail() {
		k.Service = append([]string{"email"}, k.Service...)
	}
	k.Granularity = nil
	return k
}

// String is the record as it is best published: v first, p last, no folding
// white space. Where p could not be decoded, it stands as it was.
func (k Key) String() string {
	var b strings.Builder
	b.WriteString("v=DKIM1")
	if k.Version != "" && k.Version != "DKIM1" {
		b.Reset()
		b.WriteString("v=" + k.Version)
	}
	tag := func(name, value string) { b.WriteString("; " + name + "=" + value) }
	if k.Type != "" {
		tag("k", k.Type)
	}
	list := func(name string, values []string) {
		if len(values) > 0 {
			tag(name, strings.Join(values, ":"))
		}
	}
	list("h", k.Hashes)
	list("s", k.Service)
	list("t", k.Flags)
	if k.Granularity != nil {
		tag("g", *k.Granularity)
	}
	if k.Notes != "" {
		tag("n", k.Notes)
	}
	for _, t := range k.Extra {
		tag(t.Name, t.Value)
	}
	if !k.missing {
		tag("p", k.data)
	}
	return b.String()
}
