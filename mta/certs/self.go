package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
)

const (
	keyFile  = "key.pem"
	certFile = "self.pem"

	selfLasts = 365 * 24 * time.Hour
	selfRenew = 30 * 24 * time.Hour // before it expires
)

// SelfSigned is a Source for a server without a certificate: one of its own for
// Hosts. It keeps others from listening (RFC 7435), and with a TLSA record 3 1 1
// from sitting in between, too: key and certificate are kept in dir as key.pem and
// self.pem, and the key stays while the certificate is renewed. A key that is put
// there before is taken. Mail programs, and senders that go by MTA-STS, do not trust
// it.
func SelfSigned(o Options, dir string) (*Source, error) {
	o, err := o.prepared()
	if err != nil {
		return nil, err
	}
	s, err := newSelf(o, dir)
	if err != nil {
		return nil, err
	}
	s.running.Go(s.watch)
	return newSource(o, s), nil
}

type self struct {
	o       Options
	dir     string
	served  atomic.Pointer[tls.Certificate]
	stop    chan struct{}
	running sync.WaitGroup

	mu    sync.Mutex
	since time.Time
	err   error
}

func newSelf(o Options, dir string) (*self, error) {
	if len(o.Hosts) == 0 {
		return nil, errors.New("a certificate needs the name of a host")
	}
	s := &self{o: o, dir: dir, stop: make(chan struct{})}
	return s, s.reload()
}

func (s *self) certificates() []*tls.Certificate {
	if c := s.served.Load(); c != nil {
		return []*tls.Certificate{c}
	}
	return nil
}

// watch renews the certificate in time.
func (s *self) watch() {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			if s.served.Load().Leaf.NotAfter.Sub(now) < selfRenew {
				if err := s.reload(); err != nil {
					s.o.Log.Error("self-signed certificate", "error", err)
				}
			}
		}
	}
}

func (s *self) close() {
	close(s.stop)
	s.running.Wait()
}

func (s *self) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, err := keptKey(s.dir)
	if err == nil {
		err = s.certify(key)
	}
	s.err = err
	return err
}

// certify serves the certificate that is kept, or a new one if that does not fit
// any more.
func (s *self) certify(key crypto.Signer) error {
	now := time.Now()
	path := filepath.Join(s.dir, certFile)
	if l, err := load(Pair{Cert: path, Key: filepath.Join(s.dir, keyFile)}, nil, now); err == nil && s.fits(l.cert.Leaf, now) {
		s.serve(l.cert, now)
		return nil
	}
	der, err := sign(key, s.o.Hosts, now)
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	if err := strong(leaf); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(s.dir, keyFile), err)
	}
	if err := replace(path, "CERTIFICATE", der); err != nil {
		return err
	}
	s.o.Log.Info("self-signed certificate made", "file", path, "names", s.o.Hosts)
	s.serve(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, now)
	return nil
}

func (s *self) serve(c *tls.Certificate, now time.Time) {
	if before := s.served.Load(); before == nil || !before.Leaf.Equal(c.Leaf) {
		s.served.Store(c)
		s.since = now
	}
}

func (s *self) fits(leaf *x509.Certificate, now time.Time) bool {
	return slices.Equal(leaf.DNSNames, s.o.Hosts) && leaf.NotAfter.Sub(now) >= selfRenew && lapsed(leaf, now) == ""
}

func (s *self) status(now time.Time) []Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Certificate{From: "self-signed", Loaded: s.since, Err: s.err}
	c.fill(s.served.Load(), now)
	c.Next = c.SPKI
	if key, err := next(filepath.Join(s.dir, keyFile)); err == nil {
		c.Next = key
	}
	c.Problems = append(c.Problems, "it is self-signed: senders that hold mail to MTA-STS, and mail programs, do not trust it")
	return []Certificate{c}
}

// keptKey is the key in dir, which is made if there is none.
func keptKey(dir string) (crypto.Signer, error) {
	path := filepath.Join(dir, keyFile)
	keys, _, err := readKeys(path)
	switch {
	case err == nil:
		return keys[0], nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; when it is removed a new key is made, and a TLSA record of it has to change", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	return key, replace(path, "PRIVATE KEY", der)
}

// sign makes a certificate.
func sign(key crypto.Signer, hosts []string, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280, 4.1.2.2
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), DNSNames: hosts, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfLasts),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	if len(hosts[0]) <= 64 { // RFC 5280, appendix A.1: ub-common-name
		template.Subject = pkix.Name{CommonName: hosts[0]}
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

// replace puts a file in the place of another, for its owner alone.
func replace(path, kind string, der []byte) error {
	d, dir, next := disk.OS{}, filepath.Dir(path), path+".new"
	if err := d.Mkdir(dir); err != nil {
		return err
	}
	if err := disk.Gone(d.Remove(next)); err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	defer clear(text)
	if err := disk.Write(d, next, text); err != nil {
		return err
	}
	if err := d.Rename(next, path); err != nil {
		return err
	}
	return d.SyncDir(dir)
}
