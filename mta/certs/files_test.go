package certs

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFiles(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	one, two, three := ec(t, elliptic.P256()), rsaKey(t, 2048), ec(t, elliptic.P384())
	first, second, other := a.issue(one, "mail.example.org"), a.issue(two, "mail.example.org"), a.issue(three, "*.example.net")
	s, err := Files(Options{Hosts: []string{"Mail.example.ORG", "mx.example.net"}, Roots: a.roots()},
		a.pair(dir, "other", three, other, a.between), a.pair(dir, "rsa", two, second, a.between), a.pair(dir, "ec", one, first, a.between))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, test := range []struct {
		name   string
		client *tls.Config
		want   *x509.Certificate
	}{
		{"no name", &tls.Config{}, first},
		{"the first", &tls.Config{ServerName: "mail.example.org"}, first},
		{"the second", &tls.Config{ServerName: "MX.example.net"}, other},
		{"a stranger", &tls.Config{ServerName: "www.example.com"}, first},
		{"without ECDSA", &tls.Config{ServerName: "mail.example.org", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, second},
	} {
		if got := shown(t, s.TLS(), test.client); !got.Equal(test.want) {
			t.Errorf("%s: %v %v", test.name, got.DNSNames, got.PublicKeyAlgorithm)
		}
	}
	status := s.Status()
	if len(status) != 3 {
		t.Fatal(status)
	}
	for i, want := range []*x509.Certificate{other, second, first} {
		c := status[i]
		if !c.Served || c.Err != nil || len(c.Problems) > 0 || c.Names[0] != want.DNSNames[0] || !bytes.Equal(c.SPKI, digest(want.RawSubjectPublicKeyInfo)) || len(c.Next) > 0 || c.NotAfter != want.NotAfter {
			t.Errorf("%+v", c)
		}
	}
	if status[0].Key != "ECDSA P-384" || status[1].Key != "RSA 2048" || status[0].Issuer != "CN=Test Issuer" {
		t.Error(status)
	}
}

// Without the name of a host, the first certificate is that of whoever asks for none,
// and one with another kind of key only if it is for the same name.
func TestFirst(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	one, two, three := rsaKey(t, 2048), ec(t, elliptic.P256()), ec(t, elliptic.P256())
	first, other, beside := a.issue(one, "*.example.org"), a.issue(two, "mx.example.net"), a.issue(three, "*.example.org")
	pairs := []Pair{a.pair(dir, "1", one, first), a.pair(dir, "2", two, other), a.pair(dir, "3", three, beside)}
	for n, want := range map[int]*x509.Certificate{2: first, 3: beside} {
		s, err := Files(Options{}, pairs[:n]...)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := shown(t, s.TLS(), &tls.Config{}); !got.Equal(want) {
			t.Errorf("of %d: %v", n, got.DNSNames)
		}
	}
}

func TestFilesRefused(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	key, weak := ec(t, elliptic.P256()), rsaKey(t, 1024)
	good := put(t, filepath.Join(dir, "good.pem"), chainPEM(a.issue(key, "mail.example.org"), a.between))
	file := func(text string) string { return put(t, filepath.Join(dir, "file"), text) }
	for name, test := range map[string]struct {
		make func() Pair
		want string
	}{
		"another key":         {func() Pair { return Pair{Cert: good, Key: file(keyPEM(t, ec(t, elliptic.P256())))} }, "is not that of the certificate in"},
		"no key":              {func() Pair { return Pair{Cert: good} }, "good.pem holds no private key"},
		"no key file":         {func() Pair { return Pair{Cert: good, Key: dir + "/none"} }, "no such file"},
		"no certificate":      {func() Pair { return Pair{Cert: file(keyPEM(t, key))} }, "holds no certificate in PEM"},
		"no file":             {func() Pair { return Pair{Cert: dir + "/none"} }, "no such file"},
		"a directory":         {func() Pair { return Pair{Cert: dir} }, "is not a file"},
		"a broken one":        {func() Pair { return Pair{Cert: file(inPEM("CERTIFICATE", []byte("no DER")))} }, "certificate 1 cannot be read"},
		"a broken key":        {func() Pair { return Pair{Cert: good, Key: file(inPEM("PRIVATE KEY", []byte("no DER")))} }, "cannot be read: it is damaged"},
		"a huge one":          {func() Pair { return Pair{Cert: file(strings.Repeat("x", maxFile+1))} }, "more than 262144 octets"},
		"1024 bits":           {func() Pair { return a.pair(dir, "weak", weak, a.issue(weak, "mail.example.org")) }, "RSA with 1024 bits, which is too weak"},
		"P-224":               {func() Pair { k := ec(t, elliptic.P224()); return a.pair(dir, "p224", k, a.issue(k, "x.example")) }, "ECDSA P-224"},
		"a passphrase":        {func() Pair { return Pair{Cert: good, Key: file(inPEM("ENCRYPTED PRIVATE KEY", []byte{1}))} }, "openssl pkey -in"},
		"a name that is none": {func() Pair { return Pair{Cert: good, Key: file(keyPEM(t, key))} }, `host name "mail..example"`},
	} {
		t.Run(name, func(t *testing.T) {
			host := "mail.example.org"
			if strings.Contains(test.want, "host name") {
				host = "mail..example"
			}
			s, err := Files(Options{Hosts: []string{host}}, test.make())
			if err == nil {
				s.Close()
				t.Fatal("it was taken")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Error(err)
			}
		})
	}
	if _, err := Files(Options{}); err == nil {
		t.Error("no files at all")
	}
}

func TestProblems(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	key := ec(t, elliptic.P256())
	leaf := a.issue(key, "mail.example.org")
	now := time.Now()
	alone := func(k crypto.Signer, c *x509.Certificate) Pair { return a.pair(dir, "x", k, c) }
	for name, test := range map[string]struct {
		pair Pair
		want []string
	}{
		"none":          {a.pair(dir, "none", key, leaf, a.between), nil},
		"with the root": {a.pair(dir, "root", key, leaf, a.between, a.root), nil},
		"one file":      {Pair{Cert: put(t, dir+"/one", keyPEM(t, key)+chainPEM(leaf, a.between))}, nil},
		"order":         {a.pair(dir, "order", key, a.root, a.between, leaf), []string{"not in their order"}},
		"strangers":     {a.pair(dir, "strangers", key, leaf, a.between, newAuthority(t).root), []string{"1 of the certificates in the file do not belong"}},
		"incomplete":    {alone(key, leaf), []string{`lacks the certificate of "CN=Test Issuer"`}},
		"expired":       {a.pair(dir, "expired", key, a.issueFor(key, now.AddDate(0, 0, -90), now.AddDate(0, 0, -3), "mail.example.org"), a.between), []string{"it expired on " + now.AddDate(0, 0, -3).UTC().Format(time.DateOnly)}},
		"expires soon":  {a.pair(dir, "soon", key, a.issueFor(key, now.AddDate(0, 0, -80), now.AddDate(0, 0, 10), "mail.example.org"), a.between), []string{"nothing has renewed it"}},
		"six days":      {a.pair(dir, "short", key, a.issueFor(key, now.AddDate(0, 0, -3), now.AddDate(0, 0, 3), "mail.example.org"), a.between), nil},
		"not yet":       {a.pair(dir, "yet", key, a.issueFor(key, now.AddDate(0, 0, 1), now.AddDate(0, 0, 9), "mail.example.org"), a.between), []string{"is the clock of this machine right?"}},
		"another host":  {a.pair(dir, "host", key, a.issue(key, "www.example.org"), a.between), []string{"no certificate is for mail.example.org"}},
		"no host":       {a.pair(dir, "nohost", key, a.issue(key), a.between), []string{"names no host in subjectAltName", "no certificate is for"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Files(Options{Hosts: []string{"mail.example.org"}, Roots: a.roots()}, test.pair)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got := s.Status()[0].Problems
			if len(got) != len(test.want) {
				t.Fatalf("%q", got)
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("%q, want %q", got[i], want)
				}
			}
			if c := shown(t, s.TLS(), &tls.Config{ServerName: "mail.example.org", Time: func() time.Time { return now }}); !c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
				t.Error("another one is shown")
			}
		})
	}
	for name, test := range map[string]struct {
		make func() Pair
		want string
	}{
		"Ed25519": {func() Pair { k := edKey(t); return a.pair(dir, "ed", k, a.issue(k, "mail.example.org"), a.between) }, "Ed25519, which many"},
		"others":  {func() Pair { p := a.pair(dir, "open", key, leaf, a.between); os.Chmod(p.Key, 0o644); return p }, "chmod 600"},
		"self-signed": {func() Pair {
			return a.pair(dir, "self", key, a.certificate(&x509.Certificate{DNSNames: []string{"mail.example.org"}}, nil, key, key))
		}, "it is self-signed"},
		"own root": {func() Pair {
			b := newAuthority(t)
			return b.pair(dir, "own", key, b.issue(key, "mail.example.org"), b.between, b.root)
		}, "not one that this machine trusts"},
	} {
		l, err := load(test.make(), a.roots(), now)
		if err != nil || len(l.problems) != 1 || !strings.Contains(l.problems[0], test.want) {
			t.Errorf("%s: %v %+v", name, err, l)
		}
	}
}

