package policy

import (
	"slices"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// What several receivers ask for alike.
var (
	// soundSPF is an SPF record that can be evaluated and lets the senders pass.
	soundSPF = all(diagnosis.Warning, "spf.exists", "spf.single-record", "spf.syntax", "spf.missing-space", "spf.ip-family",
		"spf.include-target", "spf.redirect-target", "spf.include-loop", "spf.lookup-limit", "spf.authorises-ip")
	// soundDKIM is a key to sign with that receivers can use, of at least 1024 bits.
	soundDKIM = all(diagnosis.Critical, "dkim.selector-found", "dkim.record-syntax", "dkim.single-txt", "dkim.key-strength",
		"dkim.hash-and-service", "dkim.not-revoked")
	// someDMARC is a DMARC record that applies, of any policy.
	someDMARC = all(diagnosis.Warning, "dmarc.exists", "dmarc.single-record")
	// confirmedPTR is reverse DNS that leads back.
	confirmedPTR = all(diagnosis.Critical, "ptr.exists", "ptr.forward-confirmed")
	// notBlocked is no entry on the lists that are acted upon.
	notBlocked = all(diagnosis.Critical, "dnsbl.ip-listed", "dnsbl.ipv6-listed", "dnsbl.policy-listing", "dnsbl.domain-listed")
)

// All is every policy.
func All() []Policy {
	return []Policy{
		{
			Name: "gmail", Question: "Would Gmail accept mail from this domain?", AsOf: "2024-02-01",
			Source: diagnosis.Ref{Name: "Gmail email sender guidelines", URL: "https://support.google.com/mail/answer/81126"},
			Demands: slices.Concat(
				[]Demand{
					{Any: []string{"spf.exists", "dkim.selector-found"}, From: diagnosis.Warning},
					{Any: []string{"spf.authorises-ip", "dkim.domainkey-exists"}, From: diagnosis.Critical}, // neither could pass
				},
				confirmedPTR, notBlocked),
			Message: gmailMessage,
			Unseen:  []string{"TLS when sending", "messages formed by RFC 5322", "a spam rate below 0.1 %", "no gmail.com address in From"},
		},
		{
			Name: "gmail-bulk", Question: "Would Gmail accept bulk mail (5,000 a day and more) from this domain?", AsOf: "2024-02-01",
			Source:  diagnosis.Ref{Name: "Gmail email sender guidelines", URL: "https://support.google.com/mail/answer/81126"},
			Demands: slices.Concat(soundSPF, soundDKIM, someDMARC, confirmedPTR, notBlocked),
			Message: gmailBulkMessage,
			Unseen:  []string{"From aligned with SPF or DKIM", "one-click unsubscribe in marketing mail", "TLS when sending", "a spam rate below 0.1 %, never 0.3 %"},
		},
		{
			Name: "yahoo", Question: "Would Yahoo accept bulk mail from this domain?", AsOf: "2024-02-01",
			Source: diagnosis.Ref{Name: "Yahoo sender best practices", URL: "https://senders.yahooinc.com/best-practices/"},
			Demands: slices.Concat(soundSPF, soundDKIM, someDMARC, confirmedPTR,
				all(diagnosis.Warning, "ptr.generic-name"), notBlocked),
			Message: yahooMessage,
			Unseen:  []string{"From aligned with SPF or DKIM", "one-click unsubscribe, honoured within two days", "a low rate of complaints"},
		},
		{
			Name: "microsoft", Question: "Would Outlook.com accept bulk mail (more than 5,000 a day) from this domain?", AsOf: "2025-05-05",
			Source: diagnosis.Ref{
				Name: "Outlook requirements for high-volume senders",
				URL:  "https://techcommunity.microsoft.com/blog/microsoftdefenderforoffice365blog/strengthening-email-ecosystem-outlook%E2%80%99s-new-requirements-for-high%E2%80%90volume-senders/4399730",
			},
			Demands: slices.Concat(soundSPF, soundDKIM, someDMARC, notBlocked),
			Message: microsoftMessage,
			Unseen:  []string{"From aligned with SPF or DKIM", "a From or Reply-To that takes replies", "an unsubscribe link that works"},
		},
		{
			Name: "internet.nl", Question: "Would the mail of this domain get 100 % in the test of Internet.nl?", AsOf: "2026-07-01",
			Source: diagnosis.Ref{Name: "Internet.nl mail test", URL: "https://internet.nl/test-mail/"},
			Demands: slices.Concat(
				all(diagnosis.Warning, "spf.exists", "spf.all-present", "spf.all-permissive"), soundSPF[1:9],
				soundDKIM[:1], all(diagnosis.Warning, "dmarc.exists", "dmarc.policy-none", "dmarc.syntax"),
				all(diagnosis.Warning, "smtp.starttls", "smtp.tls-version"),
				all(diagnosis.Advice, "dnssec.ds-matches", "dane.chain-match"),
				present(diagnosis.Advice, "mx.dual-stack", "dnssec.signed-valid", "dane.published")),
			Unseen: []string{"the parameters of TLS in every detail", "route origin authorisations of mail hosts and name servers"},
		},
	}
}
