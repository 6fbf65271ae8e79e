package certs

import (
	"bytes"
	"crypto/elliptic"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSelfSigned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	open := func(hosts ...string) *Source {
		t.Helper()
		s, err := SelfSigned(Options{Hosts: hosts}, dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	first := open("mail.example.org", "bücher.example")
	one := first.Status()[0]
	if leaf := shown(t, first.TLS(), &tls.Config{ServerName: "mail.example.org"}); leaf.VerifyHostname("xn--bcher-kva.example") != nil || leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) != nil {
		t.Error(leaf.DNSNames)
	}
	if len(one.TLSA()) != 1 || len(Certificate{}.TLSA()) != 0 {
		t.Error(one.TLSA())
	}
	if !one.Served || len(one.SPKI) != 32 || !bytes.Equal(one.SPKI, one.Next) || one.From != "self-signed" || len(one.Problems) != 1 {
		t.Errorf("%+v", one)
	}
	for _, name := range []string{keyFile, certFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(info, err)
		}
	}
	if again := open("mail.example.org", "bücher.example").Status()[0]; again.NotBefore != one.NotBefore {
		t.Error("a certificate that is good was made again")
	}
	renamed := open("mx.example.org").Status()[0]
	if renamed.Names[0] != "mx.example.org" || !bytes.Equal(renamed.SPKI, one.SPKI) {
		t.Errorf("another name: %+v", renamed)
	}
	s := open("mx.example.org")
	put(t, filepath.Join(dir, keyFile), keyPEM(t, ec(t, elliptic.P256())))
	if now := s.Status()[0]; bytes.Equal(now.Next, now.SPKI) || !bytes.Equal(now.SPKI, one.SPKI) {
		t.Error("the next key is not told")
	}
	if err := s.Reload(); err != nil {
		t.Error(err)
	}
	if now := s.Status()[0]; !bytes.Equal(now.Next, now.SPKI) || bytes.Equal(now.SPKI, one.SPKI) {
		t.Error("the next key is not served")
	}
	put(t, filepath.Join(dir, keyFile), "broken")
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "holds no private key; when it is removed") || s.Status()[0].Err == nil {
		t.Error(err)
	}
	if _, err := SelfSigned(Options{Hosts: []string{"mx.example.org"}}, dir); err == nil {
		t.Error("a broken key was replaced")
	}
	put(t, filepath.Join(dir, keyFile), keyPEM(t, rsaKey(t, 1024)))
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "too weak") {
		t.Error(err)
	}
	if _, err := SelfSigned(Options{}, dir); err == nil {
		t.Error("a certificate for nobody")
	}
}

// The certificate is renewed in time, the key stays.
func TestSelfSignedRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := SelfSigned(Options{Hosts: []string{"mail.example.org"}}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		before := s.Status()[0]
		time.Sleep(340 * 24 * time.Hour)
		synctest.Wait()
		after := s.Status()[0]
		if !bytes.Equal(before.SPKI, after.SPKI) || !after.NotAfter.After(before.NotAfter) || len(after.Problems) != 1 {
			t.Errorf("%+v", after)
		}
	})
}