// What changes is read within half a minute. What cannot be used is told of, and the
// one before goes on.
func TestFilesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, dir := newAuthority(t), t.TempDir()
		log := new(buffer)
		key, later := ec(t, elliptic.P256()), ec(t, elliptic.P256())
		one := a.issue(key, "mail.example.org")
		p := a.pair(dir, "mail", key, one, a.between)
		p.Next = put(t, dir+"/next", keyPEM(t, later))
		s, err := Files(Options{Hosts: []string{"mail.example.org"}, Roots: a.roots(), Log: slog.New(slog.NewTextHandler(log, nil))}, p)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		spki, _ := x509.MarshalPKIXPublicKey(later.Public())
		if c := s.Status()[0]; !bytes.Equal(c.Next, digest(spki)) || len(c.TLSA()) != 2 || c.TLSA()[1] != fmt.Sprintf("3 1 1 %x", digest(spki)) {
			t.Error("the next key is not told")
		}
		step := func(what string, want *x509.Certificate, fault, logged string) {
			t.Helper()
			time.Sleep(31 * time.Second)
			synctest.Wait()
			c := s.Status()[0]
			if got := s.store.certificates()[0].Leaf; !got.Equal(want) || !bytes.Equal(c.SPKI, digest(want.RawSubjectPublicKeyInfo)) {
				t.Errorf("%s: %v", what, got.SerialNumber)
			}
			if (c.Err == nil) != (fault == "") || fault != "" && !strings.Contains(c.Err.Error(), fault) {
				t.Errorf("%s: %v", what, c.Err)
			}
			if text := log.take(); (text == "") != (logged == "") || !strings.Contains(text, logged) {
				t.Errorf("%s: log %q", what, text)
			}
		}
		step("nothing", one, "", "")
		two := a.issue(key, "mail.example.org")
		put(t, p.Cert, chainPEM(two, a.between))
		step("renewed", two, "", "certificate read")
		three := a.issue(later, "mail.example.org")
		put(t, p.Cert, chainPEM(three, a.between))
		step("the key is still the old one", two, "is not that of the certificate", "the one before goes on")
		step("said once", two, "is not that of the certificate", "")
		put(t, p.Key, keyPEM(t, later))
		step("the key comes", three, "", "certificate read")
		put(t, p.Cert, chainPEM(three)[:200])
		step("half a file", three, "holds no certificate", "level=ERROR")
		os.Remove(p.Cert)
		step("gone", three, "no such file", "level=ERROR")
		put(t, p.Cert, chainPEM(a.issueFor(later, time.Now().AddDate(0, 0, -9), time.Now().AddDate(0, 0, -1), "mail.example.org"), a.between))
		step("expired", three, "it expired on", "level=ERROR")
		put(t, p.Cert, chainPEM(three, a.between))
		step("back", three, "", "")
		four := a.issue(later, "mail.example.org")
		put(t, p.Cert, chainPEM(four, a.between))
		if err := s.Reload(); err != nil || !s.store.certificates()[0].Leaf.Equal(four) {
			t.Error("Reload:", err)
		}
		put(t, p.Cert, "")
		if err := s.Reload(); err == nil {
			t.Error("Reload of an empty file")
		}
	})
}

