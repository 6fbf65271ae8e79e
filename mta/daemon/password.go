package daemon

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

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
	return subtle.ConstantTimeCompare(a.key(password, len(a.sum)), a.sum) == 1
}

func (a argon) key(password string, length int) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, uint32(length))
}

// String is the hash as a file has it.
func (a argon) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", a.memory, a.time, a.threads, encode(a.salt), encode(a.sum))
}

// hash hashes a password with a salt of its own.
func (a argon) hash(password string) argon {
	a.salt = make([]byte, 16)
	_, _ = rand.Read(a.salt) // never fails
	a.sum = a.key(password, 32)
	return a
}

// hashed hashes a password with the least of what OWASP recommends as equal: 7 MiB
// and five passes. It is in memory alone, and a small host has not much of that.
func hashed(password string) argon {
	return argon{memory: 7 << 10, time: 5, threads: 1}.hash(password)
}

// HashPassword is the hash of a password by argon2id as maildoctor.yaml and a password
// file hold it, with the first of what OWASP recommends: 19 MiB and two passes. The
// error says why nobody can log in with that password, and shows nothing of it.
func HashPassword(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty")
	case len(password) > maxSecret:
		return "", fmt.Errorf("the password has %d octets, and %d are the most", len(password), maxSecret)
	case !utf8.ValidString(password):
		return "", errors.New("the password is no text in UTF-8")
	case strings.ContainsFunc(password, unicode.IsControl):
		return "", errors.New("the password has a control character in it, which a mail program cannot send")
	}
	return argon{memory: 19 << 10, time: 2, threads: 1}.hash(password).String(), nil
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
