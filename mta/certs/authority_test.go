package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An authority has a root and one certificate below it, with which it issues.
type authority struct {
	t             testing.TB
	root, between *x509.Certificate
	key           *ecdsa.PrivateKey
	serial        int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t}
	rootKey := ec(t, elliptic.P256())
	a.root = a.certificate(&x509.Certificate{Subject: pkix.Name{CommonName: "Test Root"}, IsCA: true}, nil, rootKey, rootKey)
	a.key = ec(t, elliptic.P256())
	a.between = a.certificate(&x509.Certificate{Subject: pkix.Name{CommonName: "Test Issuer"}, IsCA: true}, a.root, a.key, rootKey)
	return a
}

func (a *authority) certificate(c, parent *x509.Certificate, key interface{ Public() crypto.PublicKey }, signer crypto.Signer) *x509.Certificate {
	a.t.Helper()
	a.serial++
	c.SerialNumber, c.BasicConstraintsValid = big.NewInt(a.serial), true
	if c.NotBefore.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(0, 0, 90)
	}
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made
}

// requested is a key of which only the public part is known.
type requested struct{ key crypto.PublicKey }

func (r requested) Public() crypto.PublicKey { return r.key }

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

func (a *authority) issue(key crypto.Signer, names ...string) *x509.Certificate {
	return a.issueFor(key, time.Now().Add(-time.Hour), time.Now().AddDate(0, 0, 90), names...)
}

func (a *authority) issueFor(key crypto.Signer, from, to time.Time, names ...string) *x509.Certificate {
	a.t.Helper()
	return a.certificate(&x509.Certificate{DNSNames: names, NotBefore: from, NotAfter: to, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, a.between, key, a.key)
}

func ec(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func chainPEM(chain ...*x509.Certificate) string {
	var text string
	for _, c := range chain {
		text += inPEM("CERTIFICATE", c.Raw)
	}
	return text
}

func keyPEM(t testing.TB, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return inPEM("PRIVATE KEY", der)
}

// put writes a file as those do who know how: under another name first.
func put(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path+".tmp", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// pair writes a certificate and its key into dir.
func (a *authority) pair(dir, name string, key crypto.Signer, chain ...*x509.Certificate) Pair {
	a.t.Helper()
	return Pair{Cert: put(a.t, filepath.Join(dir, name+".pem"), chainPEM(chain...)), Key: put(a.t, filepath.Join(dir, name+".key"), keyPEM(a.t, key))}
}

// shown is the certificate that a server shows to a client.
func shown(t testing.TB, server *tls.Config, client *tls.Config) *x509.Certificate {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	go tls.Server(theirs, server).Handshake()
	client.InsecureSkipVerify = true
	conn := tls.Client(ours, client)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	return conn.ConnectionState().PeerCertificates[0]
}
