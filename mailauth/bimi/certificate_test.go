package bimi

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
	"time"
)

func TestParseEvidence(t *testing.T) {
	e, err := ParseEvidence(append([]byte("Subject: for people\n"), mintEvidence(t, good())...))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Chain) != 2 || !e.Complete() || !e.Ordered || e.Loose != 0 || !e.Purposed() || !e.Logged() {
		t.Errorf("chain of %d, complete %t, ordered %t, loose %d, purposed %t, logged %t", len(e.Chain), e.Complete(), e.Ordered, e.Loose, e.Purposed(), e.Logged())
	}
	if e.MarkType() != "Registered Mark" || e.Kind() != "VMC" {
		t.Errorf("%q, %s", e.MarkType(), e.Kind())
	}
	if until, whose := e.Expiry(); !until.Equal(mintedUntil) || whose != e.Leaf {
		t.Errorf("until %v, %v", until, whose.Subject)
	}
	if !e.Begins().Equal(mintedFrom) || KnownRoot(e.Top()) != "" {
		t.Errorf("begins %v, root %q", e.Begins(), KnownRoot(e.Top()))
	}
	logo, err := e.Logo()
	if err != nil || logo.HashFault != "" {
		t.Fatalf("%v, %q", err, logo.HashFault)
	}
	if same, _ := SameLogo(logo.Document, []byte(logoText)); !same {
		t.Error("the embedded logo is not the one that was embedded")
	}
}

func TestEvidenceFaults(t *testing.T) {
	tests := []struct {
		name  string
		wish  wish
		wrong func(Evidence) bool
	}{
		{"no purpose", with(func(w *wish) { w.noPurpose = true }), func(e Evidence) bool { return !e.Purposed() }},
		{"signed by another", with(func(w *wish) { w.broken = true }), func(e Evidence) bool { return len(e.Chain) == 0 && e.Loose == 2 && !e.Complete() }},
		{"alone", with(func(w *wish) { w.leafOnly = true }), func(e Evidence) bool { return len(e.Chain) == 0 && e.Loose == 0 && !e.Complete() }},
		{"without the root", with(func(w *wish) { w.withoutRoot = true }), func(e Evidence) bool { return len(e.Chain) == 1 && !e.Complete() && e.Ordered }},
		{"the other way round", with(func(w *wish) { w.rootFirst = true }), func(e Evidence) bool { return len(e.Chain) == 2 && !e.Ordered && e.Complete() }},
		{"self-signed", with(func(w *wish) { w.selfSigned = true }), func(e Evidence) bool { return len(e.Chain) == 0 && e.Complete() }},
		{"no timestamps", with(func(w *wish) { w.unlogged = true }), func(e Evidence) bool { return !e.Logged() }},
		{"a common mark", with(func(w *wish) { w.mark = "Modified Registered Mark" }), func(e Evidence) bool { return e.Kind() == "CMC" }},
		{"no type", with(func(w *wish) { w.mark = "" }), func(e Evidence) bool { return e.MarkType() == "" && e.Kind() == "mark certificate" }},
		{"no logo", with(func(w *wish) { w.logo = nil }), func(e Evidence) bool { _, err := e.Logo(); return err != nil }},
		{"a wrong hash", with(func(w *wish) { w.hash = make([]byte, 32) }), func(e Evidence) bool { l, err := e.Logo(); return err == nil && l.HashFault != "" }},
	}
	for _, tt := range tests {
		e, err := ParseEvidence(mintEvidence(t, tt.wish))
		if err != nil || !tt.wrong(e) {
			t.Errorf("%s: %v; chain of %d, loose %d, ordered %t, complete %t", tt.name, err, len(e.Chain), e.Loose, e.Ordered, e.Complete())
		}
	}
}

func TestCovers(t *testing.T) {
	e, err := ParseEvidence(mintEvidence(t, with(func(w *wish) { w.names = []string{"Example.org", "default._bimi.example.com", "*.example.net"} })))
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]bool{"example.org.": true, "example.com.": true, "sub.example.org.": false, "a.example.net.": false, "example.net.": false} {
		if e.Covers(domain) != want {
			t.Errorf("covers %s: %t", domain, !want)
		}
	}
	if !e.Covers("sub.example.org.", "example.org.") {
		t.Error("the organizational domain does not count")
	}
}

