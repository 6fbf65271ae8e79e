package dkim

import (
	"context"
	"time"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/resolve"
)

// VerifyMessageSignature verifies the ARC-Message-Signature in a field of the
// message, by its index (RFC 8617, 4.1.2): a signature like any other, but
// without v, with the number of its instance in i, and not over ARC-Seal.
func VerifyMessageSignature(ctx context.Context, r resolve.Resolver, m *message.Message, field int, now time.Time) Verdict {
	x := newVerifier(m, now)
	if !x.has(field) {
		return lostField(field)
	}
	v := read(x.m, field, chained)
	if v.Code == "" {
		v.Lookup = Find(ctx, r, v.Signature.Selector, v.Signature.Domain, v.Signature.KeyType())
		x.verify(ctx, &v)
	}
	x.place(&v)
	return v
}

// VerifySeal verifies the ARC-Seal in a field of the message (RFC 8617, 4.1.3):
// it signs the fields covered, by their indices in the order in which they are
// hashed, and itself, in relaxed form, and no body. Verdict.Body is NotTried.
// Tags of the chain, such as cv, are in Signature.Extra.
func VerifySeal(ctx context.Context, r resolve.Resolver, m *message.Message, field int, covered []int, now time.Time) Verdict {
	x := newVerifier(m, now)
	if !x.has(field) || !x.has(covered...) {
		return lostField(field)
	}
	v := read(x.m, field, chainedSeal)
	v.Covered, v.Signature.HeaderCanon = covered, Relaxed
	for _, i := range covered {
		v.Signature.Fields = append(v.Signature.Fields, x.m.Fields[i].Name)
	}
	if v.Code == "" {
		v.Lookup = Find(ctx, r, v.Signature.Selector, v.Signature.Domain, v.Signature.KeyType())
		x.times(&v)
		x.apply(ctx, &v, bodyHash{})
	}
	x.place(&v)
	return v
}

// has reports whether the message has the fields. One that came with LF alone may
// lose its last fields: with CRLF it can be larger than what is looked at.
func (x *verifier) has(fields ...int) bool {
	for _, i := range fields {
		if i < 0 || i >= len(x.m.Fields) {
			return false
		}
	}
	return true
}

// lostField is the verdict on a field that is not looked at.
func lostField(field int) Verdict {
	v := Verdict{Field: field}
	v.end(Neutral, NotLookedAt, "the message is larger than what is looked at")
	return v
}
