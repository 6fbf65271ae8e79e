package dkim

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// MaxSignatures is how many signatures of a message are verified, the topmost
// first. Each costs a question and a computation with a key that a stranger chose
// (RFC 6376, 8.4).
const MaxSignatures = 10

// FieldName is the name of the header field.
const FieldName = "DKIM-Signature"

// Verify verifies the signatures of a message, in the order of its header, as at
// the time now: that of its arrival, where the message is older. It never fails;
// where the DNS gives no answer the verdict is temperror. A message in which
// every line ends in LF alone is taken for a file of one that travelled with CRLF.
func Verify(ctx context.Context, r resolve.Resolver, m *message.Message, now time.Time) []Verdict {
	x := newVerifier(m, now)
	verdicts := signatures(x.m)
	find(ctx, r, verdicts)
	for i := range verdicts {
		if verdicts[i].Code == "" {
			x.verify(ctx, &verdicts[i])
		}
		x.place(&verdicts[i])
	}
	return verdicts
}

func newVerifier(m *message.Message, now time.Time) *verifier {
	x := &verifier{m: m, now: now, bodies: map[bodyKey]bodyHash{}, stories: map[storyKey][]Change{}, budget: budget{octets: maxOctets}}
	if m.Octets().UnixEnds() {
		x.m, x.unix = m.CRLF(), true
	}
	return x
}

// place tells the places of changes as they are in the message that came in.
func (x *verifier) place(v *Verdict) {
	if x.unix {
		v.Changes = inUnix(x.m.Raw, v.Changes)
	}
}

// inUnix is changes with their places in the file with LF for CRLF.
func inUnix(raw []byte, changes []Change) []Change {
	changes = slices.Clone(changes)
	for i := range changes {
		c := &changes[i]
		c.Length -= bytes.Count(raw[c.Offset:c.Offset+c.Length], []byte("\n"))
		c.Offset -= bytes.Count(raw[:c.Offset], []byte("\n"))
	}
	return changes
}

