package migration

import (
	"strings"
)

// verifiers are the beginnings of texts by which services know a domain.
var verifiers = []struct{ prefix, who string }{
	{"google-site-verification=", "Google"}, {"MS=", "Microsoft"}, {"ms=", "Microsoft"}, {"apple-domain", "Apple"},
	{"facebook-domain-verification=", "Meta"}, {"zoho-verification=", "Zoho"}, {"protonmail-verification=", "Proton"},
	{"hosted-email-verify=", "Migadu"}, {"brevo-code:", "Brevo"}, {"sendinblue-code:", "Brevo"}, {"atlassian-domain-verification=", "Atlassian"},
	{"docusign=", "DocuSign"}, {"adobe-idp-site-verification=", "Adobe"}, {"stripe-verification=", "Stripe"}, {"amazonses:", "Amazon SES"},
	{"yandex-verification", "Yandex"}, {"globalsign-domain-verification=", "GlobalSign"}, {"forward-email-site-verification=", "Forward Email"},
	{"forward-email=", "Forward Email"}, {"mailru-verification", "VK"}, {"zapier-domain-verification-challenge=", "Zapier"},
	{"slack-domain-verification=", "Slack"}, {"dropbox-domain-verification=", "Dropbox"}, {"have-i-been-pwned-verification=", "Have I Been Pwned"},
	{"keybase-site-verification=", "Keybase"}, {"openai-domain-verification=", "OpenAI"}, {"cisco-ci-domain-verification=", "Cisco"},
	{"webexdomainverification", "Cisco"}, {"ZOOM_verify_", "Zoom"}, {"onetrust-domain-verification=", "OneTrust"}, {"hubspot-developer-verification=", "HubSpot"},
	{"mgverify=", "Mailgun"}, {"sending_domain", "Postmark"}, {"status-page-domain-verification=", "Atlassian"}, {"1password-site-verification=", "1Password"},
	{"teamviewer-sso-verification=", "TeamViewer"}, {"miro-verification=", "Miro"}, {"notion-domain-verification=", "Notion"},
}

// verifier is who knows the domain by a text.
func verifier(text string) (who string, ok bool) {
	for _, v := range verifiers {
		if strings.HasPrefix(text, v.prefix) {
			return v.who, true
		}
	}
	return "", false
}
