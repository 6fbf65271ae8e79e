package dkim

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Lookup is what the DNS holds at a selector.
type Lookup struct {
	Question resolve.Question
	Answer   resolve.Answer
	Err      error // the question has no conclusive answer
	Text     string
	Key      Key // of Text
	Problems []Problem
	Fault    Fault  // why there is no key to verify with; NoFault if there is one
	Cause    string // the fault in words
}

// Found reports whether there is a key that can verify.
func (l Lookup) Found() bool { return l.Fault == NoFault && l.Key.Public != nil }

// maxRecords is how many records of a selector are tried. More than one is
// undefined (RFC 6376, 3.6.2.2).
const maxRecords = 4

// Find asks for the key of a selector and domain as signatures name them. Of
// several records it takes the first that is usable for the key type wanted.
func Find(ctx context.Context, r resolve.Resolver, selector, domain, keyType string) Lookup {
	name, ok := keyName(selector, domain)
	if !ok {
		return Lookup{Fault: NoKey, Cause: fmt.Sprintf("%.80q is no name that the DNS can hold", selector+"._domainkey."+domain)}
	}
	l := Lookup{Question: resolve.Ask(name, "TXT")}
	l.Answer, l.Err = r.Resolve(ctx, l.Question)
	if l.Err != nil {
		l.Fault, l.Cause = KeyUnknown, "the key could not be asked for: "+l.Err.Error()
		return l
	}
	texts := l.Answer.Texts()
	if len(texts) == 0 {
		l.Fault, l.Cause = NoKey, "there is no key at "+record.Display(name)
		if !l.Answer.Exists {
			l.Cause = record.Display(name) + " does not exist, so there is no key"
		}
		return l
	}
	if keys := slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return !IsKey(t) }); len(keys) > 0 {
		texts = keys
	}
	for i, text := range texts[:min(len(texts), maxRecords)] {
		one := l
		one.judge(text)
		fits := one.Fault == NoFault && one.Key.Algorithm() == keyType
		if i == 0 || fits {
			l = one
		}
		if fits {
			break
		}
	}
	return l
}

// keyName is where the key of a selector is (RFC 6376, 3.6.2.1).
func keyName(selector, domain string) (string, bool) {
	s, ok := canonicalDomain(selector)
	d, fine := canonicalDomain(domain)
	if !ok || !fine {
		return "", false
	}
	return record.Below(record.Display(s)+"._domainkey", d)
}

// judge reads a key record for verifying (RFC 6376, 6.1.2). What only some
// verifiers refuse does not keep the key from being used.
func (l *Lookup) judge(text string) {
	l.Text = text
	l.Key, l.Problems = ParseKey(text)
	where := record.Display(l.Question.Name)
	if l.Key.Revoked() && IsKey(text) {
		l.Fault, l.Cause = Revoked, "the key at "+where+" is revoked: its p= is empty (RFC 6376, 3.6.1)"
		return
	}
	for _, p := range l.Problems {
		if p.Effect == Void && p.Kind != Scope {
			l.Fault, l.Cause = BadKey, fmt.Sprintf("the key record at %s cannot be used: %s", where, p.Message)
			return
		}
	}
	switch pub := l.Key.Public.(type) {
	case nil:
		l.Fault, l.Cause = BadKey, "the key record at "+where+" holds no key that can be read"
	case *rsa.PublicKey:
		if bits := pub.N.BitLen(); bits > hugeRSABits {
			l.Fault, l.Cause = BadKey, fmt.Sprintf("the key at %s has %d bits; verifiers need not take more than %d", where, bits, MaxRSABits)
		}
	case ed25519.PublicKey:
	}
}

// misfit says why the key may not verify the signature (RFC 6376, 6.1.2);
// empty if it may.
func (l Lookup) misfit(s Signature) string {
	k := l.Key
	where := record.Display(l.Question.Name)
	switch {
	case k.Algorithm() != s.KeyType():
		return fmt.Sprintf("the signature is %s, but the key at %s is of type %s", s.Algorithm, where, printable(k.Algorithm()))
	case !k.AllowsHash(s.Hash()):
		return fmt.Sprintf("the key at %s does not allow %s (its tag h)", where, s.Hash())
	case !k.AllowsMail():
		return fmt.Sprintf("the key at %s is not for e-mail (its tag s)", where)
	case k.Strict() && !s.exact():
		return fmt.Sprintf("the key at %s is bound to d=%s itself (t=s), but i=%s is below it", where, s.Domain, printable(s.Identity))
	}
	return ""
}

// exact reports whether the domain of i is d itself.
func (s Signature) exact() bool {
	if !strings.Contains(s.Identity, "@") { // absent, or the instance of ARC
		return true
	}
	i := s.Identity[strings.LastIndexByte(s.Identity, '@')+1:]
	inner, _ := canonicalDomain(i)
	outer, _ := canonicalDomain(s.Domain)
	return inner == outer
}