// signatures reads the signature fields. A verdict without a code is open.
func signatures(m *message.Message) []Verdict {
	var verdicts []Verdict
	for i, f := range m.Fields {
		if !f.Is(FieldName) {
			continue
		}
		v := read(m, i, plain)
		if len(verdicts) >= MaxSignatures {
			v.end(Neutral, NotLookedAt, "only the first %d signatures are verified", MaxSignatures)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// read reads the signature in a field.
func read(m *message.Message, field int, d dialect) Verdict {
	v := Verdict{Field: field}
	v.Signature, v.Problems = parseAs(m.Fields[field].Value(), d)
	if m.Cut {
		v.end(Neutral, NotLookedAt, "the message is larger than what is looked at")
	} else {
		v.grammar()
	}
	return v
}

// grammar ends a verdict whose signature cannot be used (RFC 6376, 6.1.1).
func (v *Verdict) grammar() {
	for _, p := range v.Problems {
		if p.Effect == Void {
			v.end(PermError, Malformed, "the signature is not valid: %s", p.Message)
			return
		}
	}
	for _, p := range v.Problems {
		if p.Kind == Foreign { // RFC 6376, 3.3 and 3.4: to be ignored
			v.end(Neutral, Unsupported, "%s", p.Message)
			return
		}
	}
}

// find asks for all keys at once.
func find(ctx context.Context, r resolve.Resolver, verdicts []Verdict) {
	var wg sync.WaitGroup
	for i := range verdicts {
		v := &verdicts[i]
		if v.Code != "" {
			continue
		}
		wg.Go(func() { v.Lookup = Find(ctx, r, v.Signature.Selector, v.Signature.Domain, v.Signature.KeyType()) })
	}
	wg.Wait()
}

type bodyKey struct {
	canon  Canon
	length int64
	hash   string
}

type bodyHash struct {
	sum  []byte
	size int64 // octets of the whole canonical body
}

type verifier struct {
	m       *message.Message
	unix    bool // m is a copy with CRLF of a message with LF
	now     time.Time
	bodies  map[bodyKey]bodyHash
	stories map[storyKey][]Change // of bodies
	budget  budget
}

// verify verifies a signature of fields and body.
func (x *verifier) verify(ctx context.Context, v *Verdict) {
	s := v.Signature
	x.times(v)
	v.Covered = pick(x.m, s.Fields, v.Field)
	body := x.body(s)
	v.Hash, v.Body = body.sum, Holds
	if !bytes.Equal(body.sum, s.BodyHash) || body.size < s.Length {
		v.Body = Broken
	}
	if s.Length >= 0 {
		v.Unsigned = max(0, body.size-s.Length)
	}
	x.apply(ctx, v, body)
}

// times compares t= and x= with the clock.
func (x *verifier) times(v *Verdict) {
	s := v.Signature
	if !s.Signed.IsZero() && s.Signed.After(x.now) {
		v.Future = s.Signed.Sub(x.now)
	}
	if !s.Expires.IsZero() && x.now.After(s.Expires) {
		v.Past = x.now.Sub(s.Expires)
	}
}

// apply applies the key to the fields covered.
func (x *verifier) apply(ctx context.Context, v *Verdict, body bodyHash) {
	s := v.Signature
	if v.Lookup.Fault != NoFault {
		code := PermError
		if v.Lookup.Fault == KeyUnknown {
			code = TempError
		}
		v.end(code, v.Lookup.Fault, "%s", v.Lookup.Cause)
		return
	}
	if why := v.Lookup.misfit(s); why != "" {
		v.end(PermError, KeyMisfit, "%s", why)
		return
	}
	seal := open(v.Lookup.Key.Public, s.Data, s.Hash())
	header := x.header(v)
	v.Header = Broken
	if seal.signs(header.digest(nil)) {
		v.Header = Holds
	}
	x.decide(ctx, v, seal, header, body)
}

// decide comes to the code from what was found.
func (x *verifier) decide(ctx context.Context, v *Verdict, seal seal, header *signedHeader, body bodyHash) {
	s := v.Signature
	if v.Body == Broken && body.size < s.Length { // RFC 6376, 3.5
		v.end(PermError, BodyShort, "l=%d covers more than the %d octets that the body has: it was cut short", s.Length, body.size)
		return
	}
	if v.Body == Broken {
		v.Changes = x.explainBody(ctx, v)
	}
	bodyStory := story(v.Changes)
	if v.Header == Broken && !seal.foreign() && seal.other == "" {
		v.Changes = append(v.Changes[:len(v.Changes):len(v.Changes)], x.explainHeader(ctx, v, seal, header)...)
	}
	where := record.Display(v.Lookup.Question.Name)
	switch {
	case v.Header == Broken && seal.foreign():
		v.end(Fail, ForeignKey, "the key at %s did not make this signature: it was replaced, or the signer uses another", where)
		if v.Body == Broken {
			v.Cause += "; nor does the body hash match" + bodyStory
		}
	case v.Body == Broken && v.Header == Broken:
		v.end(Fail, BodyChanged, "neither the body hash nor the signature over the header fields matches%s", story(v.Changes))
	case v.Body == Broken:
		v.end(Fail, BodyChanged, "the body hash does not match, while the signed header fields are intact%s", bodyStory)
	case v.Header == Broken && seal.other != "":
		v.end(Fail, HeaderChanged, "the signature says %s, but was made over a %s hash", s.Algorithm, seal.other)
	case v.Header == Broken:
		intact := ""
		if v.Body == Holds {
			intact = ", while the body is intact"
		}
		v.end(Fail, HeaderChanged, "the signature does not match the signed header fields%s%s", intact, story(v.Changes))
		if s.KeyType() == Ed25519 && len(v.Changes) == 0 {
			v.Cause = "the signature does not match the signed header fields, or the key at " + where + " did not make it" + intact + story(nil)
		}
		if len(v.Changes) == 0 {
			v.Cause += absent(v.Absent())
		}
	default:
		v.sound()
	}
}

// sound judges a signature that verifies.
func (v *Verdict) sound() {
	s := v.Signature
	switch bits := v.Bits(); {
	case s.Algorithm == RSASHA1:
		v.end(Policy, WeakHash, "the signature verifies, but rsa-sha1 must not count (RFC 8301, 3.1)")
	case s.KeyType() == RSA && bits < MinRSABits:
		v.end(Policy, WeakKey, "the signature verifies, but an RSA key of %d bits must not count; %d are the least (RFC 8301, 3.2)", bits, MinRSABits)
	case v.Past > 0: // RFC 6376, 6.1.1
		v.end(PermError, Expired, "the signature verifies, but expired on %s", s.Expires.Format(time.RFC1123))
	default:
		v.end(Pass, NoFault, "signed by %s with %s", s.Domain, v.Lookup.Key.Describe())
	}
}

// story is the changes as the end of a sentence.
func story(changes []Change) string {
	var texts []string
	for _, c := range changes {
		texts = append(texts, c.Text)
	}
	if len(texts) == 0 {
		return "; no change that relays are known to make explains it"
	}
	return ": " + strings.Join(texts, "; ")
}

func absent(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("; it also covers %s, of which the message has no more: removed since, or signed as absent", strings.Join(names[:min(len(names), 10)], ", "))
}

// body hashes the body once for each way to do it.
func (x *verifier) body(s Signature) bodyHash {
	key := bodyKey{s.BodyCanon, s.Length, s.Hash()}
	if b, ok := x.bodies[key]; ok {
		return b
	}
	w := newLimited(s.Hash(), s.Length)
	_ = s.BodyCanon.Body(w, x.m.Body) // a hash does not fail
	x.bodies[key] = bodyHash{w.hash.Sum(nil), w.seen}
	return x.bodies[key]
}

// A limited hash takes the first octets only, and counts all.
type limited struct {
	hash  hash.Hash
	limit int64 // -1 for none
	seen  int64
}

func newLimited(name string, limit int64) *limited {
	return &limited{hash: newHash(name), limit: limit}
}

func newHash(name string) hash.Hash {
	if name == "sha1" {
		return sha1.New() // to tell what a signature of old would have been
	}
	return sha256.New()
}

func (l *limited) Write(p []byte) (int, error) {
	take := p
	if l.limit >= 0 {
		take = p[:max(0, min(int64(len(p)), l.limit-l.seen))]
	}
	l.seen += int64(len(p))
	l.hash.Write(take)
	return len(p), nil
}

// pick finds the fields that the names in h= stand for: for each the lowest that
// no earlier mention took (RFC 6376, 5.4.2). The signature itself is none of them.
func pick(m *message.Message, names []string, self int) []int {
	left := map[string][]int{}
	for i, f := range m.Fields {
		if i != self {
			key := strings.ToLower(f.Name)
			left[key] = append(left[key], i)
		}
	}
	picked := make([]int, 0, len(names))
	for _, name := range names {
		key := strings.ToLower(name)
		list := left[key]
		if len(list) == 0 {
			picked = append(picked, -1)
			continue
		}
		picked = append(picked, list[len(list)-1])
		left[key] = list[:len(list)-1]
	}
	return picked
}

// A signedHeader is the canonical octets that a signature covers, piece by piece.
type signedHeader struct {
	canon  Canon
	chunks [][]byte // one for each name in h=; empty where there is no field
	own    []byte   // the signature field without its b and without the last CRLF
	hash   string
}

func (x *verifier) header(v *Verdict) *signedHeader {
	return x.headerAs(v, v.Signature.HeaderCanon, v.Covered)
}

func (x *verifier) headerAs(v *Verdict, c Canon, covered []int) *signedHeader {
	h := &signedHeader{canon: c, hash: v.Signature.Hash()}
	for _, i := range covered {
		var chunk []byte
		if i >= 0 {
			chunk = c.Field(x.m.Fields[i])
		}
		h.chunks = append(h.chunks, chunk)
	}
	h.own = ownField(c, x.m.Fields[v.Field])
	return h
}

// ownField is the signature field as it is hashed last (RFC 6376, 3.7).
func ownField(c Canon, f message.Field) []byte {
	value := withoutData(f.Value())
	if c == Relaxed {
		return bytes.TrimSuffix(relaxed(f.Name, value), crlf)
	}
	return []byte(f.Head() + value)
}

// digest hashes the header with some chunks replaced.
func (h *signedHeader) digest(replaced map[int][]byte) []byte {
	sum := newHash(h.hash)
	for i, chunk := range h.chunks {
		if other, ok := replaced[i]; ok {
			chunk = other
		}
		sum.Write(chunk)
	}
	sum.Write(h.own)
	return sum.Sum(nil)
}
