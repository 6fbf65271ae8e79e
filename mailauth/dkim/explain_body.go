package dkim

import (
	"bytes"
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/message"
)

// Bounds on explaining. What is beyond them stays unexplained.
const (
	maxOctets      = 256 << 20 // hashed for the explanations of one message
	maxVariants    = 200       // hashes for the header of one signature
	maxVariantBody = 8 << 20   // octets of a body of which variants are made
	maxSums        = 50_000    // lines at the end of a body at which it may have ended
)

// A budget is what may still be spent on explaining.
type budget struct{ octets int64 }

func (b *budget) spend(n int) bool {
	b.octets -= int64(n)
	return b.octets > 0
}

type storyKey struct {
	want   string
	canon  Canon
	length int64
	hash   string
}

// explainBody looks for one change of the body that explains why its hash does
// not match. Nil means that none of those tried does.
func (x *verifier) explainBody(ctx context.Context, v *Verdict) []Change {
	s := v.Signature
	key := storyKey{string(s.BodyHash), s.BodyCanon, s.Length, s.Hash()}
	if known, ok := x.stories[key]; ok {
		return known
	}
	e := bodyExplainer{m: x.m, sig: s, budget: &x.budget}
	var found []Change
	tries := []func() (Change, bool){e.canon, e.appended, e.signer, e.lineEnds, e.variants, e.inserted}
	if len(x.m.Body) > maxVariantBody {
		tries = tries[:2] // the others need copies of the body
	}
	for _, try := range tries {
		if ctx.Err() != nil {
			break
		}
		if c, ok := try(); ok {
			found = []Change{c}
			break
		}
	}
	v.Tried += e.tried
	x.stories[key] = found
	return found
}

type bodyExplainer struct {
	m      *message.Message
	sig    Signature
	budget *budget
	tried  int
}

// matches reports whether body has the signed hash under c.
func (e *bodyExplainer) matches(c Canon, body []byte) bool {
	if !e.budget.spend(len(body) + 1) {
		return false
	}
	e.tried++
	w := newLimited(e.sig.Hash(), e.sig.Length)
	_ = c.Body(w, body) // a hash does not fail
	return bytes.Equal(w.hash.Sum(nil), e.sig.BodyHash)
}

// either reports under which canonicalisation body matches, that of the
// signature first.
func (e *bodyExplainer) either(body []byte) (c Canon, ok bool) {
	for _, c := range []Canon{e.sig.BodyCanon, e.sig.BodyCanon.Other()} {
		if e.matches(c, body) {
			return c, true
		}
	}
	return "", false
}

// canon: the signer hashed by the other algorithm, or the body has changed in
// white space only and was plain before.
func (e *bodyExplainer) canon() (Change, bool) {
	other := e.sig.BodyCanon.Other()
	if !e.matches(other, e.m.Body) {
		return Change{}, false
	}
	text := "canonicalised as simple it matches, so the signer did not do what its c=" + e.sig.canons() + " says"
	if other == Relaxed {
		text = "under the relaxed canonicalisation it matches, so only white space changed, which c=" + e.sig.canons() + " does not allow (or the signer's c= is wrong)"
	}
	return Change{Kind: WrongCanon, Text: text}, true
}

func (s Signature) canons() string { return string(s.HeaderCanon) + "/" + string(s.BodyCanon) }

// lineEnds: bare CR and LF that some relays mend on the way.
func (e *bodyExplainer) lineEnds() (Change, bool) {
	mended := message.ToCRLF(e.m.Body)
	if len(mended) == len(e.m.Body) {
		return Change{}, false
	}
	if _, ok := e.either(mended); !ok {
		return Change{}, false
	}
	o := e.m.Octets()
	return Change{Kind: LineEnds, Text: fmt.Sprintf("the message holds %d bare LF and %d bare CR; with CRLF in their place it matches (RFC 5321, 2.3.8), and verifiers that mend line ends accept it", o.BareLF.N, o.BareCR.N)}, true
}

