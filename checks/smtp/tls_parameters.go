package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// TLSParameters: what a host picks of what it is offered is sound.
var TLSParameters = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.tls-parameters",
		Title:    "Cipher suite, key exchange and signatures are sound",
		Severity: diagnosis.Advice,
		Why:      "Mail that is recorded today can be read in some years by whoever gets hold of the host's key, if there is no forward secrecy, or if the cipher is broken by then. National guidelines and internet.nl want neither.",
		Doc: `Each host is offered every cipher suite and group that the TLS library of maildoctor knows, old ones too, and picks one. Advice is given where it picks one without forward secrecy (key exchange by RSA), RC4, 3DES, or CBC with SHA-1, all of them insufficient by the guidelines of NCSC-NL (2025), or CBC with SHA-2, which is to be phased out there; where a TLS 1.2 session has no extended master secret; and where a certificate of the chain is signed with SHA-1. The conversation that offers nothing newer than TLS 1.1 is judged by forward secrecy, RC4 and 3DES. AEAD suites (GCM, ChaCha20-Poly1305) with ECDHE are sufficient, those of TLS 1.3 sufficient or good. A hybrid group such as X25519MLKEM768, which a quantum computer would not break, is noted; nobody has to have it yet.

It is advice because encryption on port 25 is opportunistic: with a weak suite a passer-by reads nothing, with none he reads all. So take away what is weak, but nothing that would leave only clear text.

Not seen are suites that a host would accept and does not pick; finite-field Diffie-Hellman (DHE), which is not offered, and its group; compression, renegotiation and early data, which are not asked for; and the hash that signs the handshake. A host that knows nothing but DHE fails in smtp.starttls.

To fix it: Postfix: smtpd_tls_mandatory_ciphers and smtpd_tls_ciphers = medium (or high), smtpd_tls_exclude_ciphers = aNULL, RC4, 3DES, kRSA, SHA1 (SHA1 leaves suites with that MAC out), tls_preempt_cipherlist = yes. Exim: tls_require_ciphers = ECDHE+AESGCM:ECDHE+CHACHA20. Exchange takes the suites of Windows (Schannel, by group policy). For a certificate that is signed with SHA-1, get a new one: no public authority has signed so since 2016.`,
		Refs: []diagnosis.Ref{
			{Name: "RFC 9325, 4.1"}, {Name: "RFC 9325, 4.2"}, {Name: "RFC 7465, 2"}, {Name: "RFC 7627, 5"}, {Name: "RFC 9155, 3"},
			{Name: "NCSC-NL, Security guidelines for TLS, 2025-05", URL: "https://www.ncsc.nl/api/media/sites/default/files/Publication_TLS-Security%20guidelines-2025-05_ENG.pdf"},
		},
	},
	Needs: []*checks.Check{STARTTLS},
	Run:   tlsParameters,
})

func tlsParameters(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	dane, err := facts.DANE.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	return eachGreeted(ctx, env, func(a assessor) {
		if a.TLS == nil {
			return // the matter of STARTTLS
		}
		suites := []string{"Offer ECDHE with AES-GCM or ChaCha20-Poly1305, and nothing weaker before it; in Postfix: smtpd_tls_exclude_ciphers = aNULL, RC4, 3DES, kRSA, SHA1 and tls_preempt_cipherlist = yes, then postfix reload."}
		proof := []probe.Stage{probe.StageSTARTTLS, probe.StageTLS}
		if level, why := weaknesses(a.TLS); len(why) > 0 {
			a.fault(diagnosis.Advice, fmt.Sprintf("picks %s: %s (%s)", tls.CipherSuiteName(a.TLS.Cipher), strings.Join(why, ", "), level), suites, proof...)
		}
		if !isExcused(env, dane, a.HostSession) {
			if which := signedWithSHA1(a.TLS.Chain); which != "" {
				a.fault(diagnosis.Advice, "shows "+which+" that is signed with SHA-1, which verifiers no longer accept",
					[]string{"Have a new certificate issued, and install it with its intermediates (fullchain.pem)."}, proof...)
			}
		}
		if old := a.OldTLS.TLS; old != nil && old.Version < a.TLS.Version {
			if level, why := weaknesses(old); len(why) > 0 {
				now := a
				now.Session = a.OldTLS // the proof
				now.fault(diagnosis.Advice, fmt.Sprintf("lets old clients use %s: %s (%s)", tls.CipherSuiteName(old.Cipher), strings.Join(why, ", "), level), suites, proof...)
			}
		}
		a.seen("%s", parameters(a.TLS))
	})
}

// weaknesses is what is weak about the suite that a handshake ended with, in the
// words of NCSC-NL, and how much.
func weaknesses(t *probe.TLS) (level string, why []string) {
	name := tls.CipherSuiteName(t.Cipher)
	level = "NCSC-NL: insufficient"
	if strings.HasPrefix(name, "TLS_RSA_") {
		why = append(why, "no forward secrecy, the key exchange is by RSA") // RFC 9325, 4.1
	}
	switch {
	case strings.Contains(name, "_RC4_"):
		why = append(why, "RC4 is broken") // RFC 7465
	case strings.Contains(name, "_3DES_"):
		why = append(why, "3DES has blocks of 64 bits")
	case t.Version < tls.VersionTLS12: // CBC with SHA-1 is all there is
	case strings.HasSuffix(name, "_CBC_SHA"):
		why = append(why, "CBC with SHA-1")
	case strings.Contains(name, "_CBC_"):
		if len(why) == 0 {
			level = "NCSC-NL: to be phased out"
		}
		why = append(why, "CBC, and no AEAD")
	}
	if t.Version == tls.VersionTLS12 && !t.MasterSecret {
		why = append(why, "no extended master secret") // RFC 7627
	}
	return level, why
}

// signedWithSHA1 is the certificate of a chain that is, in words. A signature of a
// certificate over itself is not looked at by anybody.
func signedWithSHA1(chain [][]byte) string {
	for i, der := range chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil || bytes.Equal(cert.RawIssuer, cert.RawSubject) {
			continue
		}
		switch cert.SignatureAlgorithm {
		case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if i == 0 {
				return "a certificate"
			}
			return "an intermediate certificate"
		}
	}
	return ""
}

// parameters is what a handshake ended with.
func parameters(t *probe.TLS) string {
	said := tls.VersionName(t.Version) + ", " + tls.CipherSuiteName(t.Cipher)
	if t.Group != 0 {
		said += ", " + group(t.Group)
	}
	return said
}

// group is the usual name of a group, and a word where it is a new kind of one.
func group(id tls.CurveID) string {
	switch id {
	case tls.CurveP256:
		return "P-256"
	case tls.CurveP384:
		return "P-384"
	case tls.CurveP521:
		return "P-521"
	}
	name := id.String()
	if strings.Contains(name, "MLKEM") {
		name += " (post-quantum hybrid)"
	}
	return name
}
