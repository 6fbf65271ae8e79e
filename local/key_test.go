package local

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
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

func TestPublicHalf(t *testing.T) {
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edKey := ed25519.NewKeyFromSeed(must(base64.StdEncoding.DecodeString(seed)))
	pkcs8 := func(key any) []byte { return must(x509.MarshalPKCS8PrivateKey(key)) }
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaKey)
	for _, tt := range []struct {
		name, data string
		want       crypto.Signer // nil: none
		err        error
	}{
		{"PKCS #1", block("RSA PRIVATE KEY", pkcs1), rsaKey, nil},
		{"PKCS #8", block("PRIVATE KEY", pkcs8(rsaKey)), rsaKey, nil},
		{"PKCS #8 Ed25519", block("PRIVATE KEY", pkcs8(edKey)), edKey, nil},
		{"SEC 1", block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey))), ecKey, nil},
		{"text around it", "selector x\n" + block("PRIVATE KEY", pkcs8(edKey)) + "\nend", edKey, nil},
		{"behind a certificate", block("CERTIFICATE", []byte{1}) + block("RSA PRIVATE KEY", pkcs1), rsaKey, nil},
		{"Ed25519 in base64", seed + "\n", edKey, nil},
		{"with its public half behind", base64.StdEncoding.EncodeToString(edKey), edKey, nil},
		{"DER in base64", base64.StdEncoding.EncodeToString(pkcs1), rsaKey, nil},
		{"with a passphrase", block("ENCRYPTED PRIVATE KEY", []byte{1, 2}), nil, errLocked},
		{"with a passphrase, of old", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", nil, errLocked},
		{"a public key", block("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(rsaKey.Public()))), nil, errNoKey},
		{"broken", block("PRIVATE KEY", []byte("no DER")), nil, errNoKey},
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
