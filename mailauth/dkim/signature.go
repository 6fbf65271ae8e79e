package dkim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature algorithms (RFC 6376, 3.3; RFC 8463, 3).
const (
	RSASHA256     = "rsa-sha256"
	RSASHA1       = "rsa-sha1" // must not be used any more (RFC 8301, 3.1)
	Ed25519SHA256 = "ed25519-sha256"
)

// A Signature is what the value of a DKIM-Signature field says (RFC 6376, 3.5).
type Signature struct {
	Version     string    // v; 1
	Algorithm   string    // a, in lower case
	Data        []byte    // b; nil where it does not decode
	BodyHash    []byte    // bh; nil where it does not decode
	HeaderCanon Canon     // c; simple if absent
	BodyCanon   Canon     // c; simple if absent
	Domain      string    // d, the SDID as written
	Fields      []string  // h, as written
	Identity    string    // i, decoded; empty if absent: then it is @d
	Length      int64     // l, in octets of the canonical body; -1 if absent
	Query       []string  // q; nil if absent, which means dns/txt
	Selector    string    // s
	Signed      time.Time // t; zero if absent
	Expires     time.Time // x; zero if absent
	// Copied is z: fields as they were when signed; nil if absent.
	Copied []Tag
	Extra  []Tag // tags that no RFC defines, in order
}

// AUID is the agent or user identifier: i, or what its absence means (RFC 6376, 3.5).
func (s Signature) AUID() string {
	if s.Identity == "" {
		return "@" + s.Domain
	}
	return s.Identity
}

// SDID is d as the DNS has it, absolute, in lower case and A-labels: the domain
// that DMARC aligns. Empty where d is no domain.
func (s Signature) SDID() string {
	name, ok := canonicalDomain(s.Domain)
	if !ok {
		return ""
	}
	return name
}

// Short is the beginning of b, by which Authentication-Results tells signatures
// of one domain apart (header.b, RFC 6008, 3).
func (s Signature) Short() string {
	text := base64.StdEncoding.EncodeToString(s.Data)
	return text[:min(len(text), 8)]
}

// Names reports whether h lists the field; case does not matter.
func (s Signature) Names(field string) bool {
	return slices.ContainsFunc(s.Fields, func(n string) bool { return strings.EqualFold(n, field) })
}

// KeyType is the part of the algorithm that the key must have: rsa or ed25519.
func (s Signature) KeyType() string { k, _, _ := strings.Cut(s.Algorithm, "-"); return k }

// Hash is the part of the algorithm that hashes: sha256.
func (s Signature) Hash() string { _, h, _ := strings.Cut(s.Algorithm, "-"); return h }

// String is the value as it would be written, without folding.
func (s Signature) String() string {
	var list []string
	tag := func(name, value string) { list = append(list, name+"="+value) }
	some := func(name, value string) {
		if value != "" {
			tag(name, value)
		}
	}
	some("v", s.Version)
	some("a", s.Algorithm)
	tag("c", string(s.HeaderCanon)+"/"+string(s.BodyCanon))
	some("d", s.Domain)
	some("s", s.Selector)
	some("i", encodeQP(s.Identity, ""))
	some("q", strings.Join(s.Query, ":"))
	if !s.Signed.IsZero() {
		tag("t", strconv.FormatInt(s.Signed.Unix(), 10))
	}
	if !s.Expires.IsZero() {
		tag("x", strconv.FormatInt(s.Expires.Unix(), 10))
	}
	if s.Length >= 0 {
		tag("l", strconv.FormatInt(s.Length, 10))
	}
	some("h", strings.Join(s.Fields, ":"))
	var copied []string
	for _, c := range s.Copied {
		copied = append(copied, c.Name+":"+encodeQP(c.Value, "|"))
	}
	some("z", strings.Join(copied, "|"))
	for _, t := range s.Extra {
		tag(t.Name, t.Value)
	}
	some("bh", base64.StdEncoding.EncodeToString(s.BodyHash))
	some("b", base64.StdEncoding.EncodeToString(s.Data))
	return strings.Join(list, "; ")
}

// encodeQP writes text as dkim-quoted-printable (RFC 6376, 2.11), and the octets
// of also encoded too.
func encodeQP(text, also string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' || c == ';' || c == '=' || strings.IndexByte(also, c) >= 0 {
			fmt.Fprintf(&b, "=%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// decodeQP reads dkim-quoted-printable; white space counts as nothing. What is
// no escape stays, and ok is false.
func decodeQP(text string) (decoded string, ok bool) {
	ok = true
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case strings.IndexByte(foldingSpace, c) >= 0:
		case c == '=' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			n, _ := strconv.ParseUint(text[i+1:i+3], 16, 8)
			b.WriteByte(byte(n))
			i += 2
		default:
			ok = ok && c != '='
			b.WriteByte(c)
		}
	}
	return b.String(), ok
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f' }
