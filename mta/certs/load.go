package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/keyfile"
)

const (
	maxFile  = 256 << 10 // octets of a file of certificates
	maxChain = 16        // certificates of a file
	minRSA   = 2048      // bits (CA/Browser Forum BR, 6.1.5)
)

// A Pair is the files of a certificate.
type Pair struct {
	Cert string // PEM: the certificate and those that lead to a root
	Key  string // PEM; empty: it is in Cert
	// Next is a file with the key, the public key or the certificate that comes after
	// this one, so that its TLSA record can be known before; empty: not decided.
	Next string
}

func (p Pair) key() string {
	if p.Key == "" {
		return p.Cert
	}
	return p.Key
}

// A loaded is a pair as it was read.
type loaded struct {
	cert     *tls.Certificate
	next     []byte
	problems []string
}

// load reads a pair, and checks it.
func load(p Pair, roots *x509.CertPool, now time.Time) (*loaded, error) {
	data, _, err := read(p.Cert)
	if err != nil {
		return nil, err
	}
	chain, err := parseChain(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Cert, err)
	}
	keys, problems, err := readKeys(p.key())
	if err != nil {
		return nil, err
	}
	key, chain, order := fit(keys, chain)
	if key == nil {
		return nil, fmt.Errorf("the key in %s is not that of the certificate in %s", p.key(), p.Cert)
	}
	leaf := chain[0]
	if err := strong(leaf); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Cert, err)
	}
	l := &loaded{cert: &tls.Certificate{PrivateKey: key, Leaf: leaf}, problems: append(problems, order...)}
	for _, c := range chain {
		l.cert.Certificate = append(l.cert.Certificate, c.Raw)
	}
	l.problems = append(l.problems, doubts(chain, roots, now)...)
	if p.Next != "" {
		if l.next, err = next(p.Next); err != nil {
			l.problems = append(l.problems, "of the next key nothing can be told: "+err.Error())
		}
	}
	return l, nil
}

// read reads a file, which may be a symbolic link, as certbot has them.
func read(path string) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would have us wait
		return nil, nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d octets", path, maxFile)
	}
	return data, info, err
}

// parseChain reads the certificates of a file.
func parseChain(data []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for rest := data; len(chain) < maxChain; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %w", len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errors.New("holds no certificate in PEM")
	}
	return chain, nil
}

// readKeys reads the private keys of a file.
func readKeys(path string) (keys []crypto.Signer, problems []string, err error) {
	data, info, err := read(path)
	if err != nil {
		return nil, nil, err
	}
	defer clear(data)
	keys, err = keyfile.Parse(data)
	switch {
	case errors.Is(err, keyfile.ErrEncrypted):
		return nil, nil, fmt.Errorf("%s is encrypted with a passphrase, which nobody is there to type: openssl pkey -in %s takes it off", path, path)
	case errors.Is(err, keyfile.ErrDamaged), errors.Is(err, keyfile.ErrLarge):
		return nil, nil, fmt.Errorf("%s %w", path, err)
	case err != nil:
		return nil, nil, fmt.Errorf("%s holds no private key", path)
	}
	if keyfile.Exposed(info.Mode()) {
		problems = append(problems, fmt.Sprintf("others may get at the private key in %s (mode %04o): chmod 600 it, and have a new one made if somebody may have", path, info.Mode().Perm()))
	}
	return keys, problems, nil
}

// fit finds the certificate of one of the keys, and puts those that lead on from it
// behind it, each issued by the next (RFC 8446, 4.4.2).
func fit(keys []crypto.Signer, found []*x509.Certificate) (key crypto.Signer, chain []*x509.Certificate, problems []string) {
	for _, k := range keys {
		at := slices.IndexFunc(found, func(c *x509.Certificate) bool { return same(k.Public(), c.PublicKey) })
		if at < 0 {
			continue
		}
		chain = follow(found[at], found)
		if !slices.EqualFunc(chain, found[:min(len(chain), len(found))], (*x509.Certificate).Equal) {
			problems = append(problems, "the certificates in the file are not in their order, the server's first and each issued by the next; they are sent as they should be")
		}
		if more := len(found) - len(chain); more > 0 {
			problems = append(problems, fmt.Sprintf("%d of the certificates in the file do not belong to the chain, and are not sent", more))
		}
		return k, chain, problems
	}
	return nil, nil, nil
}

func same(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// follow goes from a certificate to its issuer, as far as there are any.
func follow(leaf *x509.Certificate, found []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for len(chain) < maxChain {
		last := chain[len(chain)-1]
		i := slices.IndexFunc(found, func(c *x509.Certificate) bool {
			return bytes.Equal(last.RawIssuer, c.RawSubject) && last.CheckSignatureFrom(c) == nil
		})
		if i < 0 || slices.ContainsFunc(chain, found[i].Equal) {
			break
		}
		chain = append(chain, found[i])
	}
	return chain
}

// strong refuses keys that are no protection.
func strong(leaf *x509.Certificate) error {
	switch k := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSA {
			return fmt.Errorf("the key is RSA with %d bits, which is too weak: have a certificate issued for one with %d, or for ECDSA P-256", n, minRSA)
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P224() {
			return errors.New("the key is ECDSA P-224, which no TLS client takes: have a certificate issued for P-256")
		}
	case ed25519.PublicKey:
	default:
		return errors.New("the key is of a kind that TLS does not know")
	}
	return nil
}

// doubts is what is wrong with a chain that can be served.
func doubts(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) (problems []string) {
	leaf := chain[0]
	if _, ed := leaf.PublicKey.(ed25519.PublicKey); ed {
		problems = append(problems, "the key is Ed25519, which many senders do not take: have one for ECDSA P-256 beside it")
	}
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		problems = append(problems, "it names no host in subjectAltName, and nobody looks at the name of the subject (RFC 9525, 2)")
	}
	for _, c := range chain {
		if c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1 {
			problems = append(problems, "it, or one behind it, is signed with SHA-1, which nobody trusts any more")
			break
		}
	}
	if fault := distrust(chain, roots, now); fault != "" {
		problems = append(problems, fault)
	}
	return problems
}

// distrust is why others will not trust a chain.
func distrust(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) string {
	leaf, last := chain[0], chain[len(chain)-1]
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if lapsed(leaf, now) != "" {
		return "" // which says enough
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &unknown):
		return "others will not trust it: " + err.Error()
	case bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		return "it is self-signed: senders that hold mail to MTA-STS, and mail programs, do not trust it"
	case bytes.Equal(last.RawIssuer, last.RawSubject):
		return fmt.Sprintf("its root, %q, is not one that this machine trusts", last.Subject)
	}
	return fmt.Sprintf("the file lacks the certificate of %q, which issued the last one in it: name the file with the full chain", last.Issuer)
}

// next is the digest of the key in a file of any kind.
func next(path string) ([]byte, error) {
	data, _, err := read(path)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	if keys, err := keyfile.Parse(data); err == nil {
		spki, err := x509.MarshalPKIXPublicKey(keys[0].Public())
		return digest(spki), err
	}
	if chain, err := parseChain(data); err == nil {
		return digest(chain[0].RawSubjectPublicKeyInfo), nil
	}
	if block, _ := pem.Decode(data); block != nil && block.Type == "PUBLIC KEY" {
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			return digest(block.Bytes), nil
		}
	}
	return nil, fmt.Errorf("%s holds neither a key nor a certificate", path)
}
