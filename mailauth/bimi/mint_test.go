package bimi

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// mint writes the evidence documents of the scenarios anew: they hold what no
// key is kept for. go test ./mailauth/bimi -run TestMint -mint DIR
var mint = flag.String("mint", "", "write evidence documents to this directory")

// logoText is the logo of the scenarios.
const logoText = `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64">
<title>Example</title>
<rect width="64" height="64" fill="#0b6e4f"/>
<circle cx="32" cy="32" r="18" fill="#fff"/>
</svg>
`

// A wish is what a minted certificate shall be.
type wish struct {
	logo        []byte // nil: no logotype extension
	names       []string
	mark        string // nothing: no mark type
	until       time.Time
	noPurpose   bool
	broken      bool // an intermediate of the right name that did not sign
	leafOnly    bool
	withoutRoot bool
	rootFirst   bool
	unlogged    bool
	selfSigned  bool
	hash        []byte // in place of the right one
}

var (
	mintedFrom  = time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)
	mintedUntil = time.Date(2027, time.June, 30, 0, 0, 0, 0, time.UTC)
)

func good() wish {
	return wish{logo: squeezed([]byte(logoText)), names: []string{"example.org"}, mark: "Registered Mark", until: mintedUntil}
}

func with(change func(*wish)) wish {
	w := good()
	change(&w)
	return w
}

func squeezed(text []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(text)
	z.Close()
	return b.Bytes()
}

// tlv is one element of DER.
func tlv(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := []byte{tag}
	switch n := len(body); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}

// logotypeOf is the extension of RFC 9399, 4.1, with one embedded logo of the subject.
func logotypeOf(media string, hash []byte, uri string) []byte {
	oid, _ := asn1.Marshal(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1})
	details := tlv(0x30,
		tlv(0x16, []byte(media)),
		tlv(0x30, tlv(0x30, tlv(0x30, oid), tlv(0x04, hash))),
		tlv(0x30, tlv(0x16, []byte(uri))))
	return tlv(0x30, tlv(0xa2, tlv(0xa0, tlv(0x30, tlv(0x30, details)))))
}

func mintEvidence(t testing.TB, w wish) []byte {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	issue := func(template, parent *x509.Certificate, public, signer *ecdsa.PrivateKey) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &public.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	authority := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{Organization: []string{"Example Marks"}, CommonName: name},
			NotBefore: mintedFrom, NotAfter: mintedFrom.AddDate(15, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
	}
	rootKey, middleKey, leafKey := key(), key(), key()
	root := issue(authority(1, "Example Mark Root"), authority(1, "Example Mark Root"), rootKey, rootKey)
	middle := issue(authority(2, "Example Mark Issuer"), root, middleKey, rootKey)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(3), NotBefore: mintedFrom, NotAfter: w.until, DNSNames: w.names, KeyUsage: x509.KeyUsageDigitalSignature,
		Subject: pkix.Name{Organization: []string{"Example"}}, BasicConstraintsValid: true,
	}
	if w.mark != "" {
		template.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: markType, Value: w.mark}}
	}
	if !w.noPurpose {
		template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{keyPurpose}
	}
	if w.logo != nil {
		hash := sha256.Sum256(w.logo)
		if w.hash == nil {
			w.hash = hash[:]
		}
		uri := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(w.logo)
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: logotype, Value: logotypeOf("image/svg+xml", w.hash, uri)})
	}
	if !w.unlogged {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: timestampList, Value: []byte{4, 2, 0, 0}})
	}
	signer, parent := middleKey, middle
	if w.selfSigned {
		signer, parent = leafKey, template
	}
	leaf := issue(template, parent, leafKey, signer)
	if w.broken {
		middle = issue(authority(2, "Example Mark Issuer"), root, key(), rootKey)
	}
	list := []*x509.Certificate{leaf, middle, root}
	switch {
	case w.leafOnly || w.selfSigned:
		list = list[:1]
	case w.withoutRoot:
		list = list[:2]
	case w.rootFirst:
		list = []*x509.Certificate{root, middle, leaf}
	}
	var b bytes.Buffer
	for _, c := range list {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.Bytes()
}

// minted is the evidence documents of the scenarios.
var minted = map[string]wish{
	"good":     good(),
	"common":   with(func(w *wish) { w.mark, w.withoutRoot = "Prior Use Mark", true }),
	"expired":  with(func(w *wish) { w.until = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) }),
	"expiring": with(func(w *wish) { w.until = time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC) }),
	"other":    with(func(w *wish) { w.names = []string{"example.net", "default._bimi.example.com"} }),
	"old-logo": with(func(w *wish) {
		w.logo = squeezed(bytes.ReplaceAll([]byte(logoText), []byte("0b6e4f"), []byte("aa0000")))
	}),
	"no-logo":   with(func(w *wish) { w.logo = nil }),
	"web":       with(func(w *wish) { w.noPurpose, w.logo, w.mark = true, nil, "" }),
	"broken":    with(func(w *wish) { w.broken = true }),
	"leaf-only": with(func(w *wish) { w.leafOnly = true }),
}

func TestMint(t *testing.T) {
	for name, w := range minted {
		document := mintEvidence(t, w)
		if e, err := ParseEvidence(document); err != nil || e.Purposed() == w.noPurpose {
			t.Errorf("%s: %v, purposed %t", name, err, e.Purposed())
		}
		if *mint == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(*mint, name+".pem"), document, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