func TestParseEvidenceErrors(t *testing.T) {
	document := string(mintEvidence(t, good()))
	_, rest := pem.Decode([]byte(document))
	block, _ := pem.Decode([]byte(document))
	damaged := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: append([]byte{0x30, 0}, block.Bytes...)})
	tests := []struct{ name, document, err string }{
		{"a page", "<html>", "it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"},
		{"authorities only", string(rest), "it holds certificates of authorities only, and no mark certificate"},
		{"two", document + string(mintEvidence(t, good())), "it holds 2 mark certificates; one is allowed"},
		{"damaged", string(damaged), "its certificate 1 cannot be read"},
		{"huge", document + strings.Repeat("#", MaxEvidence), "it is larger than 256 KiB"},
		{"a key", document + "-----BEGIN EC PRIVATE KEY-----\nMAo=\n-----END EC PRIVATE KEY-----\n", "it holds a private key, which is public now: have the certificate revoked"},
	}
	for _, tt := range tests {
		if _, err := ParseEvidence([]byte(tt.document)); err == nil || err.Error() != tt.err {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
	}
}

func TestParseLogotype(t *testing.T) {
	hash := make([]byte, 32)
	data := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(logoText))
	whole := logotypeOf("image/svg+xml", hash, data)
	tests := []struct {
		name string
		der  []byte
		err  string
	}{
		{"whole", whole, ""},
		{"not in base64", logotypeOf("image/svg+xml+gzip", hash, "data:image/svg+xml,%3Csvg%3E"), ""},
		{"elsewhere", logotypeOf("image/svg+xml", hash, "https://example.org/logo.svg"), "its logotype extension has no embedded SVG (a data: URI)"},
		{"of pixels", logotypeOf("image/png", hash, data), "its logotype extension has no embedded SVG (a data: URI)"},
		{"of the issuer", bytes.Replace(whole, []byte{0xa2}, []byte{0xa1}, 1), "its logotype extension has no logo of the subject"},
		{"indirect", bytes.Replace(whole, []byte{0xa0}, []byte{0xa1}, 1), "its logotype extension refers to a logo elsewhere in place of holding it"},
		{"cut", whole[:len(whole)-1], "its logotype extension cannot be read"},
		{"empty", nil, "its logotype extension cannot be read"},
	}
	for _, tt := range tests {
		_, err := ParseLogotype(tt.der)
		if err != nil && err.Error() != tt.err || err == nil && tt.err != "" {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
	}
}

// FuzzParseEvidence mutates certificates inside their armour, so that it gets past it.
func FuzzParseEvidence(f *testing.F) {
	for _, w := range minted {
		document := mintEvidence(f, w)
		f.Add(document)
	}
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"))
	now := time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, document []byte) {
		e, err := ParseEvidence(document)
		if err != nil {
			return
		}
		if len(e.Chain) >= maxCertificates || e.Loose < 0 {
			t.Errorf("chain of %d, %d loose", len(e.Chain), e.Loose)
		}
		until, _ := e.Expiry()
		_ = until.After(now) && e.Purposed() && e.Covers("example.org.")
		if logo, err := e.Logo(); err == nil {
			InspectLogo(logo.Document)
		}
	})
}

func FuzzParseLogotype(f *testing.F) {
	f.Add(logotypeOf("image/svg+xml", make([]byte, 32), "data:image/svg+xml;base64,"+base64.StdEncoding.EncodeToString([]byte(logoText))))
	f.Add(logotypeOf("image/svg+xml+gzip", nil, "data:,x"))
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		if e, err := ParseLogotype(der); err == nil && len(e.Document) > len(der) {
			t.Errorf("%d octets of %d", len(e.Document), len(der))
		}
	})
}

func TestRoots(t *testing.T) {
	for sum, name := range roots {
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 || sum != strings.ToLower(sum) || name == "" {
			t.Errorf("%q, %q: not the SHA-256 of a root", sum, name)
		}
	}
}
