package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/caddyserver/certmagic"
	eab "github.com/mholt/acmez/v3/acme"
)

// A challenges is where it can be shown that a host is ours.
type challenges struct {
	host       string
	http, alpn int // ports; 0: not
}

func challengesOf(by Authority) (challenges, error) {
	var c challenges
	httpHost, err := hostPort(by.HTTP, &c.http)
	if err != nil {
		return c, fmt.Errorf("address for HTTP-01: %w", err)
	}
	alpnHost, err := hostPort(by.ALPN, &c.alpn)
	if err != nil {
		return c, fmt.Errorf("address for TLS-ALPN-01: %w", err)
	}
	switch {
	case c.http == 0 && c.alpn == 0:
		return c, errors.New("ACME needs an address for HTTP-01 or TLS-ALPN-01, as :80 or :443")
	case c.http != 0 && c.alpn != 0 && httpHost != alpnHost:
		return c, fmt.Errorf("the addresses for HTTP-01 and TLS-ALPN-01 differ in more than the port: %s and %s", by.HTTP, by.ALPN)
	}
	c.host = httpHost
	if c.http == 0 {
		c.host = alpnHost
	}
	return c, nil
}

func hostPort(addr string, port *int) (host string, err error) {
	if addr == "" {
		return "", nil
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("%q is not a port", text)
	}
	*port = int(n)
	return host, nil
}

// An issuer is that of certmagic for whichever challenges can be answered now. Left
// alone, that takes it that whoever has a port would answer for us: the authority
// would hear somebody else, and count that as a failure of the host.
type issuer struct {
	*certmagic.ACMEIssuer // for all that is no challenge
	ports                 challenges
	http, alpn            *certmagic.ACMEIssuer // for the one challenge only
}

func newIssuer(config *certmagic.Config, by Authority, ports challenges) *issuer {
	template := certmagic.ACMEIssuer{
		CA: by.Directory, Email: by.Email, Agreed: by.Agreed, TrustedRoots: by.Roots,
		ListenHost: ports.host, AltHTTPPort: ports.http, AltTLSALPNPort: ports.alpn, Logger: config.Logger,
	}
	if by.External != (External{}) {
		template.ExternalAccount = &eab.EAB{KeyID: by.External.KeyID, MACKey: by.External.Key}
	}
	answering := func(http, alpn bool) *certmagic.ACMEIssuer {
		t := template
		t.DisableHTTPChallenge, t.DisableTLSALPNChallenge = !http, !alpn
		return certmagic.NewACMEIssuer(config, t)
	}
	return &issuer{ACMEIssuer: answering(true, true), http: answering(true, false), alpn: answering(false, true), ports: ports}
}

// Issue gets a certificate.
func (i *issuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	http, noHTTP := free(i.ports.host, i.ports.http)
	alpn, noALPN := free(i.ports.host, i.ports.alpn)
	use := i.ACMEIssuer
	switch {
	case !http && !alpn:
		return nil, fmt.Errorf("the authority cannot be shown that the host is ours: %w", errors.Join(noHTTP, noALPN))
	case !alpn:
		use = i.http
	case !http:
		use = i.alpn
	}
	if use != i.ACMEIssuer { // what it learns there is its own
		if err := use.PreCheck(ctx, csr.DNSNames, false); err != nil {
			return nil, err
		}
	}
	return use.Issue(ctx, csr)
}

// free reports whether a port can be listened on now, and why not.
func free(host string, port int) (bool, error) {
	if port == 0 {
		return false, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false, err
	}
	return true, l.Close()
}
