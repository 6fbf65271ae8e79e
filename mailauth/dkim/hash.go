package dkim

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"strings"

	"github.com/maildoctor/maildoctor/message"
)

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