func TestNext(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	key := ec(t, elliptic.P256())
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"key": keyPEM(t, key), "public key": inPEM("PUBLIC KEY", spki), "certificate": chainPEM(a.issue(key, "x.example"))} {
		if got, err := next(put(t, dir+"/next", text)); err != nil || !bytes.Equal(got, digest(spki)) {
			t.Error(name, got, err)
		}
	}
	key2 := ec(t, elliptic.P256())
	p := a.pair(dir, "x", key2, a.issue(key2, "x.example"), a.between)
	p.Next = put(t, dir+"/next", "nothing")
	if l, err := load(p, a.roots(), time.Now()); err != nil || len(l.problems) != 1 || !strings.Contains(l.problems[0], "holds neither a key nor a certificate") {
		t.Error(err, l)
	}
}

// A buffer is a log.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

func FuzzLoad(f *testing.F) {
	a := newAuthority(f)
	key := ec(f, elliptic.P256())
	f.Add([]byte(chainPEM(a.issue(key, "x.example"), a.between)), []byte(keyPEM(f, key)))
	f.Add([]byte(chainPEM(a.root, a.between)+keyPEM(f, key)), []byte{})
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		dir := t.TempDir()
		p := Pair{Cert: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k"), Next: filepath.Join(dir, "k")}
		if os.WriteFile(p.Cert, cert, 0o600) != nil || os.WriteFile(p.Key, key, 0o600) != nil {
			t.Skip()
		}
		l, err := load(p, a.roots(), time.Now())
		if err != nil {
			return
		}
		var c Certificate
		c.fill(l.cert, time.Now())
		if block, _ := pem.Decode(cert); block == nil || len(c.SPKI) != 32 || len(l.cert.Certificate) > maxChain {
			t.Error(c)
		}
	})
}
