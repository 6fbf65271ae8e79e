package rfc2136

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// A Key is a secret that a server shares, with which messages are signed
// (TSIG, RFC 8945). It is never printed: what formats a Key sees its name.
type Key struct {
	// Name is the name of the key, canonical: both sides must call it the same.
	Name string
	// Algorithm is that of the HMAC: "hmac-sha256".
	Algorithm string

	// hmac holds the secret. A function, because package fmt prints what is in a field
	// of a field, if it is not exported, without asking it how.
	hmac     func() hash.Hash
	warnings []string
}

// algorithms are those of RFC 8945, 6, without HMAC-MD5, which must not be used.
var algorithms = map[string]func() hash.Hash{
	"hmac-sha1":   sha1.New,
	"hmac-sha224": sha256.New224,
	"hmac-sha256": sha256.New,
	"hmac-sha384": sha512.New384,
	"hmac-sha512": sha512.New,
}

// maxKeyFile is the octets of a key file at most.
const maxKeyFile = 64 << 10

// ParseKey reads a key: "hmac-sha256:name:base64", as nsupdate and kdig take it
// on the command line, the statement key of BIND ("key name { algorithm ...;
// secret ...; };"), which tsig-keygen writes, or the section key of Knot DNS,
// which keymgr writes. Errors never hold the secret, nor anything that may be it.
func ParseKey(text string) (*Key, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("it is longer than %d KiB", maxKeyFile>>10)
	}
	found, err := keysIn(text)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, errors.New(`it holds no key; one looks like hmac-sha256:name:base64, or key "name" { algorithm hmac-sha256; secret "base64"; };`)
	case len(found) > 1:
		return nil, fmt.Errorf("it holds %d keys, and which of them is meant is not said; leave one", len(found))
	}
	return found[0].key()
}

// ReadKey reads a key from a file.
func ReadKey(name string) (*Key, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	k, err := ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("the TSIG key of %s cannot be read: %w", name, err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		k.warnings = append(k.warnings, fmt.Sprintf("%s may be read by everybody on this machine (its mode is %04o): chmod 600 it, and make a new key if others have accounts here", name, mode))
	}
	return k, nil
}

// A statement is what a text says of a key.
type statement struct{ name, algorithm, secret string }

// key is the key that is meant.
func (s statement) key() (*Key, error) {
	k := &Key{Name: record.Canonical(s.name)}
	if _, ok := dns.IsDomainName(s.name); !ok || k.Name == "." {
		return nil, errors.New("the name of the key is no domain name")
	}
	k.Algorithm = strings.TrimSuffix(strings.ToLower(s.algorithm), ".")
	switch k.Algorithm {
	case "hmac-md5", "hmac-md5.sig-alg.reg.int":
		return nil, errors.New("HMAC-MD5 must not be used any more (RFC 8945, 6): make a new key with tsig-keygen -a hmac-sha256")
	case "hmac-sha1":
		k.warnings = append(k.warnings, "the key "+record.Display(k.Name)+" is for HMAC-SHA-1, which is not recommended any more (RFC 8945, 6): make a new one with tsig-keygen -a hmac-sha256")
	}
	algorithm := algorithms[k.Algorithm]
	if algorithm == nil {
		return nil, errors.New("the algorithm of the key is none of hmac-sha256, hmac-sha224, hmac-sha384, hmac-sha512, hmac-sha1")
	}
	secret, err := base64.StdEncoding.DecodeString(s.secret)
	switch {
	case err != nil:
		return nil, errors.New("the secret of the key is not base64") // the library's error would tell where, and so something of it
	case len(secret) == 0:
		return nil, errors.New("the secret of the key is empty")
	case len(secret) < 16:
		k.warnings = append(k.warnings, fmt.Sprintf("the secret of the key %s has %d bits only: make a new one with tsig-keygen", record.Display(k.Name), 8*len(secret)))
	}
	k.hmac = func() hash.Hash { return hmac.New(algorithm, secret) }
	return k, nil
}

// usable reports whether the key is one that was read.
func (k *Key) usable() bool { return k.hmac != nil }

// Warning is what should be changed about the key; empty if nothing.
func (k *Key) Warning() string {
	if k == nil {
		return ""
	}
	return strings.Join(k.warnings, "; ")
}

// String is the key without its secret.
func (k Key) String() string { return k.Algorithm + ":" + record.Display(k.Name) + ":(secret)" }

// GoString is the key without its secret.
func (k Key) GoString() string { return fmt.Sprintf("rfc2136.Key(%q)", k.String()) }

// Format writes the key without its secret, whatever the verb.
func (k Key) Format(f fmt.State, verb rune) {
	switch {
	case verb == 'v' && f.Flag('#'):
		io.WriteString(f, k.GoString())
	case verb == 'q':
		fmt.Fprintf(f, "%q", k.String())
	default:
		io.WriteString(f, k.String())
	}
}

// MarshalText is the key without its secret.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// mac is the HMAC of parts, one after the other.
func (k *Key) mac(parts ...[]byte) []byte {
	h := k.hmac()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
