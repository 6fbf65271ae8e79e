package desired

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
)

// errPrivate is what a file that many people read must not hold.
var errPrivate = errors.New("is a private key; it stays with what signs, and only the public key stands here")

// ReadKey returns the key record that text holds, as it is best published: the
// record itself, that of a zone file with its strings in quotes, the base64 of a
// public key, or a public key in PEM. From a private key in PEM, of a file, the
// public one is taken.
func ReadKey(text string, isFile bool) (string, error) {
	text = strings.TrimSpace(text)
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return keyOfPEM(block, isFile)
	}
	if strings.Contains(text, `"`) {
		text = quoted(text)
	}
	if !strings.Contains(text, "p=") {
		return keyOfBase64(text)
	}
	key, problems := dkim.ParseKey(text)
	if dkim.Worst(problems) == dkim.Void || key.Public == nil {
		return "", fmt.Errorf("is not a DKIM key: %s", reasonOf(problems))
	}
	key.Version = "DKIM1" // recommended (RFC 6376, 3.6.1)
	if key.Type == "" {
		key.Type = dkim.RSA
	}
	return checked(key)
}

// reasonOf is the message of the gravest of problems.
func reasonOf(problems []dkim.Problem) string {
	for _, p := range problems {
		if p.Effect == dkim.Void {
			return p.Message
		}
	}
	return "it holds no key"
}

// quoted joins the character-strings in quotes, as of a zone file.
func quoted(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			b.WriteString(part)
		}
	}
	return b.String()
}

func keyOfBase64(text string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return "", errors.New("is neither a DKIM record nor the base64 of a public key")
	}
	if len(raw) == ed25519.PublicKeySize {
		return recordOf(ed25519.PublicKey(raw))
	}
	if public, err := x509.ParsePKIXPublicKey(raw); err == nil {
		return recordOf(public)
	}
	if public, err := x509.ParsePKCS1PublicKey(raw); err == nil {
		return recordOf(public)
	}
	if _, err := x509.ParsePKCS8PrivateKey(raw); err == nil {
		return "", errPrivate
	}
	if _, err := x509.ParsePKCS1PrivateKey(raw); err == nil {
		return "", errPrivate
	}
	return "", errors.New("is base64, but not of a public key")
}

func keyOfPEM(block *pem.Block, isFile bool) (string, error) {
	switch block.Type {
	case "PUBLIC KEY":
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return "", errors.New("is not a public key that can be read")
		}
		return recordOf(public)
	case "RSA PUBLIC KEY":
		public, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return "", errors.New("is not a public key that can be read")
		}
		return recordOf(public)
	}
	if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return "", fmt.Errorf("is PEM of a %.40q, not of a key", block.Type)
	}
	if !isFile {
		return "", errPrivate
	}
	var private any
	var err error
	if block.Type == "RSA PRIVATE KEY" {
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	signer, ok := private.(crypto.Signer)
	if err != nil || !ok {
		return "", errors.New("is not a private key that can be read; it may be encrypted")
	}
	return recordOf(signer.Public())
}

func recordOf(public crypto.PublicKey) (string, error) {
	key, err := dkim.New(public)
	if err != nil {
		return "", errors.New("is neither an RSA nor an Ed25519 key")
	}
	return checked(key)
}

// checked refuses keys that receivers ignore (RFC 8301, 3.2).
func checked(key dkim.Key) (string, error) {
	const least, most = 1024, 8192
	if pub, ok := key.Public.(*rsa.PublicKey); ok && (pub.N.BitLen() < least || pub.N.BitLen() > most) {
		return "", fmt.Errorf("is an RSA key of %d bits; receivers want 1024 or more (RFC 8301, 3.2), and 2048 is right", pub.N.BitLen())
	}
	return key.String(), nil
}

// isRevoked reports whether a record withdraws a key (RFC 6376, 3.6.1).
func isRevoked(text string) bool {
	key, _ := dkim.ParseKey(text)
	return dkim.IsKey(text) && key.Revoked()
}
