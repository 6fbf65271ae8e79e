package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// STARTTLS: every mail host takes mail encrypted.
var STARTTLS = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.starttls",
		Title:    "STARTTLS is offered, and leads to TLS",
		Severity: diagnosis.Warning,
		Why:      "Without STARTTLS the domain's mail crosses the internet in clear text, and senders that insist on TLS do not deliver it at all.",
		Doc: `Each address of each MX host is asked: it has to offer STARTTLS in its reply to EHLO, accept the command, finish the TLS handshake and take EHLO again inside TLS. Which certificate it shows is the matter of smtp.certificate.

Gmail and others mark mail that was not encrypted on its way. Where MTA-STS or DANE is published, senders that know it hold the mail back instead.

A temporary refusal (454) or a handshake that takes long leaves the question open. An extension that reads XXXXXXXA or the like is STARTTLS painted over by a firewall ("inspect esmtp" on Cisco devices). Such a firewall may also stand before the machine on which maildoctor runs; look from elsewhere if the server itself says that it offers STARTTLS.

To fix it, give the mail server a certificate and key. Postfix: smtpd_tls_chain_files with the key and the full chain, and smtpd_tls_security_level = may. Exim: tls_certificate, tls_privatekey and tls_advertise_hosts = *. Mailu: TLS_FLAVOR=letsencrypt, or mail-letsencrypt behind a proxy. mailcow and Stalwart get a certificate by themselves (ACME) once the host name resolves to them. Do not require TLS on port 25: a public mail host must not.`,
		Refs: []diagnosis.Ref{{Name: "RFC 3207, 4"}, {Name: "RFC 7435, 3"}},
	},
	Needs: []*checks.Check{EHLOExtensions},
	Run:   startTLS,
})

func startTLS(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	return eachGreeted(ctx, env, func(a assessor) {
		hello, ok := a.Step(probe.StageEHLO)
		if !ok || hello.Err != nil {
			return // the matter of EHLOExtensions
		}
		command, asked := a.Step(probe.StageSTARTTLS)
		if !asked {
			unoffered(a, hello)
			return
		}
		handshake, _ := a.Step(probe.StageTLS)
		again, _ := a.Step(probe.StageEHLO2)
		for _, step := range []probe.Step{command, handshake, again} {
			if step.Err != nil {
				unfinished(a, step)
				return
			}
		}
		if a.TLS == nil {
			a.doubt("was not asked for TLS before the examination ended")
			return
		}
		if n := len(a.TLS.Injected); n > 0 {
			a.fault(diagnosis.Warning, fmt.Sprintf("says something in clear text between its reply to STARTTLS and the handshake: %q", clip(string(a.TLS.Injected))),
				[]string{"Update the mail server, or take out the proxy in front of it: nobody may speak between the two."}, probe.StageSTARTTLS, probe.StageTLS)
		}
		a.seen("%s, %s", tls.VersionName(a.TLS.Version), tls.CipherSuiteName(a.TLS.Cipher))
	})
}

// unoffered judges a host that does not offer STARTTLS.
func unoffered(a assessor, hello probe.Step) {
	text, steps := "offers no STARTTLS: mail to it is not encrypted", []string{
		"Give the mail server a certificate and key and turn STARTTLS on for port 25; in Postfix: smtpd_tls_chain_files and smtpd_tls_security_level = may.",
	}
	for _, extension := range hello.Extensions() {
		if len(extension) >= 7 && strings.Trim(extension, "X") == strings.TrimLeft(extension, "X") && len(strings.TrimLeft(extension, "X")) <= 1 {
			text = fmt.Sprintf("offers %q where STARTTLS belongs: a firewall paints it over", clip(extension))
			steps = []string{`Turn off the inspection of SMTP on the firewall in front of it; on Cisco ASA: "no inspect esmtp" in the policy map.`}
			break
		}
	}
	a.fault(diagnosis.Warning, text, steps, probe.StageEHLO)
}

// unfinished judges a host with which TLS did not come about.
func unfinished(a assessor, step probe.Step) {
	how, cut := interrupted(step)
	if step.Stage == probe.StageTLS && step.Err.Kind == probe.Closed {
		cut = false // a handshake that ends so does for everybody
	}
	steps := []string{"Look into the mail server's log for the moment of this examination: as a rule its certificate or key cannot be read, or do not belong together."}
	proof := []probe.Stage{probe.StageSTARTTLS, probe.StageTLS, probe.StageEHLO2}
	switch {
	case cut:
		a.doubt("offers STARTTLS; at %s it %s", step.Stage, how)
	case step.Stage == probe.StageSTARTTLS:
		a.fault(diagnosis.Warning, "offers STARTTLS and refuses it: "+quoted(step), steps, proof...)
	case step.Stage == probe.StageTLS:
		a.fault(diagnosis.Warning, fmt.Sprintf("offers STARTTLS, but the TLS handshake fails: %s", clip(said(step.Err))), steps, proof...)
	default:
		a.fault(diagnosis.Warning, "takes no EHLO inside TLS: "+quoted(step), steps, proof...)
	}
}

// said is the detail of a fault, or its kind where there is none.
func said(e *probe.Error) string {
	if e.Detail == "" {
		return e.Kind.String()
	}
	return e.Detail
}
