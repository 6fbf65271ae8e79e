package senders

import (
	"slices"

	"github.com/maildoctor/maildoctor/record"
)

// A Service sends mail for its customers.
type Service struct {
	Name string
	// SPF is the domains of the SPF records that its customers include, or that hold
	// its addresses. Signs is the domains that it signs with, and takes bounces at,
	// where a customer has not set up the service to do so in the customer's name.
	SPF, Signs []string
	// Carries tells that it takes mail, too, for people who have it forwarded, or for
	// servers behind it. That a signature comes through it shows nothing.
	Carries bool
}

// Services are the mail services that are known by name.
func Services() []Service {
	return []Service{
		{"Google Workspace", []string{"_spf.google.com"}, []string{"gappssmtp.com", "google.com", "gmail.com"}, true},
		{"Microsoft 365", []string{"spf.protection.outlook.com"}, []string{"onmicrosoft.com", "outlook.com"}, true},
		{"Fastmail", []string{"messagingengine.com"}, []string{"messagingengine.com", "fastmail.com"}, true},
		{"Proton", []string{"_spf.protonmail.ch"}, []string{"protonmail.ch", "protonmail.com", "proton.me"}, true},
		{"Migadu", []string{"spf.migadu.com"}, []string{"migadu.com"}, true},
		{"iCloud", []string{"icloud.com"}, []string{"icloud.com"}, true},
		{"Zoho", []string{"zoho.com", "zoho.eu", "zoho.in", "zoho.jp", "zoho.com.au", "zohomail.com", "zohomail.eu", "zohomail.in"}, []string{"zohomail.com", "zohomail.eu", "zoho.com", "zoho.eu"}, true},
		{"mailbox.org", []string{"mailbox.org"}, []string{"mailbox.org"}, true},
		{"Gandi", []string{"_mailcust.gandi.net"}, []string{"gandi.net"}, true},
		{"IONOS", []string{"ionos.com", "kundenserver.de", "perfora.net"}, []string{"kundenserver.de", "perfora.net"}, true},
		{"Hostinger", []string{"mail.hostinger.com"}, []string{"hostinger.com"}, true},
		{"Titan", []string{"titan.email"}, []string{"titan.email"}, true},
		{"Yandex", []string{"_spf.yandex.net"}, []string{"yandex.ru", "yandex.net"}, true},
		{"OVHcloud", []string{"mx.ovh.com"}, []string{"ovh.net"}, true},
		{"ImprovMX", []string{"improvmx.com"}, []string{"improvmx.com"}, true},
		{"Forward Email", []string{"forwardemail.net"}, []string{"forwardemail.net"}, true},
		{"Cloudflare Email Routing", []string{"_spf.mx.cloudflare.net"}, []string{"cloudflare-email.net", "cloudflare-email.com"}, true},

		{"SendGrid", []string{"sendgrid.net"}, []string{"sendgrid.net", "sendgrid.info"}, false},
		{"Mailgun", []string{"mailgun.org"}, []string{"mailgun.org", "mailgun.net"}, false},
		{"Mailchimp", []string{"servers.mcsv.net"}, []string{"mcsv.net", "mcdlv.net", "rsgsv.net", "mailchimpapp.net", "mailchimpapp.com"}, false},
		{"Mandrill", []string{"spf.mandrillapp.com"}, []string{"mandrillapp.com"}, false},
		{"Brevo", []string{"spf.brevo.com", "spf.sendinblue.com"}, []string{"sendinblue.com", "brevo.com", "sender-sib.com", "mailin.fr"}, false},
		{"Mailjet", []string{"spf.mailjet.com"}, []string{"mailjet.com"}, false},
		{"Zendesk", []string{"mail.zendesk.com"}, []string{"zendesk.com"}, false},
		{"Amazon SES", []string{"amazonses.com"}, []string{"amazonses.com"}, false},
		{"Postmark", []string{"spf.mtasv.net"}, []string{"mtasv.net"}, false},
		{"SparkPost", []string{"sparkpostmail.com"}, []string{"sparkpostmail.com"}, false},
		{"Salesforce", []string{"_spf.salesforce.com"}, []string{"salesforce.com", "exacttarget.com"}, false},
		{"HubSpot", []string{"hubspotemail.net"}, []string{"hubspotemail.net"}, false},

		{"Proofpoint", []string{"pphosted.com", "ppe-hosted.com"}, []string{"pphosted.com", "ppe-hosted.com"}, true},
		{"Mimecast", []string{"_netblocks.mimecast.com"}, []string{"mimecast.com"}, true},
		{"Barracuda", []string{"spf.ess.barracudanetworks.com"}, []string{"barracudanetworks.com"}, true},
		{"Hornetsecurity", []string{"antispameurope.com", "hornetsecurity.com"}, []string{"antispameurope.com", "hornetsecurity.com"}, true},
		{"Broadcom Email Security", []string{"spf.messagelabs.com"}, []string{"messagelabs.com"}, true},
	}
}

// Signing is the service that signs, or takes bounces, with a name of its own.
func Signing(name string) (Service, bool) {
	return serviceWhere(func(s Service) bool { return within(name, s.Signs) })
}

// Including is the service whose SPF record stands at a name.
func Including(name string) (Service, bool) {
	return serviceWhere(func(s Service) bool { return within(name, s.SPF) })
}

func serviceWhere(is func(Service) bool) (Service, bool) {
	all := Services()
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	return Service{}, false
}

func within(name string, domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return record.Within(name, d) })
}
