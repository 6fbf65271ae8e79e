package local

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"
)

// seed is the key of RFC 8463, appendix A.2.
const seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestPublicHalf: it is that of the first key that keyfile reads, or one of two errors.
func TestPublicHalf(t *testing.T) {
	key := ed25519.NewKeyFromSeed(must(base64.StdEncoding.DecodeString(seed)))
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	pkcs8 := func(key any) string { return block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }
	for _, tt := range []struct {
		name, data string
		want       crypto.Signer // nil: none
		err        error
	}{
		{"one", pkcs8(other), other, nil},
		{"the first of two", pkcs8(key) + pkcs8(other), key, nil},
		{"in base64", seed + "\n", key, nil},
		{"with a passphrase", block("ENCRYPTED PRIVATE KEY", []byte{1, 2}), nil, errLocked},
		{"a public key", block("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key.Public()))), nil, errNoKey},
		{"a text", "v=DKIM1; k=rsa; p=", nil, errNoKey},
		{"nothing", "", nil, errNoKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := publicHalf([]byte(tt.data))
			if err != tt.err {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if tt.want != nil && !bytes.Equal(got, must(x509.MarshalPKIXPublicKey(tt.want.Public()))) {
				t.Errorf("another key: %x", got)
			}
		})
	}
}

func FuzzPublicHalf(f *testing.F) {
	f.Add([]byte(seed))
	f.Add([]byte(block("PRIVATE KEY", []byte("no DER"))))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		der, err := publicHalf(data)
		if (der == nil) == (err == nil) {
			t.Errorf("%x and %v", der, err)
		}
		if der != nil {
			if _, err := x509.ParsePKIXPublicKey(der); err != nil {
				t.Errorf("what it gives is no public key: %v", err)
			}
		}
		if !bytes.Equal(data, before) {
			t.Error("it changes what it reads")
		}
	})
}
