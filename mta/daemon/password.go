package daemon

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/maildoctor/maildoctor/desired"
)

// A verifier knows a password without holding it.
type verifier interface{ verify(password string) bool }

// An argon is a password hashed by argon2id (RFC 9106).
type argon struct {
	memory, time uint32 // KiB, passes
	threads      uint8
	salt, sum    []byte
}

func (a argon) verify(password string) bool {
	sum := argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, uint32(len(a.sum)))
	return subtle.ConstantTimeCompare(sum, a.sum) == 1
}

// hashed hashes a password with the least of what OWASP recommends as equal: 7 MiB
// and five passes. It is in memory alone, and a small host has not much of that.
func hashed(password string) argon {
	a := argon{memory: 7 << 10, time: 5, threads: 1, salt: make([]byte, 16)}
	_, _ = rand.Read(a.salt) // never fails
	a.sum = argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, 32)
	return a
}

// A crypt is a password hashed by bcrypt.
type crypt []byte

func (c crypt) verify(password string) bool {
	return bcrypt.CompareHashAndPassword(c, []byte(password)) == nil
}

// readHash reads a hash that desired.CheckHash finds nothing wrong with.
func readHash(hash string) (verifier, error) {
	rest, isArgon := strings.CutPrefix(hash, "$argon2id$v=19$")
	if !isArgon {
		return crypt(hash), nil
	}
	var a argon
	var err error
	parts := strings.Split(rest, "$") // m=…,t=…,p=… $ salt $ sum
	if len(parts) == 3 {
		if _, err = fmt.Sscanf(parts[0], "m=%d,t=%d,p=%d", &a.memory, &a.time, &a.threads); err == nil {
			a.salt, err = base64.RawStdEncoding.DecodeString(parts[1])
		}
		if err == nil {
			a.sum, err = base64.RawStdEncoding.DecodeString(parts[2])
		}
	}
	if len(parts) != 3 || err != nil {
		return nil, errNoHash // without the error, which may quote it
	}
	return a, nil
}

// isHash reports whether the text of a password file is a hash, and no password.
func isHash(text string) bool {
	return desired.CheckHash(text) == ""
}
