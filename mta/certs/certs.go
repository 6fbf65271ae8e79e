// Package certs has the certificates of a mail server: those of files, which are
// read again when they change; those that an ACME authority issues and renews; and
// one of its own for a host that has none.
//
// A [Source] gives what fits to each handshake, and never has one wait for a disk,
// a network or another handshake. It tells what it has, what is wrong with that, and
// what a TLSA record of it says. It publishes nothing, and judges no certificate of
// anybody else.
package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/record"
)

// Options are those of every Source.
type Options struct {
	// Hosts is the names that clients know the server by, in Unicode or A-labels. The
	// first is that of clients that do not say whom they want, as most mail servers
	// do not. Certificates are made for them, or have to cover them.
	Hosts []string
	// Log is told what changes, and what goes wrong; nil: nobody is.
	Log *slog.Logger
	// Every is how often files are looked at; 0 is 30 s.
	Every time.Duration
	// Roots is what says whether others trust a certificate; nil is the system's.
	Roots *x509.CertPool
}

func (o Options) prepared() (Options, error) {
	hosts := make([]string, 0, len(o.Hosts))
	for _, host := range o.Hosts {
		name, err := record.ParseDomain(host)
		if err != nil {
			return o, fmt.Errorf("host name %q: %w", host, err)
		}
		hosts = append(hosts, record.Display(name))
	}
	o.Hosts = hosts
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = 30 * time.Second
	}
	return o, nil
}

// A Source gives a server its certificates. It is safe for concurrent use.
type Source struct {
	store  store
	config *tls.Config
	hosts  []string
	once   sync.Once
}

// A store is where certificates come from.
type store interface {
	certificates() []*tls.Certificate // to be served, with their leaves; quickly
	reload() error
	status(now time.Time) []Certificate
	close()
}

func newSource(o Options, from store) *Source {
	s := &Source{store: from, hosts: o.Hosts}
	s.config = &tls.Config{
		MinVersion: tls.VersionTLS12, // RFC 8996, 2
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c := pick(s.store.certificates(), s.hosts, hello, time.Now()); c != nil {
				return c, nil
			}
			return nil, errors.New("no certificate")
		},
	}
	return s
}

// TLS is how handshakes are held, with the certificates that there are at each; nil
// while there is none at all. It is what smtpd.Config.TLS asks for.
func (s *Source) TLS() *tls.Config {
	if len(s.store.certificates()) == 0 {
		return nil
	}
	return s.config
}

// Reload looks at everything now, and tries again what went wrong. Of what cannot be
// used it returns the error, and what was there before goes on.
func (s *Source) Reload() error { return s.store.reload() }

// Status is each certificate, those that are served and those that cannot be.
func (s *Source) Status() []Certificate { return s.store.status(time.Now()) }

// Close ends what runs in the background, and waits for it. Handshakes go on with the
// certificates that there are.
func (s *Source) Close() { s.once.Do(s.store.close) }

// A Certificate is one, or the lack of one.
type Certificate struct {
	From   string   // a file, "ACME" and the host of the directory, or "self-signed"
	Names  []string // that it is for, as it has them; what it should be for where there is none
	Served bool     // false: there is none from there
	Key    string   // "RSA 2048", "ECDSA P-256"
	Issuer string   // as RFC 4514 writes it

	NotBefore, NotAfter time.Time

	// SPKI is the SHA-256 of its public key, as a TLSA record 3 1 1 has it (RFC 7671,
	// 5.1), and Next that of the key that comes after it, where that is decided: its
	// record has to be published before (RFC 7671, 8.1). Next is SPKI where the key
	// stays; empty where a new one is made.
	SPKI, Next []byte

	Loaded time.Time // when it came to be served
	// Problems is what is wrong with it, though it is served.
	Problems []string
	// Err is why what is there now cannot be used, or could not be got: what is served,
	// if anything, is from before.
	Err error
}

// TLSA is what TLSA records of the certificate's key say, "3 1 1 ab01...", and of the
// key that comes after it, where that is decided and another one.
func (c Certificate) TLSA() []string {
	var list []string
	for _, spki := range [][]byte{c.SPKI, c.Next} {
		if text := fmt.Sprintf("3 1 1 %x", spki); len(spki) > 0 && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// fill describes a certificate that is served.
func (c *Certificate) fill(served *tls.Certificate, now time.Time) {
	leaf := served.Leaf
	c.Served, c.Names, c.Key, c.Issuer = true, namesOf(leaf), keyfile.Describe(leaf.PublicKey), leaf.Issuer.String()
	c.NotBefore, c.NotAfter, c.SPKI = leaf.NotBefore, leaf.NotAfter, digest(leaf.RawSubjectPublicKeyInfo)
	if fault := lapsed(leaf, now); fault != "" {
		c.Problems = append(c.Problems, fault)
	} else if left := leaf.NotAfter.Sub(now); left < leaf.NotAfter.Sub(leaf.NotBefore)/6 {
		c.Problems = append(c.Problems, fmt.Sprintf("it expires on %s, and nothing has renewed it so far", leaf.NotAfter.UTC().Format(time.DateOnly)))
	}
}

func digest(spki []byte) []byte {
	sum := sha256.Sum256(spki)
	return sum[:]
}

// lapsed is what is wrong with a certificate at a time; empty if nothing is.
func lapsed(leaf *x509.Certificate, now time.Time) string {
	switch {
	case now.After(leaf.NotAfter):
		return "it expired on " + leaf.NotAfter.UTC().Format(time.DateOnly)
	case now.Before(leaf.NotBefore):
		return "it is not valid before " + leaf.NotBefore.UTC().Format(time.RFC3339) + ": is the clock of this machine right?"
	}
	return ""
}

// namesOf is the names of a certificate; that of its subject, which nobody goes by
// (RFC 9525, 2), only where there is no other.
func namesOf(leaf *x509.Certificate) []string {
	names := leaf.DNSNames
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 && leaf.Subject.CommonName != "" {
		names = []string{leaf.Subject.CommonName}
	}
	return names
}
