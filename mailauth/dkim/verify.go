package dkim

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/message"
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
	if m.UnixEnds() {
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
	first   *[]message.Field // of the first part, once asked for
}

// firstPart is the fields of the first part of a multipart.
func (x *verifier) firstPart() []message.Field {
	if x.first == nil {
		x.first = new([]message.Field)
		if parts, _ := x.m.Parts(); len(parts) > 1 {
			*x.first = parts[1].Fields
		}
	}
	return *x.first
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
