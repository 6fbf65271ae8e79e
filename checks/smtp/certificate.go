package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// Certificate: a sender that verifies is content.
var Certificate = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.certificate",
		Title:    "The certificate is trusted, names the MX host and is not about to expire",
		Severity: diagnosis.Warning,
		Why:      "Senders that verify certificates, by MTA-STS or their own policy, do not deliver to a host that shows a bad one. Others deliver, to whoever shows any.",
		Doc: `The certificate that each host shows after STARTTLS has to lead to a root that this machine trusts, to name the host as the MX record does (in a subject alternative name; the common name does not count), and to be valid, for more than 14 days yet or, if it was issued for less than eight weeks, for more than a quarter of its life. RSA keys have at least 2048 bits, keys on elliptic curves 224.

Most senders encrypt opportunistically and take any certificate. Under an MTA-STS policy in mode enforce a bad one means that mail is not delivered; that is the matter of the mtasts checks. Senders that use DANE go by the TLSA records instead: with usage 3 (DANE-EE) the name, the date and the issuer do not matter to them. A host that has chosen that way, with a record of usage 3 that is secure and fits, passes with a note (smtp.cert-dane-exempt).

The usual faults: the certificate is for the web server's name and not for the mail host's; the intermediate certificate is missing from the file (use fullchain.pem, not cert.pem); it was renewed, and the mail server still has the old one in memory (reload it after each renewal). Postfix: smtpd_tls_chain_files, then postfix reload. In Mailu and mailcow the host name of the installation (HOSTNAMES, MAILCOW_HOSTNAME) has to be the one in the MX record.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9525, 6"}, {Name: "RFC 8461, 4.2"}, {Name: "RFC 7672, 3.1.1"}, {Name: "RFC 9325, 4.5"}},
	},
	Needs: []*checks.Check{STARTTLS},
	Run:   certificate,
})

func certificate(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	now := env.Now()
	dane, err := facts.DANE.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	return eachGreeted(ctx, env, func(a assessor) {
		if a.TLS == nil {
			return // the matter of STARTTLS
		}
		steps := []string{fmt.Sprintf("Give the mail server a certificate for %s from a public authority such as Let's Encrypt, with its intermediates (fullchain.pem), and reload it.", record.Display(a.Host.Name))}
		proof := []probe.Stage{probe.StageSTARTTLS, probe.StageTLS}
		var wrong []string
		for _, f := range a.TLS.ChainFaults {
			detail := ""
			if f.Detail != "" {
				detail = " (" + f.Detail + ")"
			}
			wrong = append(wrong, chainFaults[f.Kind]+detail)
		}
		if a.TLS.NameFault != "" {
			wrong = append(wrong, a.TLS.NameFault)
		}
		excused := isExcused(env, dane, a.HostSession)
		switch {
		case len(wrong) > 0 && excused:
			a.seen("a certificate that %s; a TLSA record of usage 3 excuses that", strings.Join(wrong, ", and "))
		case len(wrong) > 0:
			a.fault(diagnosis.Warning, "shows a certificate that "+strings.Join(wrong, ", and "), steps, proof...)
		}
		leaf, err := x509.ParseCertificate(first(a.TLS.Chain))
		if err != nil {
			return // then it has a fault already
		}
		if left := leaf.NotAfter.Sub(now); left > 0 && left <= shortly(leaf) && !excused {
			a.fault(diagnosis.Warning, fmt.Sprintf("shows a certificate that expires in %s, on %s", days(left), leaf.NotAfter.UTC().Format(time.DateOnly)),
				[]string{"Renew the certificate, and find out why that did not happen by itself (certbot renew --dry-run, or the log of the ACME client); then reload the mail server."}, proof...)
		}
		if weak := weakness(leaf); weak != "" {
			a.fault(diagnosis.Warning, "shows a certificate with "+weak, []string{"Make a new key (RSA with 2048 bits, or ECDSA on P-256) and have a certificate issued for it."}, proof...)
		}
		a.seen("%s, until %s", a.TLS, leaf.NotAfter.UTC().Format(time.DateOnly))
	})
}

var chainFaults = map[probe.FaultKind]string{
	probe.Expired:     "is expired",
	probe.NotYetValid: "is not valid yet",
	probe.SelfSigned:  "is self-signed",
	probe.Untrusted:   "is of no trusted authority, or lacks an intermediate",
	probe.BadChain:    "has an invalid chain",
}

// shortly is how long before its end a certificate should have been renewed. A
// certificate for 90 days is renewed a month before, one for six days some two.
func shortly(leaf *x509.Certificate) time.Duration {
	return min(14*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/4)
}

// days is a time in days, to the nearest.
func days(d time.Duration) string {
	switch n := int(d.Round(24*time.Hour) / (24 * time.Hour)); n {
	case 0:
		return "less than a day"
	case 1:
		return "a day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}

// weakness is what makes the key too weak (RFC 9325, 4.5); empty if it is not.
func weakness(leaf *x509.Certificate) string {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < 2048 {
			return fmt.Sprintf("an RSA key of %d bits, fewer than 2048", n)
		}
	case *ecdsa.PublicKey:
		if n := key.Curve.Params().BitSize; n < 224 {
			return fmt.Sprintf("a key on a curve of %d bits, fewer than 224", n)
		}
	}
	return ""
}

func first(chain [][]byte) []byte {
	if len(chain) == 0 {
		return nil
	}
	return chain[0]
}
