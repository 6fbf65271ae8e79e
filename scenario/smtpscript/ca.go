package smtpscript

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// A CA is the certificate authority of a world: it issues the certificates of
// its servers, and nobody outside that world trusts it.
type CA struct {
	now   time.Time
	root  authority
	other authority // issues what nobody trusts

	mu     sync.Mutex
	issued map[string]tls.Certificate // a server shows one certificate, whoever asks
}

type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// A Certificate is what a server shall show. The zero value is a certificate
// without names that is valid and trusted.
type Certificate struct {
	Names      []string // DNS names or IP addresses; the first is the subject's common name too
	Expired    bool     // a day ago
	SelfSigned bool
	Untrusted  bool // issued by an authority that is in no pool
	// Issuer is the organization that issues it, by an intermediate of the trusted
	// root; empty for the root itself, whose organization is Let's Encrypt.
	Issuer  string
	Days    int  // until it expires, of 90 that it is good for; 0 is 61 of about 92
	SHA1    bool // signed with SHA-1
	RSABits int  // size of an RSA key; 0 is one on the curve P-256
}

// Groups is the key exchanges that servers of a world agree to where nothing else
// is asked of them: what many servers still have, and the cheapest in tests.
func Groups() []tls.CurveID { return []tls.CurveID{tls.X25519, tls.CurveP256} }

// NewCA returns a certificate authority whose certificates are valid around now.
func NewCA(now time.Time) (*CA, error) {
	ca := &CA{now: now, issued: make(map[string]tls.Certificate)}
	var err error
	if ca.root, err = newAuthority("Scenario Root CA", now, "Let's Encrypt"); err != nil {
		return nil, err
	}
	ca.other, err = newAuthority("Unknown Root CA", now)
	return ca, err
}

func newAuthority(name string, now time.Time, organization ...string) (authority, error) {
	key, err := keyOf(name)
	if err != nil {
		return authority{}, err
	}
	template := authorityTemplate(name, now, organization...)
	cert, err := sign(template, template, key, key)
	return authority{cert, key}, err
}

func authorityTemplate(name string, now time.Time, organization ...string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: organization},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

// intermediate is an authority of that organization which the root vouches for.
func (ca *CA) intermediate(organization string) (authority, error) {
	key, err := keyOf(organization)
	if err != nil {
		return authority{}, err
	}
	cert, err := sign(authorityTemplate("Scenario Issuing CA", ca.now, organization), ca.root.cert, key, ca.root.key)
	return authority{cert, key}, err
}

// keyOf is a key on the curve P-256 that follows from a name, so that a world can
// hold TLSA records of it. It is no secret, and nobody outside a world trusts it.
func keyOf(name string) (*ecdsa.PrivateKey, error) {
	seed := sha256.Sum256([]byte("maildoctor scenario " + name))
	return ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
}

func sign(template, parent *x509.Certificate, key, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("certificate for %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// Pool holds the root that the world trusts.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.root.cert)
	return pool
}

// Issue returns such a certificate and its key, the same one every time.
func (ca *CA) Issue(want Certificate) (tls.Certificate, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	which := fmt.Sprintf("%#v", want)
	if cert, ok := ca.issued[which]; ok {
		return cert, nil
	}
	cert, err := ca.issue(want)
	if err == nil {
		ca.issued[which] = cert
	}
	return cert, err
}

func (ca *CA) issue(want Certificate) (tls.Certificate, error) {
	key, err := want.key()
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(2)),
		NotBefore:    ca.now.AddDate(0, -1, 0), NotAfter: ca.now.AddDate(0, 2, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if want.Days > 0 {
		template.NotAfter = ca.now.AddDate(0, 0, want.Days)
		template.NotBefore = template.NotAfter.AddDate(0, 0, -90)
	}
	if want.Expired {
		template.NotAfter = ca.now.AddDate(0, 0, -1)
	}
	for _, name := range want.Names {
		if addr, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	if len(want.Names) > 0 && len(want.Names[0]) <= 64 { // ub-common-name (RFC 5280, appendix A.1)
		template.Subject.CommonName = want.Names[0]
	}
	if want.SHA1 {
		template.SignatureAlgorithm = x509.ECDSAWithSHA1
	}
	issuer := ca.root
	switch {
	case want.SelfSigned:
		issuer = authority{template, key}
	case want.Untrusted:
		issuer = ca.other
	case want.Issuer != "":
		if issuer, err = ca.intermediate(want.Issuer); err != nil {
			return tls.Certificate{}, err
		}
	}
	leaf, err := sign(template, issuer.cert, key, issuer.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	if want.Issuer != "" && !want.SelfSigned && !want.Untrusted {
		cert.Certificate = append(cert.Certificate, issuer.cert.Raw)
	}
	return cert, nil
}

func (want Certificate) key() (crypto.Signer, error) {
	if want.RSABits > 0 {
		return rsa.GenerateKey(rand.Reader, want.RSABits)
	}
	return keyOf(strings.Join(want.Names, " "))
}
