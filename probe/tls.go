package probe

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// TLS is what a TLS handshake showed. The handshake itself accepts any
// certificate, as opportunistic TLS does; what is wrong with it stands beside it.
type TLS struct {
	Version uint16 // tls.VersionTLS13
	Cipher  uint16 // tls.TLS_AES_128_GCM_SHA256

	// Group is the group of the key exchange, as tls.X25519MLKEM768; 0 where there
	// was none, as with the exchange by RSA.
	Group tls.CurveID `json:",omitzero"`
	// MasterSecret reports whether the keys are bound to the handshake they come
	// from: always with TLS 1.3, before that by an extension (RFC 7627).
	MasterSecret bool `json:",omitzero"`

	// Chain is the certificates as sent, the host's own first, in DER.
	Chain [][]byte

	// ChainFaults is what a verifier holds against the chain, whatever it names;
	// empty for a chain that leads to a trusted root and is valid now.
	ChainFaults []ChainFault

	// NameFault is why the certificate does not stand for the host (RFC 6125, 6.4;
	// the common name does not count); empty where it does.
	NameFault string

	// Injected is what came after the reply to STARTTLS in clear text, where a
	// server has nothing more to say. It was thrown away. Clients that keep it can
	// be lied to by whoever sits in between.
	Injected []byte
}

// A ChainFault is one thing that is wrong with a chain of certificates.
type ChainFault struct {
	Kind   FaultKind
	Detail string // words of the certificate are quoted and escaped
}

// FaultKind is what is wrong with a chain of certificates.
type FaultKind int

const (
	Expired     FaultKind = iota + 1 // the host's certificate or one above it
	NotYetValid                      // likewise
	SelfSigned                       // the host's certificate is its own issuer, and no trusted root
	Untrusted                        // no path to a trusted root, for want of an intermediate perhaps
	BadChain                         // a path there is, but some certificate on it may not be used so
)

var faultNames = map[FaultKind]string{
	Expired: "expired", NotYetValid: "not yet valid", SelfSigned: "self-signed", Untrusted: "unknown authority", BadChain: "invalid chain",
}

func (k FaultKind) String() string { return faultNames[k] }

// Trusted reports whether the chain is without fault, whatever it names.
func (t *TLS) Trusted() bool { return len(t.ChainFaults) == 0 }

// String is "TLS 1.3, certificate: trusted, names the host".
func (t *TLS) String() string {
	chain := "trusted"
	if !t.Trusted() {
		var kinds []string
		for _, fault := range t.ChainFaults {
			kinds = append(kinds, fault.Kind.String())
		}
		chain = strings.Join(kinds, ", ")
	}
	name := "names the host"
	if t.NameFault != "" {
		name = t.NameFault
	}
	return fmt.Sprintf("%s, certificate: %s, %s", tls.VersionName(t.Version), chain, name)
}

// startTLS asks for TLS and does the handshake. It reports whether the
// conversation goes on inside TLS.
func (c *conversation) startTLS() bool {
	if !c.command(StageSTARTTLS, "STARTTLS", 220) || !c.wants(StageTLS) {
		return false
	}
	injected, _ := c.in.in.Peek(c.in.in.Buffered())
	injected = bytes.Clone(injected)
	start := time.Now()
	c.line.allow(c.limits.TLS)
	host := clean(c.session.Target.Host)
	secure := tls.Client(c.line.conn, c.prober.config(host, c.session.Target.NewestTLS))
	err := secure.HandshakeContext(c.ctx)
	step := Step{Stage: StageTLS, Took: time.Since(start)}
	if err != nil {
		c.broken = true // undefined after a failed handshake, so no QUIT either
		step.Err = c.handshakeFault(err)
		c.session.fail(step)
		return false
	}
	c.session.Steps = append(c.session.Steps, step)
	c.session.TLS = c.prober.look(secure.ConnectionState(), host)
	c.session.TLS.Injected = injected
	c.conn = secure
	c.in = newReplies(secure, c.in.budget)
	return true
}

