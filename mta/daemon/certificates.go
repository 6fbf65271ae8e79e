package daemon

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/certs"
	"github.com/maildoctor/maildoctor/mta/control"
)

// certificates opens the source of certificates that the file names.
func (s *Setup) certificates(log *slog.Logger) (*certs.Source, error) {
	o := certs.Options{Hosts: []string{s.Hostname}, Log: log}
	switch {
	case s.ACME != nil:
		by := certs.Authority{
			Directory: s.ACME.Directory, Email: s.ACME.Email, HTTP: s.ACME.HTTP, ALPN: s.ACME.ALPN, Dir: s.under("acme"),
			Agreed:   true, // as the documentation of the key says
			External: certs.External{KeyID: s.ACME.External.KeyID, Key: s.external},
			KeepKey:  s.pinned(),
		}
		if by.HTTP == "" && by.ALPN == "" {
			by.HTTP = ":80"
		}
		return certs.ACME(o, by)
	case len(s.Certs) > 0:
		var pairs []certs.Pair
		for _, c := range s.Certs {
			pairs = append(pairs, certs.Pair{Cert: s.path(c.Cert), Key: s.path(c.Key)})
		}
		return certs.Files(o, pairs...)
	}
	return certs.SelfSigned(o, s.under("tls"))
}

// pinned reports whether TLSA records are about our certificate, so that its key has
// to stay.
func (s *Setup) pinned() bool {
	return slices.ContainsFunc(s.wanted.Hosts, func(h desired.Host) bool { return h.Name == s.MTA.Hostname && len(h.TLSA) > 0 })
}

// under is a path in the state directory.
func (s *Setup) under(name string) string { return filepath.Join(s.State, name) }

// Certificates looks at the certificate files, as a server would; none where there
// are no files.
func (s *Setup) Certificates() ([]certs.Certificate, error) {
	if s.ACME != nil || s.SelfSigned() {
		return nil, nil
	}
	source, err := s.certificates(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer source.Close()
	return source.Status(), nil
}

// A certified is the source of certificates of a running server. It can be replaced.
type certified struct {
	mu     sync.RWMutex
	source *certs.Source
}

func (c *certified) get() *certs.Source {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.source
}

// tls is that of smtpd.Config.
func (c *certified) tls() *tls.Config { return c.get().TLS() }

// set puts another source in the place of the one that there is.
func (c *certified) set(source *certs.Source) {
	c.mu.Lock()
	before := c.source
	c.source = source
	c.mu.Unlock()
	if before != nil {
		before.Close()
	}
}

// status is how certificates are, for others.
func (c *certified) status() []control.Cert {
	var list []control.Cert
	for _, one := range c.get().Status() {
		cert := control.Cert{Names: one.Names, NotAfter: one.NotAfter, From: one.From, TLSA: one.TLSA()}
		switch {
		case one.Err != nil:
			cert.Error = one.Err.Error()
		case len(one.Problems) > 0:
			cert.Error = one.Problems[0]
		case !one.Served:
			cert.Error = "it has been asked for"
		}
		list = append(list, cert)
	}
	return list
}

// sameCertificates reports whether two setups have theirs from the same place.
func sameCertificates(a, b *Setup) bool {
	return reflect.DeepEqual(a.ACME, b.ACME) && a.external == b.external && slices.Equal(a.Certs, b.Certs) && a.pinned() == b.pinned()
}

var errNoRead = errors.New("the file is not read again")
