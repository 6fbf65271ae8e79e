package smtp

import (
	"context"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// AUTHBeforeTLS: no password is asked for in clear text.
var AUTHBeforeTLS = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.auth-before-tls",
		Title:    "AUTH is not offered in clear text",
		Severity: diagnosis.Warning,
		Why:      "A client that logs in without TLS shows its password to everybody on the way. Whoever reads it sends spam through the account.",
		Doc: `The host is not to offer AUTH in its reply to EHLO before STARTTLS. That it offers AUTH on port 25 at all, inside TLS, is advice: port 25 is for servers, which do not log in, and password guessers come there first. People's mail programs use port 465 or 587.

To fix it: Postfix: smtpd_tls_auth_only = yes, and smtpd_sasl_auth_enable = no in main.cf with "-o smtpd_sasl_auth_enable=yes" at submission and submissions in master.cf. Exim: auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}. Exchange: take Basic authentication off the receive connector on port 25.`,
		Refs: []diagnosis.Ref{{Name: "RFC 4954, 4"}, {Name: "RFC 8314, 4.1"}, {Name: "RFC 8314, 3.3"}},
	},
	Needs: []*checks.Check{EHLOExtensions},
	Run:   authBeforeTLS,
})

func authBeforeTLS(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	return eachGreeted(ctx, env, func(a assessor) {
		hello, ok := a.Step(probe.StageEHLO)
		if !ok || hello.Err != nil {
			return // the matter of EHLOExtensions
		}
		inside, _ := a.Step(probe.StageEHLO2)
		switch clear, encrypted := mechanisms(hello), mechanisms(inside); {
		case clear != "":
			a.fault(diagnosis.Warning, "offers AUTH "+clip(clear)+" in clear text on port 25", []string{
				"Offer AUTH inside TLS only; in Postfix: postconf -e smtpd_tls_auth_only=yes, then postfix reload.",
				"Better, do not offer AUTH on port 25 at all: people submit their mail on port 465 or 587.",
			}, probe.StageEHLO)
		case encrypted != "":
			a.fault(diagnosis.Advice, "offers AUTH "+clip(encrypted)+" on port 25, where password guessers come first", []string{
				"Offer AUTH on ports 465 and 587 only; in Postfix: smtpd_sasl_auth_enable = no in main.cf, and yes for submission and submissions in master.cf.",
			}, probe.StageEHLO2)
		default:
			a.seen("no AUTH")
		}
	})
}

// mechanisms is what a reply to EHLO offers for AUTH, also in the form "AUTH=LOGIN"
// that old servers add for old clients.
func mechanisms(step probe.Step) string {
	for _, extension := range step.Extensions() {
		if len(extension) > 4 && strings.EqualFold(extension[:4], "AUTH") && (extension[4] == ' ' || extension[4] == '=') {
			return strings.ToUpper(strings.TrimSpace(extension[5:]))
		}
	}
	return ""
}
