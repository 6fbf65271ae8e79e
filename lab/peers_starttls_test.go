//go:build linux

package lab_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// starttlsWorld is a domain with one mail host, mx.example.org at 192.0.2.25, at
// the time given.
const starttlsWorld = `domain: example.org
now: %s

-- zone --
@ MX 10 mx
@ TXT "v=spf1 mx -all"
mx A 192.0.2.25
`

// TestPeersSTARTTLS: what a real Postfix shows after STARTTLS is judged as
// openssl s_client -verify_hostname does, and for the same reason.
func TestPeersSTARTTLS(t *testing.T) {
	mta, openssl := newPostfix(t), peertest.Program(t, "openssl")
	const mx = "mx.example.org"
	tests := []*struct {
		name    string
		cert    smtpscript.Certificate
		options []string // of smtpd
		ours    string   // part of the finding; empty if all is well
		theirs  string   // part of what openssl prints; empty if it exits with 0

		world   *scenario.World
		address string
	}{
		{name: "in order", cert: smtpscript.Certificate{Names: []string{mx}}},
		{name: "one name of several", cert: smtpscript.Certificate{Names: []string{"www.example.org", mx}}},
		{name: "wildcard", cert: smtpscript.Certificate{Names: []string{"*.example.org"}}},
		{name: "TLS 1.2", cert: smtpscript.Certificate{Names: []string{mx}}, options: []string{"smtpd_tls_protocols=TLSv1.2"}},
		{name: "RSA", cert: smtpscript.Certificate{Names: []string{mx}, RSABits: 2048}},
		{name: "wildcard of the wrong zone", cert: smtpscript.Certificate{Names: []string{"*.mx.example.org"}},
			ours: "names *.mx.example.org, not mx.example.org", theirs: "hostname mismatch"},
		{name: "another name", cert: smtpscript.Certificate{Names: []string{"www.example.org"}},
			ours: "names www.example.org, not mx.example.org", theirs: "hostname mismatch"},
		{name: "an address in place of the name", cert: smtpscript.Certificate{Names: []string{"192.0.2.25"}},
			ours: "names 192.0.2.25, not mx.example.org", theirs: "hostname mismatch"},
		{name: "expired", cert: smtpscript.Certificate{Names: []string{mx}, Expired: true}, ours: "is expired", theirs: "certificate has expired"},
		{name: "self-signed", cert: smtpscript.Certificate{Names: []string{mx}, SelfSigned: true}, ours: "is self-signed", theirs: "self-signed certificate"},
		{name: "unknown authority", cert: smtpscript.Certificate{Names: []string{mx}, Untrusted: true},
			ours: "is of no trusted authority", theirs: "unable to get local issuer certificate"},
		{name: "no STARTTLS", cert: smtpscript.Certificate{Names: []string{mx}}, options: []string{"smtpd_tls_security_level=none"},
			ours: "offers no STARTTLS", theirs: "Didn't find STARTTLS"},
	}
	for _, test := range tests {
		s, err := scenario.Parse(fmt.Appendf(nil, starttlsWorld, time.Now().UTC().Format(time.RFC3339)))
		if err != nil {
			t.Fatal(err)
		}
		if test.world, err = s.Play(); err != nil {
			t.Fatal(err)
		}
		cert, err := test.world.CA.Issue(test.cert)
		if err != nil {
			t.Fatal(err)
		}
		test.address = mta.present(t, "example.org", mx, cert, test.options...)
	}
	mta.start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ours := strings.Join(tlsFindings(t, test.world, test.address), "\n")
			if (ours == "") != (test.ours == "") || !strings.Contains(ours, test.ours) {
				t.Errorf("findings %q, want %q", ours, test.ours)
			}
			theirs, err := sClient(t, openssl, test.address, mx, test.world.CA)
			if (err == nil) != (test.theirs == "") || !strings.Contains(theirs, test.theirs) {
				t.Errorf("openssl ends with %v and prints\n%s\nwant %q", err, theirs, test.theirs)
			}
		})
	}
}

// present makes Postfix a mail host of domain that shows cert, with further
// options of smtpd, and returns where it will listen.
func (p *postfix) present(t testing.TB, domain, host string, cert tls.Certificate, options ...string) string {
	t.Helper()
	address := peertest.Address(t)
	chain := filepath.Join(p.dir, fmt.Sprintf("%d.pem", len(p.listens)))
	peertest.Write(t, chain, pemOf(t, cert))
	fmt.Fprintf(&p.services, "%s inet n - n - - smtpd -o myhostname=%s -o smtpd_tls_chain_files=%s", address, host, chain)
	for _, option := range options {
		p.services.WriteString(" -o " + option)
	}
	p.services.WriteString("\n")
	p.domains = append(p.domains, domain)
	p.listens = append(p.listens, address)
	return address
}

// tlsFindings examines the TLS of the world's mail host, which is at address.
func tlsFindings(t *testing.T, world *scenario.World, address string) []string {
	t.Helper()
	list, err := checks.Select(suite.All(), []string{"smtp.starttls", "smtp.certificate", "smtp.tls-version"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	env := world.EnvOver(t.Context(), world.DNS(), func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	})
	var findings []string
	for _, r := range checks.Run(t.Context(), env, list, nil) {
		if r.Outcome == diagnosis.Unknown {
			t.Errorf("%s could not tell: %s", r.Rule.ID, r.Reason)
		}
		for _, f := range r.Findings {
			findings = append(findings, f.Message)
		}
	}
	return findings
}

// sClient is what openssl makes of the host at address: what it prints, and an
// error if it does not trust it.
func sClient(t *testing.T, openssl, address, host string, ca *smtpscript.CA) (string, error) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root.pem")
	peertest.Write(t, root, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root().Raw})))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, openssl, "s_client", "-connect", address, "-starttls", "smtp", "-name", "probe.example.net",
		"-servername", host, "-verify_hostname", host, "-verify_return_error", "-CAfile", root, "-no-CApath", "-no-CAstore", "-brief")
	cmd.Stdin = strings.NewReader("QUIT\r\n")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
