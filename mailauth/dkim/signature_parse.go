package dkim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

const (
	maxSigned  = 1000            // names in h that are kept
	maxCopied  = 1000            // fields in z that are kept
	maxSeconds = 999_999_999_999 // t and x: twelve digits (RFC 6376, 3.5)
)

// ParseSignature reads the value of a DKIM-Signature field, what stands behind
// the colon with its folding, and every problem in it, in the order of the text.
// Problems of effect Void make a verifier return permerror, those of kind
// Foreign neutral: it does not know what the signature needs.
func ParseSignature(value string) (Signature, []Problem) { return parseAs(value, plain) }

// A dialect is a kind of field that signs: DKIM's own, and those of ARC, which
// borrow it (RFC 8617, 4.1).
type dialect struct {
	what     string
	required []string
	instance bool // i is a number and no identity
	sealing  bool // the header fields of a chain are signed, and nothing else: no h, bh, c
}

var (
	plain       = dialect{what: "signature", required: []string{"v", "a", "b", "bh", "d", "h", "s"}}
	chained     = dialect{what: "signature", required: []string{"i", "a", "b", "bh", "d", "h", "s"}, instance: true}
	chainedSeal = dialect{what: "seal", required: []string{"i", "a", "b", "cv", "d", "s"}, instance: true, sealing: true}
)

func parseAs(value string, d dialect) (Signature, []Problem) {
	list, problems := tagsOf(value, d.what)
	p := sigParser{dialect: d, sig: Signature{HeaderCanon: Simple, BodyCanon: Simple, Length: -1}, problems: problems, seen: map[string]span{}}
	for _, s := range list {
		p.seen[s.Name] = s
		p.tag(s)
	}
	p.whole(len(value))
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Offset - b.Offset })
	return p.sig, p.problems
}

type sigParser struct {
	dialect
	sig      Signature
	seen     map[string]span
	problems []Problem
}

func (p *sigParser) problem(s span, kind Kind, effect Effect, format string, args ...any) {
	p.problems = append(p.problems, Problem{Offset: s.valueAt, Tag: s.Name, Kind: kind, Effect: effect, Message: fmt.Sprintf(format, args...)})
}

func (p *sigParser) tag(s span) {
	bare := withoutSpace(s.Value)
	sig := &p.sig
	if p.sealing && p.foreignToSeal(s) {
		return
	}
	switch s.Name {
	case "v":
		if p.instance { // RFC 8617, 4.1.2: there is none
			sig.Extra = append(sig.Extra, s.Tag)
			return
		}
		sig.Version = bare
		if bare != "1" {
			p.problem(s, Grammar, Void, "the version is %s, not 1", printable(s.Value))
		}
	case "a":
		p.algorithm(s, bare)
	case "b":
		sig.Data = p.base64(s, bare)
	case "bh":
		sig.BodyHash = p.base64(s, bare)
	case "c":
		p.canon(s, bare)
	case "d":
		sig.Domain = bare
	case "h":
		p.fields(s)
	case "i":
		p.identity(s)
	case "l":
		sig.Length = p.number(s, bare, 1<<62)
	case "q":
		p.query(s)
	case "s":
		sig.Selector = bare
	case "t":
		sig.Signed = p.time(s, bare)
	case "x":
		sig.Expires = p.time(s, bare)
	case "z":
		p.copied(s)
	default:
		if len(sig.Extra) < maxExtra {
			sig.Extra = append(sig.Extra, s.Tag)
		}
	}
}

// foreignToSeal takes the tags that say nothing in a seal, or must not be there
// (RFC 8617, 4.1.3).
func (p *sigParser) foreignToSeal(s span) bool {
	switch s.Name {
	case "h", "bh":
		p.problem(s, Grammar, Void, "a seal must not have the tag %s (RFC 8617, 4.1.3)", s.Name)
	case "c", "l", "q", "x", "z":
		p.sig.Extra = append(p.sig.Extra, s.Tag)
	default:
		return false
	}
	return true
}

