package dkim

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/message"
)

// explainHeader looks for changes of the signed fields that explain why the
// signature does not fit: one at first, then what mailing lists do together. Nil
// means that none of those tried does.
func (x *verifier) explainHeader(ctx context.Context, v *Verdict, seal seal, header *signedHeader) []Change {
	e := headerExplainer{x: x, v: v, seal: seal, header: header}
	for _, try := range []func() []Change{e.asWhole, e.copies, e.single, e.order, e.combined} {
		if ctx.Err() != nil {
			break
		}
		if found := try(); found != nil {
			v.Tried += e.tried
			return found
		}
	}
	v.Tried += e.tried
	return nil
}

type headerExplainer struct {
	x      *verifier
	v      *Verdict
	seal   seal
	header *signedHeader
	tried  int
	alts   []alternative
}

// An alternative is another content of one place of h=.
type alternative struct {
	place  int
	octets []byte // canonical; nil for no field
	change Change
	list   bool // what mailing lists do: may come together with others
}

// fits reports whether the signature fits the header with chunks replaced.
func (e *headerExplainer) fits(h *signedHeader, replaced map[int][]byte) bool {
	if e.tried >= maxVariants {
		return false
	}
	e.tried++
	return e.seal.signs(h.digest(replaced))
}

// asWhole tries what concerns all fields at once.
func (e *headerExplainer) asWhole() []Change {
	c := e.header.canon
	other := e.x.headerAs(e.v, c.Other(), e.v.Covered)
	switch {
	case !e.fits(other, nil):
	case c == Simple:
		return []Change{{Kind: Refolded, Text: "under the relaxed canonicalisation it matches, so only folding or white space changed, which c=" + e.v.Signature.canons() + " does not allow"}}
	default:
		return []Change{{Kind: WrongCanon, Text: "canonicalised as simple it matches, so the signer did not do what its c=" + e.v.Signature.canons() + " says"}}
	}
	if c == Simple {
		own := *e.header
		for _, own.own = range ownSpellings(e.x.m.Fields[e.v.Field]) {
			if e.fits(&own, nil) {
				return []Change{{Kind: Refolded, Field: FieldName, Text: "the DKIM-Signature field itself was folded or spaced otherwise, which c=simple does not allow"}}
			}
		}
	}
	return nil
}

// maxFolds is how many folds of the signature field are undone one at a time.
const maxFolds = 20

// ownSpellings are forms of the signature field that a relay may have refolded.
func ownSpellings(f message.Field) [][]byte {
	value := withoutData(f.Value())
	unfolded := strings.ReplaceAll(value, "\r\n", "")
	list := [][]byte{ownField(Relaxed, f), []byte(f.Head() + unfolded), []byte(f.Head() + strings.ReplaceAll(unfolded, "\t", " ")), []byte(f.Head() + strings.ReplaceAll(value, "\r\n\t", "\r\n "))}
	for at, n := 0, 0; n < maxFolds; n++ {
		i := strings.Index(value[at:], "\r\n")
		if i < 0 {
			break
		}
		at += i + 2
		list = append(list, []byte(f.Head()+value[:at-2]+value[at:]))
	}
	return list
}

// order tries the ways in which signers take fields that stand more than once.
func (e *headerExplainer) order() []Change {
	down := pickDown(e.x.m, e.v.Signature.Fields, e.v.Field)
	if slices.Equal(down, e.v.Covered) || !e.fits(e.x.headerAs(e.v, e.header.canon, down), nil) {
		return nil
	}
	return []Change{{Kind: OtherInstance, Text: "the signer took fields that stand more than once from the top down; they are taken from the bottom up (RFC 6376, 5.4.2)"}}
}

// pickDown is pick from the top of the header down.
func pickDown(m *message.Message, names []string, self int) []int {
	used := map[int]bool{self: true}
	picked := make([]int, 0, len(names))
	for _, name := range names {
		at := -1
		for i, f := range m.Fields {
			if !used[i] && f.Is(name) {
				at = i
				break
			}
		}
		used[at] = true
		picked = append(picked, at)
	}
	return picked
}

// copies takes the values in z= for those the fields had (RFC 6376, 3.5).
func (e *headerExplainer) copies() []Change {
	var changes []Change
	replaced := map[int][]byte{}
	used := map[int]bool{}
	for i, at := range e.v.Covered {
		copied, ok := e.copyOf(e.v.Signature.Fields[i], used)
		if !ok {
			continue
		}
		octets := relaxed(copied.Name, copied.Value)
		if e.header.canon == Simple {
			octets = []byte(copied.Name + ":" + copied.Value + "\r\n")
		}
		is := ""
		if at >= 0 {
			is = e.x.m.Fields[at].Unfolded()
		}
		if bytes.Equal(octets, e.header.chunks[i]) || at >= 0 && bytes.Equal(relaxed(copied.Name, copied.Value), Relaxed.Field(e.x.m.Fields[at])) {
			continue
		}
		replaced[i] = octets
		changes = append(changes, Change{Kind: Rewritten, Field: copied.Name, Was: strings.Trim(copied.Value, " \t"), Is: is,
			Text: fmt.Sprintf("%s was %s when it was signed, as the copy in z= tells, and is %s", copied.Name, printable(strings.Trim(copied.Value, " \t")), printable(is))})
	}
	if len(changes) > 0 && e.fits(e.header, replaced) {
		return changes
	}
	return nil
}

// copyOf is the lowest copy of a field in z= that is not used yet.
func (e *headerExplainer) copyOf(name string, used map[int]bool) (Tag, bool) {
	list := e.v.Signature.Copied
	for i := len(list) - 1; i >= 0; i-- {
		if !used[i] && strings.EqualFold(list[i].Name, name) {
			used[i] = true
			return list[i], true
		}
	}
	return Tag{}, false
}

// single tries every alternative by itself.
func (e *headerExplainer) single() []Change {
	e.alts = e.alternatives()
	for _, a := range e.alts {
		if e.fits(e.header, map[int][]byte{a.place: a.octets}) {
			return []Change{a.change}
		}
	}
	return nil
}

// combined tries two and three changes that mailing lists make together.
func (e *headerExplainer) combined() []Change {
	var list []alternative
	for _, a := range e.alts {
		if a.list {
			list = append(list, a)
		}
	}
	for i, a := range list {
		for _, b := range list[i+1:] {
			if found := e.together(a, b); found != nil || e.tried >= maxVariants {
				return found
			}
		}
	}
	for i, a := range list {
		for j, b := range list[i+1:] {
			for _, c := range list[i+j+2:] {
				if found := e.together(a, b, c); found != nil || e.tried >= maxVariants {
					return found
				}
			}
		}
	}
	return nil
}

// together tries alternatives of different places at once.
func (e *headerExplainer) together(list ...alternative) []Change {
	replaced := map[int][]byte{}
	var changes []Change
	for _, a := range list {
		replaced[a.place] = a.octets
		changes = append(changes, a.change)
	}
	if len(replaced) < len(list) || !e.fits(e.header, replaced) {
		return nil
	}
	return changes
}