// handshakeFault is a fault of the connection, or of TLS itself.
func (c *conversation) handshakeFault(err error) *Error {
	e := c.fault(StageTLS, err, c.limits.TLS)
	var op *net.OpError
	if e.Kind == Other || (errors.As(err, &op) && op.Op == "remote error") {
		e.Kind, e.Detail = Handshake, strings.TrimPrefix(err.Error(), "tls: ")
	}
	return e
}

// config accepts whatever a server shows, and old versions too: what it is that
// was negotiated is for a check to judge.
func (p *Prober) config(host string, newest uint16) *tls.Config {
	config := &tls.Config{
		ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: newest, Time: p.Now,
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
	return config
}

// look takes down what the handshake showed, and verifies the chain and the name.
func (p *Prober) look(state tls.ConnectionState, host string) *TLS {
	t := &TLS{Version: state.Version, Cipher: state.CipherSuite, Group: state.CurveID}
	// Only such secrets are exported, as others are no proof of the handshake.
	_, err := state.ExportKeyingMaterial("EXPORTER-maildoctor", nil, 32)
	t.MasterSecret = err == nil
	for _, cert := range state.PeerCertificates {
		t.Chain = append(t.Chain, cert.Raw)
	}
	if len(state.PeerCertificates) == 0 {
		t.ChainFaults = []ChainFault{{BadChain, "no certificate"}}
		t.NameFault = "there is no certificate"
		return t
	}
	now := time.Now()
	if p.Now != nil {
		now = p.Now()
	}
	leaf, rest := state.PeerCertificates[0], state.PeerCertificates[1:]
	t.ChainFaults = chainFaults(leaf, rest, p.RootCAs, now)
	if err := leaf.VerifyHostname(host); err != nil {
		t.NameFault = nameFault(leaf, host)
	}
	return t
}

// chainFaults verifies a chain. What is out of date is verified once more at a
// time when it was not, as a certificate can be expired and untrusted.
func chainFaults(leaf *x509.Certificate, rest []*x509.Certificate, roots *x509.CertPool, now time.Time) []ChainFault {
	var faults []ChainFault
	switch {
	case now.After(leaf.NotAfter):
		faults = append(faults, ChainFault{Expired, "since " + leaf.NotAfter.UTC().Format(time.RFC3339)})
	case now.Before(leaf.NotBefore):
		faults = append(faults, ChainFault{NotYetValid, "until " + leaf.NotBefore.UTC().Format(time.RFC3339)})
	}
	if len(faults) > 0 {
		now = leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	}
	between := x509.NewCertPool()
	for _, cert := range rest {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	if err != nil {
		faults = append(faults, chainFault(leaf, err))
	}
	return faults
}

func chainFault(leaf *x509.Certificate, err error) ChainFault {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return ChainFault{Expired, "a certificate above the host's"}
	case errors.As(err, &unknown) && bytes.Equal(leaf.RawIssuer, leaf.RawSubject) && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil:
		return ChainFault{SelfSigned, ""}
	case errors.As(err, &unknown):
		return ChainFault{Untrusted, "issued by " + strconv.Quote(leaf.Issuer.String())}
	}
	return ChainFault{BadChain, strconv.Quote(strings.TrimPrefix(err.Error(), "x509: "))}
}

// nameFault says what the certificate names instead of the host.
func nameFault(leaf *x509.Certificate, host string) string {
	var names []string
	for _, name := range leaf.DNSNames {
		names = append(names, escaped(name))
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return "names no host"
	case len(names) > 5:
		return fmt.Sprintf("names %s and %d more, not %s", strings.Join(names[:5], ", "), len(names)-5, host)
	}
	return fmt.Sprintf("names %s, not %s", strings.Join(names, ", "), host)
}

// escaped is a name of a certificate, which may hold any octet, without those
// that would play tricks on a reader.
func escaped(name string) string {
	quoted := strconv.Quote(name)
	return quoted[1 : len(quoted)-1]
}