// algorithm: the values of the registry are matched without regard to case, as
// ABNF literals are (RFC 5234, 2.3).
func (p *sigParser) algorithm(s span, bare string) {
	p.sig.Algorithm = strings.ToLower(bare)
	switch p.sig.Algorithm {
	case RSASHA256, Ed25519SHA256:
	case RSASHA1:
		p.problem(s, Legacy, Differs, "rsa-sha1 must not be used for signing or verifying (RFC 8301, 3.1)")
	default:
		p.problem(s, Foreign, Differs, "no verifier knows the algorithm %s; there are rsa-sha256 and ed25519-sha256", printable(s.Value))
	}
}

func (p *sigParser) base64(s span, bare string) []byte {
	raw, err := base64.StdEncoding.DecodeString(bare)
	switch {
	case bare == "":
		p.problem(s, Grammar, Void, "the tag %s is empty", s.Name)
		return nil
	case err != nil:
		p.problem(s, Grammar, Void, "the tag %s is not base64", s.Name)
		return nil
	}
	return raw
}

func (p *sigParser) canon(s span, bare string) {
	header, body, both := strings.Cut(strings.ToLower(bare), "/")
	p.sig.HeaderCanon = Canon(header)
	if both {
		p.sig.BodyCanon = Canon(body)
	}
	if !p.sig.HeaderCanon.Known() || !p.sig.BodyCanon.Known() {
		p.problem(s, Foreign, Differs, "no verifier knows the canonicalisation %s; there are simple and relaxed", printable(s.Value))
	}
}

func (p *sigParser) fields(s span) {
	for name := range strings.SplitSeq(s.Value, ":") {
		name = strings.Trim(name, foldingSpace)
		switch {
		case name == "" || !isFieldName(name):
			p.problem(s, Grammar, Void, "%s in h is not the name of a header field", printable(name))
			return
		case len(p.sig.Fields) == maxSigned:
			p.problem(s, Grammar, Void, "h lists more than %d fields", maxSigned)
			return
		}
		p.sig.Fields = append(p.sig.Fields, name)
	}
}

func isFieldName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == ':' || c == ';' {
			return false
		}
	}
	return true
}

func (p *sigParser) identity(s span) {
	if p.instance {
		p.sig.Identity = withoutSpace(s.Value)
		if n := p.number(s, p.sig.Identity, maxSeconds); n == 0 || n > 50 { // RFC 8617, 4.2.1
			p.problem(s, Grammar, Void, "i=%s is no instance; there are 1 to 50", printable(s.Value))
		}
		return
	}
	decoded, ok := decodeQP(s.Value)
	p.sig.Identity = decoded
	if !ok {
		p.problem(s, Grammar, Differs, "i holds a \"=\" that is no escape of quoted-printable")
	}
	if !strings.Contains(decoded, "@") {
		p.problem(s, Grammar, Void, "i=%s has no \"@\"", printable(decoded))
	}
}

func (p *sigParser) number(s span, bare string, limit int64) int64 {
	digits := strings.Trim(bare, "0123456789") == "" && bare != ""
	if !digits || len(bare) > 76 { // RFC 6376, 3.5: at most 76 digits
		p.problem(s, Grammar, Void, "%s=%s is not a number", s.Name, printable(s.Value))
		return -1
	}
	n, err := strconv.ParseInt(bare, 10, 64)
	if err != nil || n > limit {
		return limit
	}
	return n
}

