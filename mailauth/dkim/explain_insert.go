package dkim

import (
	"bytes"
	"hash"
)

// Bounds on the search for lines that were put in.
const (
	maxInsertedBody = 1 << 20 // octets of a body that is searched
	maxInsertedIn   = 5000    // lines of it
	maxBlocks       = 4 << 20 // octets hashed, a third for each kind of place
	maxBlock        = 60      // lines put in
	maxTop          = 200     // lines put in at the top
)

// An insertion searches a body for lines without which its hash is the signed
// one. A try costs a hash of what follows them.
type insertion struct {
	e      *bodyExplainer
	octets []byte      // canonical
	at     []int       // where each line begins in octets
	raw    []int       // and in the body
	before []hash.Hash // of what stands in front of each line
	left   int         // octets that may be hashed
}

// inserted looks for whole lines that were put in at the top, at the end of a
// part, or anywhere.
func (e *bodyExplainer) inserted() (Change, bool) {
	if e.sig.Length >= 0 || len(e.m.Body) > maxInsertedBody || bytes.Count(e.m.Body, crlf) > maxInsertedIn {
		return Change{}, false
	}
	s := insertion{e: e}
	s.split()
	for _, search := range []func() (i, j int){s.top, s.parts, s.anywhere} {
		s.left = maxBlocks / 3
		if i, j := search(); j > 0 {
			where := "in the middle"
			if i == 0 {
				where = "at the top"
			}
			return e.addition(Inserted, s.raw[i], s.raw[j], where), true
		}
	}
	return Change{}, false
}

// top tries the first lines. Like its fellows it returns 0, 0 for nothing found.
func (s *insertion) top() (i, j int) {
	for j := 1; j < len(s.at) && j <= maxTop && s.left > 0; j++ {
		if s.without(0, j) {
			return 0, j
		}
	}
	return 0, 0
}

// parts tries the last lines of each part, which may be a part of its own.
func (s *insertion) parts() (i, j int) {
	for j := range s.at {
		for i := j - 1; i > 0 && i >= j-maxBlock && s.left > 0 && s.boundary(j); i-- {
			if s.without(i, j) {
				return i, j
			}
		}
	}
	return 0, 0
}

// anywhere tries any lines, few before many.
func (s *insertion) anywhere() (i, j int) {
	for size := 1; size <= maxBlock; size++ {
		for i := 1; i+size < len(s.at) && s.left > 0; i++ {
			if s.without(i, i+size) {
				return i, i + size
			}
		}
	}
	return 0, 0
}

// split fills the lines, without the blank ones at the end.
func (s *insertion) split() {
	body, c := s.e.m.Body, s.e.sig.BodyCanon
	var b bytes.Buffer
	for from := 0; from < len(body); {
		line, _, _ := bytes.Cut(body[from:], crlf)
		s.raw, s.at = append(s.raw, from), append(s.at, b.Len())
		b.Write(c.Line(line))
		b.Write(crlf)
		from += len(line) + len(crlf)
	}
	s.octets = b.Bytes()
	for n := len(s.at); n > 0 && len(s.octets) == s.at[n-1]+len(crlf); n-- {
		s.octets, s.at, s.raw = s.octets[:s.at[n-1]], s.at[:n-1], s.raw[:n-1]
	}
	sum := newHash(s.e.sig.Hash())
	for i, at := range s.at {
		s.before = append(s.before, clone(sum))
		end := len(s.octets)
		if i+1 < len(s.at) {
			end = s.at[i+1]
		}
		sum.Write(s.octets[at:end])
	}
}

// boundary reports whether line j looks like the boundary of a part.
func (s *insertion) boundary(j int) bool { return bytes.HasPrefix(s.octets[s.at[j]:], []byte("--")) }

// without reports whether the body without the lines from i to j has the signed hash.
func (s *insertion) without(i, j int) bool {
	rest := s.octets[s.at[j]:]
	if s.left -= len(rest); s.left < 0 || !s.e.budget.spend(len(rest)) {
		return false
	}
	s.e.tried++
	sum := clone(s.before[i])
	if sum == nil {
		return false
	}
	sum.Write(rest)
	return bytes.Equal(sum.Sum(nil), s.e.sig.BodyHash)
}

// clone is h as it is now; nil where it cannot be copied.
func clone(h hash.Hash) hash.Hash {
	c, ok := h.(hash.Cloner)
	if !ok {
		return nil
	}
	copied, err := c.Clone()
	if err != nil {
		return nil
	}
	return copied
}
