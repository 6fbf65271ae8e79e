package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
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

func TestParse(t *testing.T) {
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edKey := ed25519.NewKeyFromSeed(must(base64.StdEncoding.DecodeString(seed)))
	agreement := must(ecdh.X25519().GenerateKey(rand.Reader))
	pkcs8 := func(key any) []byte { return must(x509.MarshalPKCS8PrivateKey(key)) }
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaKey)
	inPEM := block("PRIVATE KEY", pkcs8(edKey))
	spki := must(x509.MarshalPKIXPublicKey(rsaKey.Public()))
	pack := base64.StdEncoding.EncodeToString
	for _, tt := range []struct {
		name, data string
		want       []crypto.Signer
		err        string // "" where there is a key
	}{
		{"PKCS #1", block("RSA PRIVATE KEY", pkcs1), []crypto.Signer{rsaKey}, ""},
		{"PKCS #8", block("PRIVATE KEY", pkcs8(rsaKey)), []crypto.Signer{rsaKey}, ""},
		{"PKCS #8 Ed25519", inPEM, []crypto.Signer{edKey}, ""},
		{"SEC 1", block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey))), []crypto.Signer{ecKey}, ""},
		{"text around it", "selector x\n" + inPEM + "\nend", []crypto.Signer{edKey}, ""},
		{"behind a certificate", block("CERTIFICATE", []byte{1}) + block("RSA PRIVATE KEY", pkcs1), []crypto.Signer{rsaKey}, ""},
		{"several, one twice", inPEM + block("RSA PRIVATE KEY", pkcs1) + block("PRIVATE KEY", pkcs8(rsaKey)), []crypto.Signer{edKey, rsaKey}, ""},
		{"beside a damaged one", block("PRIVATE KEY", []byte("no DER")) + inPEM, []crypto.Signer{edKey}, ""},
		{"as redis-cli quotes it", `"` + strings.ReplaceAll(inPEM, "\n", `\n`) + `"`, []crypto.Signer{edKey}, ""},
		{"in JSON with CRLF", `{"private-key": "` + strings.ReplaceAll(inPEM, "\n", `\r\n`) + `"}`, []crypto.Signer{edKey}, ""},
		{"in TOML", "private-key = '''" + inPEM + "'''\nselector = 'a'\n", []crypto.Signer{edKey}, ""},
		{"in YAML", "key: |\n  " + strings.ReplaceAll(inPEM, "\n", "\n  "), []crypto.Signer{edKey}, ""},
		{"PEM in base64", pack([]byte(inPEM)), []crypto.Signer{edKey}, ""},
		{"Ed25519 in base64", seed + "\n", []crypto.Signer{edKey}, ""},
		{"with its public half behind", pack(edKey), []crypto.Signer{edKey}, ""},
		{"DER in base64", pack(pkcs1), []crypto.Signer{rsaKey}, ""},
		{"with a passphrase", block("ENCRYPTED PRIVATE KEY", []byte{1, 2}), nil, ErrEncrypted.Error()},
		{"with a passphrase, of old", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", nil, ErrEncrypted.Error()},
		{"a public key", block("PUBLIC KEY", spki), nil, "holds a public key, not a private key that signs mail"},
		{"a public key in base64", pack(spki), nil, "holds a public key, not a private key that signs mail"},
		{"a certificate", block("CERTIFICATE", []byte{1}), nil, "holds a certificate, not a private key that signs mail"},
		{"of SSH", block("OPENSSH PRIVATE KEY", []byte{1}), nil, "holds a key of SSH, not a private key that signs mail"},
		{"unheard of", block("SOMETHING", []byte{1}), nil, "holds PEM of another kind, not a private key that signs mail"},
		{"for key agreement", block("PRIVATE KEY", pkcs8(agreement)), nil, "holds a key for key agreement (X25519 or the like), not a private key that signs mail"},
		{"a certificate and a damaged key", block("CERTIFICATE", []byte{1}) + block("PRIVATE KEY", []byte("no DER")), nil, ErrDamaged.Error()},
		{"damaged", block("PRIVATE KEY", []byte("no DER")), nil, ErrDamaged.Error()},
		{"huge", block("RSA PRIVATE KEY", make([]byte, 6<<10)), nil, ErrLarge.Error()},
		{"a record", "v=DKIM1; k=rsa; p=", nil, ErrNone.Error()},
		{"what mailcow shows in place of a key", pack([]byte("Please set $SHOW_DKIM_PRIV_KEYS to true to show DKIM private keys.")), nil, ErrNone.Error()},
		{"nothing", "", nil, ErrNone.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.data))
			if tt.err != "" {
				if err == nil || err.Error() != tt.err || len(got) > 0 {
					t.Fatalf("%d keys, error %v; want %q", len(got), err, tt.err)
				}
				return
			}
			if err != nil || len(got) != len(tt.want) {
				t.Fatalf("%d keys, error %v; want %d keys", len(got), err, len(tt.want))
			}
			for i, key := range got {
				if !bytes.Equal(must(x509.MarshalPKIXPublicKey(key.Public())), must(x509.MarshalPKIXPublicKey(tt.want[i].Public()))) {
					t.Errorf("key %d is another: %s", i, Describe(key.Public()))
				}
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	for want, public := range map[string]crypto.PublicKey{
		"RSA 2048":           must(Generate(RSA, 2048)).Public(),
		"Ed25519":            must(Generate(Ed25519, 0)).Public(),
		"ECDSA P-384":        must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)).Public(),
		"of an unknown kind": "text",
	} {
		if got := Describe(public); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(seed))
	f.Add([]byte(block("PRIVATE KEY", []byte("no DER"))))
	f.Add([]byte(`"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"`))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		keys, err := Parse(data)
		if (len(keys) == 0) == (err == nil) || len(keys) > maxKeys {
			t.Errorf("%d keys and %v", len(keys), err)
		}
		for _, key := range keys {
			again, err := Parse([]byte(block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))))
			if err != nil || !contains(again, key) {
				t.Errorf("a key that it reads does not survive PKCS #8: %v", err)
			}
		}
		if !bytes.Equal(data, before) {
			t.Error("it changes what it reads")
		}
	})
}

// Errors are for all to see, so they hold nothing of a file.
func TestErrorsHoldNothing(t *testing.T) {
	const secret = "c2VjcmV0IHNlY3JldA"
	for _, text := range []string{
		secret, block(secret, []byte(secret)), block("PRIVATE KEY", []byte(secret)),
		"-----BEGIN RSA PRIVATE KEY-----\n" + secret + ": x\n\n" + secret + "\n-----END RSA PRIVATE KEY-----",
	} {
		if _, err := Parse([]byte(text)); err == nil || strings.Contains(err.Error(), secret) || errors.Unwrap(err) != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
