package spool

import (
	"crypto/rand"
	"strings"
	"time"
)

// Names of the files of an entry, and of what lies beside the entries.
const (
	messageExt  = ".eml"
	envelopeExt = ".env.json"
	newExt      = ".new" // behind one of the above: not yet under its name
	noteExt     = ".note.txt"
	lockName    = "lock"
	badDir      = "bad"
)

// digits are those of an ID: their order is that of ASCII, and none is taken for
// another one.
const digits = "0123456789abcdefghjkmnpqrstvwxyz"

const idLength = 16 // 10 of the time in milliseconds, 6 of chance

// NewID is an ID that sorts behind those of earlier milliseconds.
func NewID(now time.Time) string {
	var id [idLength]byte
	_, _ = rand.Read(id[10:]) // never fails
	for i := range id[10:] {
		id[10+i] = digits[id[10+i]&31]
	}
	ms := max(now.UnixMilli(), 0)
	for i := 9; i >= 0; i-- {
		id[i] = digits[ms&31]
		ms >>= 5
	}
	return string(id[:])
}

// isID reports whether s can be an ID: it is a safe name of a file.
func isID(s string) bool {
	if len(s) != idLength {
		return false
	}
	for i := range s {
		if strings.IndexByte(digits, s[i]) < 0 {
			return false
		}
	}
	return true
}
