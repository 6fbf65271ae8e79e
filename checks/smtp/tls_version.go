package smtp

import (
	"context"
	"crypto/tls"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// TLSVersion: TLS is of a version that still protects.
var TLSVersion = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.tls-version",
		Title:    "TLS 1.2 or 1.3 is negotiated, and nothing older is accepted",
		Severity: diagnosis.Warning,
		Why:      "TLS 1.0 and 1.1 are broken and retired. A host that has nothing newer is refused by modern senders, which then deliver in clear text or not at all.",
		Doc: `The version is the one that is negotiated with a client that knows all from 1.0 to 1.3. A host that gets no further than 1.1 is a warning.

With one address of each host a second handshake offers 1.1 at most, which a host should refuse. That it accepts is advice: encryption on port 25 is opportunistic, and a sender with nothing newer would otherwise deliver in clear text. Large receivers keep the old versions for that reason; internet.nl and the guidelines of national authorities (NCSC-NL, BSI TR-03116) want them gone. Where the second conversation does not come about, nothing is concluded from it.

To fix it, update the TLS library, and allow nothing older than 1.2. Postfix 3.6 and newer: smtpd_tls_protocols = >=TLSv1.2 (before that: !SSLv2, !SSLv3, !TLSv1, !TLSv1.1). Exim with OpenSSL: openssl_options = +no_sslv2 +no_sslv3 +no_tlsv1 +no_tlsv1_1. Exchange takes the versions of Windows (Schannel). In mailcow put the Postfix setting into data/conf/postfix/extra.cf. Mailu keeps port 25 as compatible as can be on purpose (TLS_PERMISSIVE). Stalwart knows nothing older than 1.2.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8996, 4"}, {Name: "RFC 8996, 5"}, {Name: "RFC 9325, 3.1.1"}},
	},
	Needs: []*checks.Check{STARTTLS},
	Run:   tlsVersion,
})

func tlsVersion(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	steps := []string{"Allow TLS 1.2 and 1.3 only; in Postfix: postconf -e 'smtpd_tls_protocols = >=TLSv1.2', then postfix reload."}
	return eachGreeted(ctx, env, func(a assessor) {
		if a.TLS == nil {
			return // the matter of STARTTLS
		}
		name := tls.VersionName(a.TLS.Version)
		old := a.OldTLS.TLS
		switch {
		case a.TLS.Version < tls.VersionTLS12: // RFC 8996
			a.fault(diagnosis.Warning, "has no TLS newer than "+name,
				append([]string{"Update the mail server and its TLS library to one that knows TLS 1.2 and 1.3."}, steps...), probe.StageSTARTTLS, probe.StageTLS)
		case old != nil:
			a.HostSession.Session = a.OldTLS // the proof
			a.fault(diagnosis.Advice, "negotiates "+name+" but still accepts "+tls.VersionName(old.Version), steps, probe.StageSTARTTLS, probe.StageTLS)
		}
		a.seen("%s", name)
	})
}
