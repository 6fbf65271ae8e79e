package clienttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// A CA issues certificates.
type CA struct {
	now  time.Time
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA makes an authority whose certificates are good around now.
func NewCA(t testing.TB, now time.Time) *CA {
	t.Helper()
	ca := &CA{now: now, key: key(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, ca.key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return ca
}

func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Roots is the pool that trusts the authority.
func (ca *CA) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Issue makes a certificate for names, good for 90 days from yesterday.
func (ca *CA) Issue(t testing.TB, names ...string) *tls.Certificate {
	t.Helper()
	return ca.issue(t, ca.now.AddDate(0, 0, -1), names)
}

// Expired makes one whose 90 days are over.
func (ca *CA) Expired(t testing.TB, names ...string) *tls.Certificate {
	t.Helper()
	return ca.issue(t, ca.now.AddDate(0, 0, -91), names)
}

func (ca *CA) issue(t testing.TB, from time.Time, names []string) *tls.Certificate {
	t.Helper()
	k := key(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: from, NotAfter: from.AddDate(0, 0, 90),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, k.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, ca.cert.Raw}, PrivateKey: k}
}