func (p *sigParser) time(s span, bare string) time.Time {
	n := p.number(s, bare, maxSeconds)
	if n < 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

func (p *sigParser) query(s span) {
	for q := range strings.SplitSeq(s.Value, ":") {
		if q = withoutSpace(q); q != "" && len(p.sig.Query) < maxExtra {
			p.sig.Query = append(p.sig.Query, q)
		}
	}
	if !slices.ContainsFunc(p.sig.Query, func(q string) bool { return strings.EqualFold(q, "dns/txt") || strings.EqualFold(q, "dns") }) {
		p.problem(s, Foreign, Differs, "no verifier knows the query method %s; there is dns/txt", printable(s.Value))
	}
}

func (p *sigParser) copied(s span) {
	for c := range strings.SplitSeq(s.Value, "|") {
		name, value, found := strings.Cut(c, ":")
		name = strings.Trim(name, foldingSpace)
		value, _ = decodeQP(value)
		if !found || name == "" || !isFieldName(name) || strings.ContainsAny(name, "=|") {
			p.problem(s, Grammar, Harmless, "z holds %s, which is no copy of a header field", printable(c))
			continue
		}
		if len(p.sig.Copied) < maxCopied {
			p.sig.Copied = append(p.sig.Copied, Tag{name, value})
		}
	}
}

// whole judges what concerns several tags (RFC 6376, 6.1.1).
func (p *sigParser) whole(end int) {
	for _, name := range p.required {
		if _, ok := p.seen[name]; !ok {
			p.problems = append(p.problems, Problem{Offset: end, Tag: name, Kind: Grammar, Effect: Void, Message: "the tag " + name + ", which a " + p.what + " must have, is missing"})
		}
	}
	sig := p.sig
	if h, ok := p.seen["h"]; ok && !p.sealing {
		if !sig.Names("From") {
			p.problem(h, Grammar, Void, "the From field is not signed, as it must be (RFC 6376, 5.4)")
		}
		if p.instance && sig.Names("ARC-Seal") {
			p.problem(h, Grammar, Void, "h names ARC-Seal, which must not be signed here (RFC 8617, 4.1.2)")
		}
	}
	if d, ok := p.seen["d"]; ok {
		if _, fine := canonicalDomain(sig.Domain); !fine {
			p.problem(d, Grammar, Void, "d=%s is not a domain", printable(sig.Domain))
		}
	}
	if s, ok := p.seen["s"]; ok {
		if _, fine := canonicalLabels(sig.Selector); !fine {
			p.problem(s, Grammar, Void, "s=%s is not a selector", printable(sig.Selector))
		}
	}
	if i, ok := p.seen["i"]; ok && !p.instance && strings.Contains(sig.Identity, "@") && !sig.within() {
		p.problem(i, Grammar, Void, "the domain of i=%s is neither d=%s nor below it", printable(sig.Identity), printable(sig.Domain))
	}
	if x, ok := p.seen["x"]; ok && !sig.Signed.IsZero() && !sig.Expires.IsZero() && !sig.Expires.After(sig.Signed) {
		p.problem(x, Grammar, Differs, "the signature expires before it was made: x=%d is not later than t=%d", sig.Expires.Unix(), sig.Signed.Unix())
	}
}

// within reports whether the domain of i is d or below it; case does not matter.
func (s Signature) within() bool {
	at := strings.LastIndexByte(s.Identity, '@')
	inner, ok := canonicalDomain(s.Identity[at+1:])
	outer, fine := canonicalDomain(s.Domain)
	return ok && fine && record.Within(inner, outer)
}

// canonicalDomain is a domain as it is asked: A-labels (RFC 8616, 5), lower case.
func canonicalDomain(domain string) (name string, ok bool) {
	for i := range len(domain) {
		if domain[i] > '~' {
			if strings.ContainsAny(domain, "@/") {
				return "", false
			}
			name, err := record.ParseDomain(domain)
			return name, err == nil
		}
	}
	return canonicalLabels(domain)
}

// canonicalLabels is a name of labels of letters, digits, hyphens and underscores.
func canonicalLabels(s string) (name string, ok bool) {
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for i := range len(label) {
			c := label[i]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return "", false
			}
		}
	}
	return record.Canonical(s), len(s) <= 253
}

func withoutSpace(s string) string {
	if !strings.ContainsAny(s, foldingSpace) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(foldingSpace, r) {
			return -1
		}
		return r
	}, s)
}

// withoutData is the value of a signature field with the value of its b tag
// taken out, the white space around it too, and nothing else changed (RFC 6376,
// 3.5 and 3.7). That of bh, or a "b=" inside another tag, stays.
func withoutData(value string) string {
	at := 0
	for at < len(value) {
		end := len(value)
		if i := strings.IndexByte(value[at:], ';'); i >= 0 {
			end = at + i
		}
		name, _, found := strings.Cut(value[at:end], "=")
		if found && strings.Trim(name, foldingSpace) == "b" {
			return value[:at+len(name)+1] + value[end:]
		}
		at = end + 1
	}
	return value
}
