package keyfile

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Kinds of keys that can be made.
const (
	RSA     = "rsa"
	Ed25519 = "ed25519"
)

// LeastBits is the least size of an RSA key that is made (RFC 8301, 3.2: signers
// SHOULD use 2048 bits or more), MostBits the size up to which every verifier
// must take one (the same).
const (
	LeastBits = 2048
	MostBits  = 4096
)

// Generate makes a key of a kind; bits is the size of one of RSA.
func Generate(kind string, bits int) (crypto.Signer, error) {
	switch {
	case kind == Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case kind != RSA:
		return nil, fmt.Errorf("no kind of key %q", kind)
	case bits < LeastBits || bits > MostBits:
		return nil, fmt.Errorf("an RSA key of %d bits is not made: from %d to %d are right (RFC 8301, 3.2)", bits, LeastBits, MostBits)
	}
	return rsa.GenerateKey(rand.Reader, bits)
}

// Create writes a key to a new file in dir, as PKCS #8 in PEM, which every
// signer reads. Only the owner may read the file (mode 0600), and the directory
// where it had to be made (0700). A file that is there is never written over:
// the error is fs.ErrExist then. Name is that of the file alone.
func Create(dir, name string, key crypto.Signer) (path string, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", errors.New("the key cannot be written as PKCS #8")
	}
	defer clear(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(text)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir) // so that a name cannot lead out of it
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, root.Remove(name)) // half a key is none
	}
	return filepath.Join(dir, name), nil
}

// Exposed reports whether a mode lets everybody read, or somebody else replace,
// what has it. That a group may read is how signers get at keys of root. Where a
// system has no such modes, it does not know.
func Exposed(mode fs.FileMode) bool { return !modeless && mode.Perm()&0o026 != 0 }
