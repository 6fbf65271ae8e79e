package local

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
)

var (
	errNoKey  = errors.New("holds no private key that can be read")
	errLocked = errors.New("is encrypted with a passphrase")
)

// publicHalf is the SubjectPublicKeyInfo of a private key: RSA in PKCS #1, any in
// PKCS #8 (Ed25519: RFC 8410) or SEC 1, in PEM or in the base64 of its DER, and
// the 32 octets of an Ed25519 key in base64 alone, as dkimpy and rspamd keep
// them. It keeps nothing of data, which the caller clears.
func publicHalf(data []byte) ([]byte, error) {
	for rest := data; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		der, err := publicOf(block)
		clear(block.Bytes)
		if der != nil || err != nil {
			return der, err
		}
	}
	return bare(data)
}

// publicOf is the public half of what a block holds; nil if it is no private key.
func publicOf(block *pem.Block) ([]byte, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errLocked
	}
	switch block.Type {
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
		return ofDER(block.Bytes)
	}
	return nil, nil
}

func ofDER(der []byte) ([]byte, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return spki(key)
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return spki(key)
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return spki(key)
	}
	return nil, errNoKey
}

func spki(key any) ([]byte, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errNoKey
	}
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, errNoKey
	}
	return der, nil
}

// bare reads a key without PEM around it.
func bare(data []byte) ([]byte, error) {
	packed := bytes.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, data)
	defer clear(packed)
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(packed)))
	defer clear(raw)
	n, err := base64.StdEncoding.Decode(raw, packed)
	switch {
	case err != nil || n == 0:
		return nil, errNoKey
	case n == ed25519.SeedSize, n == ed25519.PrivateKeySize: // of the latter the first half is the seed (RFC 8032, 5.1.5)
		key := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
		defer clear(key)
		return spki(key)
	}
	return ofDER(raw[:n])
}
