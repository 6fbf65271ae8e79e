package facts

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A DKIMProvider is a mail service and the selectors under which its customers'
// keys stand, where they can be told.
type DKIMProvider struct {
	Name string
	// hosts are the domains of its SPF includes and MX hosts; a name is the
	// provider's if it stands at or below one of them.
	hosts []string
	// Selectors that it signs with. Empty where each customer has others, which
	// cannot be guessed.
	Selectors []string
}

// providers is from the set-up pages of the services.
var providers = []DKIMProvider{
	{"Google Workspace", []string{"_spf.google.com", "aspmx.l.google.com", "smtp.google.com", "googlemail.com"}, []string{"google"}},
	{"Microsoft 365", []string{"spf.protection.outlook.com", "mail.protection.outlook.com", "mx.microsoft"}, []string{"selector1", "selector2"}},
	{"Fastmail", []string{"messagingengine.com"}, []string{"fm1", "fm2", "fm3"}},
	{"Proton", []string{"protonmail.ch"}, []string{"protonmail", "protonmail2", "protonmail3"}},
	{"Migadu", []string{"migadu.com"}, []string{"key1", "key2", "key3"}},
	{"iCloud", []string{"icloud.com"}, []string{"sig1"}},
	{"Zoho", []string{"zoho.com", "zoho.eu", "zoho.in", "zohomail.com", "zohomail.eu"}, []string{"zmail", "zoho"}},
	{"mailbox.org", []string{"mailbox.org"}, []string{"mbo0001", "mbo0002", "mbo0003", "mbo0004"}},
	{"Gandi", []string{"gandi.net"}, []string{"gm1", "gm2", "gm3"}},
	{"IONOS", []string{"ionos.com", "kundenserver.de", "perfora.net"}, []string{"s1-ionos", "s2-ionos"}},
	{"Hostinger", []string{"mail.hostinger.com"}, []string{"hostingermail1", "hostingermail-a", "hostingermail-b", "hostingermail-c"}},
	{"Titan", []string{"titan.email"}, []string{"titan1", "titan2"}},
	{"ImprovMX", []string{"improvmx.com"}, []string{"dkimprovmx1", "dkimprovmx2"}},
	{"Yandex", []string{"_spf.yandex.net", "mx.yandex.net"}, []string{"mail"}},
	{"SendGrid", []string{"sendgrid.net"}, []string{"s1", "s2", "smtpapi"}},
	{"Mailgun", []string{"mailgun.org"}, []string{"pdk1", "pdk2", "k1", "mx", "mta", "mailo"}},
	{"Mailchimp", []string{"servers.mcsv.net"}, []string{"k1", "k2", "k3"}},
	{"Mandrill", []string{"spf.mandrillapp.com"}, []string{"mte1", "mte2", "mandrill"}},
	{"Brevo", []string{"spf.brevo.com", "spf.sendinblue.com"}, []string{"brevo1", "brevo2", "mail"}},
	{"Mailjet", []string{"spf.mailjet.com"}, []string{"mailjet"}},
	{"Zendesk", []string{"mail.zendesk.com"}, []string{"zendesk1", "zendesk2"}},
	{"Amazon SES", []string{"amazonses.com", "amazonaws.com"}, nil},
	{"Postmark", []string{"spf.mtasv.net"}, nil},
	{"SparkPost", []string{"sparkpostmail.com"}, nil},
	{"Forward Email", []string{"forwardemail.net"}, nil},
	{"Salesforce", []string{"_spf.salesforce.com"}, nil},
	{"HubSpot", []string{"hubspotemail.net"}, nil},
	{"OVHcloud", []string{"mx.ovh.com", "mail.ovh.net"}, nil},
}

// common is the selectors that are tried for every domain: the defaults of mail
// servers and suites, and those of the services used most. Every one costs a question.
var common = []string{
	"default",                // OpenDKIM, cPanel, Plesk
	"mail",                   // Mail-in-a-Box, docker-mailserver, YunoHost, Brevo, Yandex
	"dkim",                   // mailcow, Mailu, iRedMail, rspamd
	"modoboa",                // Modoboa
	"x",                      // DirectAdmin, Exim in Debian
	"google",                 // Google Workspace
	"selector1", "selector2", // Microsoft 365
	"s1", "s2", // SendGrid and others
	"k1", "k2", "k3", // Mailchimp, Mailgun
	"key1",       // Migadu
	"fm1",        // Fastmail
	"sig1",       // iCloud
	"protonmail", // Proton
	"zmail",      // Zoho
	"mte1",       // Mandrill
	"mailjet",    // Mailjet
	"brevo1",     // Brevo
	"pdk1",       // Mailgun
	"resend",     // Resend
	"pm",         // Postmark
	"gm1",        // Gandi
	"mx", "smtp", "m1", "email", "dkim1",
}

// commonSelectors is the common list and the yearly selector of mox.
func commonSelectors(now time.Time) []string {
	return append(slices.Clone(common), fmt.Sprintf("%da", now.Year()))
}

// inferProviders tells the mail services of a domain from the include and
// redirect terms of its SPF record and from its MX hosts.
func inferProviders(txt, mx resolve.Answer) []DKIMProvider {
	var names []string
	for _, text := range txt.Texts() {
		fields := strings.Fields(strings.ToLower(text))
		if len(fields) == 0 || fields[0] != "v=spf1" {
			continue
		}
		for _, term := range fields[1:] {
			term = strings.TrimLeft(term, "+-~?")
			for _, prefix := range []string{"include:", "redirect="} {
				if name, ok := strings.CutPrefix(term, prefix); ok {
					names = append(names, name)
				}
			}
		}
	}
	for _, r := range mx.Records {
		if _, host, ok := r.MX(); ok {
			names = append(names, host)
		}
	}
	var found []DKIMProvider
	for _, p := range providers {
		if slices.ContainsFunc(names, p.owns) {
			found = append(found, p)
		}
	}
	return found
}

func (p DKIMProvider) owns(name string) bool {
	return slices.ContainsFunc(p.hosts, func(host string) bool { return record.Within(name, host) })
}
