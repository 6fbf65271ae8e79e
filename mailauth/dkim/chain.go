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
