package dkim

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// public decodes the p tag: base64 with folding white space of the DER of an
// RSA key (RFC 6376, 3.6.1) or of the 32 octets of an Ed25519 key (RFC 8463, 4).
func (p *parser) public(s span) {
	k := p.key
	k.data = strings.Map(func(r rune) rune {
		if strings.ContainsRune(foldingSpace, r) {
			return -1
		}
		return r
	}, s.Value)
	if k.data == "" {
		return // revoked
	}
	if at := strings.IndexAny(s.Value, foldingSpace); at >= 0 {
		p.problem(s, at, Splitting, Harmless, "white space inside the key; verifiers skip it, but it tells of strings joined by hand")
	}
	raw, ok := p.base64(s)
	if !ok {
		return
	}
	switch k.Algorithm() {
	case RSA:
		p.rsa(s, raw)
	case Ed25519:
		p.ed25519(s, raw)
	}
}

func (p *parser) base64(s span) (raw []byte, ok bool) {
	data := p.key.data
	raw, err := base64.StdEncoding.DecodeString(data)
	if err == nil {
		return raw, true
	}
	bare := strings.TrimRight(data, "=")
	if raw, err := base64.RawStdEncoding.DecodeString(bare); err == nil {
		p.key.data = base64.StdEncoding.EncodeToString(raw)
		p.problem(s, len(s.Value), Grammar, Differs, "the base64 of the key is not padded with \"=\" as it must be; strict verifiers refuse it")
		return raw, true
	}
	alphabet := func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("+/="+foldingSpace, r))
	}
	if at := strings.IndexFunc(s.Value, alphabet); at >= 0 {
		p.problem(s, at, Grammar, Void, "the key is not base64: %.1q does not belong there", s.Value[at:])
		return nil, false
	}
	p.problem(s, len(s.Value), Splitting, Void, "the base64 of the key breaks off: %d characters cannot be whole octets", len(bare))
	return nil, false
}

func (p *parser) rsa(s span, der []byte) {
	if pub, err := x509.ParsePKIXPublicKey(der); err == nil {
		switch pub := pub.(type) {
		case *rsa.PublicKey:
			p.key.Public = pub
		case ed25519.PublicKey:
			p.key.Public = pub
			p.problem(s, 0, Grammar, Void, "this is an Ed25519 key, but k is rsa; it wants k=ed25519 and the 32 octets of the key alone")
		default:
			p.problem(s, 0, Grammar, Void, "this is neither an RSA nor an Ed25519 key")
		}
		return
	}
	// Early specifications were unclear, and some publish an RSAPublicKey.
	if pub, err := x509.ParsePKCS1PublicKey(der); err == nil {
		p.key.Public, p.key.Bare = pub, true
		p.problem(s, 0, Grammar, Differs, "the key is a bare RSAPublicKey; most verifiers want the SubjectPublicKeyInfo that openssl prints with -pubout")
		return
	}
	want, ok := sequenceLen(der)
	switch {
	case ok && want > len(der):
		p.problem(s, len(s.Value), Splitting, Void, "the key is cut short: %d of its %d octets are there; a text longer than 255 octets must be split into several strings of one record", len(der), want)
	case ok && want < len(der) && p.trailing(der[:want]):
		p.problem(s, 0, Grammar, Differs, "%d octets too many follow the key; OpenSSL ignores them, other verifiers refuse it", len(der)-want)
	case len(der) == ed25519.PublicKeySize:
		p.key.Public = ed25519.PublicKey(der)
		p.problem(s, 0, Grammar, Void, "the key has 32 octets like one of Ed25519, but k=ed25519 is missing")
	default:
		p.problem(s, 0, Grammar, Void, "the key does not decode: it is not the DER of an RSA public key")
	}
}

// trailing takes the RSA key that stands in front of surplus octets.
func (p *parser) trailing(der []byte) bool {
	pub, err := x509.ParsePKIXPublicKey(der)
	key, ok := pub.(*rsa.PublicKey)
	if err != nil || !ok {
		return false
	}
	p.key.Public = key
	return true
}

func (p *parser) ed25519(s span, raw []byte) {
	if len(raw) == ed25519.PublicKeySize {
		p.key.Public = ed25519.PublicKey(raw)
		return
	}
	if pub, err := x509.ParsePKIXPublicKey(raw); err == nil {
		switch pub := pub.(type) {
		case ed25519.PublicKey:
			p.key.Public = pub
			p.problem(s, 0, Grammar, Void, "the Ed25519 key is wrapped in a SubjectPublicKeyInfo; RFC 8463 wants its 32 octets alone")
		case *rsa.PublicKey:
			p.key.Public = pub
			p.problem(s, 0, Grammar, Void, "this is an RSA key, but k is ed25519")
		default:
			p.problem(s, 0, Grammar, Void, "this is neither an RSA nor an Ed25519 key")
		}
		return
	}
	p.problem(s, 0, Grammar, Void, "an Ed25519 key has 32 octets, this one has %d", len(raw))
}

// sequenceLen is the whole length of the DER SEQUENCE that b begins with, as
// its header says.
func sequenceLen(b []byte) (n int, ok bool) {
	if len(b) < 2 || b[0] != 0x30 {
		return 0, false
	}
	switch c := b[1]; {
	case c < 0x80:
		return 2 + int(c), true
	case c == 0x81 && len(b) > 2:
		return 3 + int(b[2]), true
	case c == 0x82 && len(b) > 3:
		return 4 + int(binary.BigEndian.Uint16(b[2:])), true
	}
	return 0, false
}
