// Package keyfile reads, makes and writes the private keys with which mail is
// signed, as they lie on disk: those of this program, and those of the signers
// from which they can be taken over.
//
// It does not know DKIM records (mailauth/dkim) and asks nobody. No error of it
// quotes what a file holds, so that none can hold a part of a key.
package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const (
	// MaxSize is the octets of a file of keys that are read at most.
	MaxSize = 64 << 10
	// maxDER is the octets of one key: an RSA key of 8192 bits has 4.7 KiB. To
	// check larger ones takes long, and no receiver takes them.
	maxDER = 5 << 10
	// maxKeys bounds the keys of one file.
	maxKeys = 16
)

// What a text without a usable key is.
var (
	ErrNone      = errors.New("holds no private key")
	ErrEncrypted = errors.New("is encrypted with a passphrase")
	ErrDamaged   = errors.New("holds a private key that cannot be read: it is damaged, or neither RSA, Ed25519 nor ECDSA")
	ErrLarge     = errors.New("holds a private key that is larger than any receiver takes")
)

// Parse reads the private keys in data: RSA in PKCS #1, any in PKCS #8 (Ed25519:
// RFC 8410), ECDSA in SEC 1; in PEM with whatever stands around it, quoted with
// \n for the ends of lines or indented (as redis-cli and configurations have it), in
// the base64 of any, or the 32 octets of an Ed25519 key in base64 alone, as
// dkimpy and rspamd keep them. A key that is there twice is given once.
//
// Where there is none, the error is one of those above, or says what else data
// is. Parse keeps nothing of data, which the caller clears.
func Parse(data []byte) ([]crypto.Signer, error) {
	keys, seen, err := blocks(data)
	if len(keys) == 0 && bytes.Contains(data, []byte("-----BEGIN ")) {
		plain := unquoted(data)
		defer clear(plain)
		keys, seen, err = blocks(plain)
	}
	if seen {
		return keys, err
	}
	raw := unpacked(data)
	defer clear(raw)
	if keys, seen, err := blocks(raw); seen {
		return keys, err
	}
	key, err := bare(raw)
	if err != nil {
		return nil, err
	}
	return []crypto.Signer{key}, nil
}

// unquoted is PEM within another text with every line on its own: written \n
// becomes one, and quotation marks and indentation go, which PEM never has.
func unquoted(data []byte) []byte {
	plain := make([]byte, 0, 2*len(data)) // so that no copy of it is left behind
	for len(data) > 0 {
		switch {
		case bytes.HasPrefix(data, []byte(`\n`)), bytes.HasPrefix(data, []byte(`\r`)):
			plain, data = append(plain, '\n'), data[2:]
			continue
		case data[0] == '"' || data[0] == '\'':
			plain = append(plain, '\n')
		case (data[0] == ' ' || data[0] == '\t') && (len(plain) == 0 || plain[len(plain)-1] == '\n'):
		default:
			plain = append(plain, data[0])
		}
		data = data[1:]
	}
	return plain
}

// blocks reads the keys in PEM; seen is false where there is no PEM at all.
func blocks(data []byte) (keys []crypto.Signer, seen bool, err error) {
	err = ErrNone
	for rest := data; len(keys) < maxKeys; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		seen = true
		key, fault := ofBlock(block)
		clear(block.Bytes)
		switch {
		case key != nil && !contains(keys, key):
			keys = append(keys, key)
		case fault != nil && (err == ErrNone || !isOther(fault)):
			err = fault
		}
	}
	if len(keys) > 0 {
		err = nil
	}
	return keys, seen, err
}

func contains(keys []crypto.Signer, key crypto.Signer) bool {
	for _, k := range keys {
		if same, ok := k.Public().(interface{ Equal(crypto.PublicKey) bool }); ok && same.Equal(key.Public()) {
			return true
		}
	}
	return false
}

// An other is PEM that is no private key that signs mail.
type other string

func (o other) Error() string { return "holds " + string(o) + ", not a private key that signs mail" }

func isOther(err error) bool {
	var o other
	return errors.As(err, &o)
}

// others is what else people have in PEM. What is not here is not quoted.
var others = map[string]other{
	"PUBLIC KEY": "a public key", "RSA PUBLIC KEY": "a public key", "CERTIFICATE": "a certificate",
	"CERTIFICATE REQUEST": "a request for a certificate", "OPENSSH PRIVATE KEY": "a key of SSH",
	"DSA PRIVATE KEY": "a DSA key", "PGP PRIVATE KEY BLOCK": "a key of PGP", "PGP PUBLIC KEY BLOCK": "a key of PGP",
	"DH PARAMETERS": "Diffie-Hellman parameters", "EC PARAMETERS": "parameters of a curve",
}

// ofBlock is the key of one block.
func ofBlock(block *pem.Block) (crypto.Signer, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, ErrEncrypted
	}
	switch block.Type {
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
		return ofDER(block.Bytes)
	}
	if o, known := others[block.Type]; known {
		return nil, o
	}
	return nil, other("PEM of another kind")
}

func ofDER(der []byte) (crypto.Signer, error) {
	if len(der) > maxDER {
		return nil, ErrLarge
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, other("a key for key agreement (X25519 or the like)")
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, ErrDamaged
}

// unpacked is what base64 in lines stands for; nil where data is not that.
func unpacked(data []byte) []byte {
	packed := bytes.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, data)
	defer clear(packed)
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(packed)))
	n, err := base64.StdEncoding.Decode(raw, packed)
	if err != nil {
		clear(raw)
		return nil
	}
	return raw[:n]
}

// bare reads a key without PEM around it.
func bare(raw []byte) (crypto.Signer, error) {
	switch len(raw) {
	case 0:
		return nil, ErrNone
	case ed25519.SeedSize, ed25519.PrivateKeySize: // of the latter the first half is the seed (RFC 8032, 5.1.5)
		return ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize]), nil
	}
	if _, err := x509.ParsePKIXPublicKey(raw); err == nil {
		return nil, others["PUBLIC KEY"]
	}
	key, err := ofDER(raw)
	if errors.Is(err, ErrDamaged) {
		return nil, ErrNone // base64 may be anything
	}
	return key, err
}

// Describe is the kind of a key and its size: "RSA 2048", "Ed25519".
func Describe(public crypto.PublicKey) string {
	switch pub := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", pub.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	case *ecdsa.PublicKey:
		return "ECDSA " + pub.Params().Name
	}
	return "of an unknown kind"
}