// signer: faults of signers that are known by the hash they make.
func (e *bodyExplainer) signer() (Change, bool) {
	for _, empty := range []string{"", "\r\n"} {
		h := newHash(e.sig.Hash())
		h.Write([]byte(empty))
		e.tried++
		if bytes.Equal(h.Sum(nil), e.sig.BodyHash) {
			return Change{Kind: EmptyBody, Text: "the signer hashed an empty body: it never saw the text, or all of the text was added later"}, true
		}
	}
	for _, c := range []Canon{e.sig.BodyCanon, e.sig.BodyCanon.Other()} {
		if !e.budget.spend(len(e.m.Body)) || e.sig.Length >= 0 {
			return Change{}, false
		}
		var b bytes.Buffer
		_ = c.Body(&b, e.m.Body) // a buffer does not fail
		e.tried += 2
		if e.is(bytes.TrimSuffix(b.Bytes(), crlf)) {
			return Change{Kind: LastLineEnd, Text: "the signer hashed the body without its last CRLF, which every canonical body has (RFC 6376, 3.4.3)"}, true
		}
		if e.is(bytes.ReplaceAll(b.Bytes(), crlf, []byte("\n"))) {
			return Change{Kind: LineEnds, Text: "the signer hashed the body with LF for CRLF: it signs before the line ends are those of SMTP (RFC 6376, 5.3)"}, true
		}
	}
	return Change{}, false
}

// is reports whether octets, canonical already, have the signed hash.
func (e *bodyExplainer) is(octets []byte) bool {
	h := newHash(e.sig.Hash())
	h.Write(octets)
	return bytes.Equal(h.Sum(nil), e.sig.BodyHash)
}

// appended looks for a line behind which everything was added later.
func (e *bodyExplainer) appended() (Change, bool) {
	if e.sig.Length >= 0 || !e.budget.spend(len(e.m.Body)) {
		return Change{}, false
	}
	body := e.m.Body
	skip := bytes.Count(body, crlf) - maxSums
	h := newHash(e.sig.Hash())
	var sum []byte
	blank, number := 0, 0
	for at := 0; at < len(body); number++ {
		line, _, _ := bytes.Cut(body[at:], crlf)
		end := min(at+len(line)+2, len(body))
		canonical := e.sig.BodyCanon.Line(line)
		if len(canonical) == 0 {
			blank++
			at = end
			continue
		}
		for ; blank > 0; blank-- {
			h.Write(crlf)
		}
		h.Write(canonical)
		h.Write(crlf)
		at = end
		if number < skip || end == len(body) {
			continue
		}
		e.tried++
		if sum = h.Sum(sum[:0]); bytes.Equal(sum, e.sig.BodyHash) {
			return e.addition(Appended, at, len(body), "at the end"), true
		}
	}
	return Change{}, false
}

// addition says that the octets of the body from at to end were added.
func (e *bodyExplainer) addition(kind ChangeKind, at, end int, where string) Change {
	added := e.m.Body[at:end]
	lines := max(1, bytes.Count(added, crlf))
	return Change{Kind: kind, Offset: e.m.BodyAt + at, Length: end - at,
		Text: fmt.Sprintf("without the %d octets (%s) %s, %q, it matches: a mailing list or gateway added them", end-at, plural(lines, "line"), where, excerpt(added))}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// excerpt is the beginning of text that was added, without blank lines.
func excerpt(added []byte) string {
	added = bytes.Trim(added, "\r\n\t ")
	if len(added) > 60 {
		return string(added[:60]) + "..."
	}
	return string(added)
}

// variants tries what relays do to whole bodies, each undone.
func (e *bodyExplainer) variants() (Change, bool) {
	for _, v := range bodyVariants {
		body := v.undo(e.m)
		if body == nil || bytes.Equal(body, e.m.Body) {
			continue
		}
		if _, ok := e.either(body); ok {
			return Change{Kind: v.kind, Text: v.text}, true
		}
	}
	return Change{}, false
}
