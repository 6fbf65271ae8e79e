package dkim

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

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
		v.end(Fail, ForeignKey, "the key at %s did not make this signature: the key was replaced, the signer uses another, or b= was damaged", where)
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
