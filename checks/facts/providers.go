package facts

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Provider is a mail service and what its customers publish.
type Provider struct {
	Name string
	// MX and SPF are the domains of the MX hosts and of the SPF records that
	// customers name; a name is the provider's if it stands at or below one.
	MX, SPF []string
	// Include is what customers add to their SPF record for the mail that its MX
	// hosts' service sends; empty where the manual wants none, or none is known.
	Include string
	// Selectors that it signs with. Empty where each customer has others, which
	// cannot be guessed.
	Selectors []string
	// Filter tells a service that takes mail to pass it on, to hosts that the MX
	// set does not show.
	Filter bool
}

// Providers is what the set-up pages of mail services say.
func Providers() []Provider {
	return slices.Concat(mailboxes(), relays(), filters())
}

// mailboxes are services that keep or forward their customers' mail.
func mailboxes() []Provider {
	return []Provider{
		{Name: "Google Workspace", MX: []string{"google.com", "googlemail.com"}, SPF: []string{"_spf.google.com"}, Include: "_spf.google.com", Selectors: []string{"google"}},
		{Name: "Microsoft 365", MX: []string{"mail.protection.outlook.com", "mx.microsoft"}, SPF: []string{"spf.protection.outlook.com"}, Include: "spf.protection.outlook.com", Selectors: []string{"selector1", "selector2"}},
		{Name: "Fastmail", MX: []string{"messagingengine.com"}, SPF: []string{"messagingengine.com"}, Include: "spf.messagingengine.com", Selectors: []string{"fm1", "fm2", "fm3"}},
		{Name: "Proton", MX: []string{"protonmail.ch"}, SPF: []string{"_spf.protonmail.ch"}, Include: "_spf.protonmail.ch", Selectors: []string{"protonmail", "protonmail2", "protonmail3"}},
		{Name: "Migadu", MX: []string{"migadu.com"}, SPF: []string{"spf.migadu.com"}, Include: "spf.migadu.com", Selectors: []string{"key1", "key2", "key3"}},
		{Name: "iCloud", MX: []string{"mail.icloud.com"}, SPF: []string{"icloud.com"}, Include: "icloud.com", Selectors: []string{"sig1"}},
		{Name: "Zoho", MX: zoho, SPF: zoho, Selectors: []string{"zmail", "zoho"}},
		{Name: "mailbox.org", MX: []string{"mailbox.org"}, SPF: []string{"mailbox.org"}, Include: "mailbox.org", Selectors: []string{"mbo0001", "mbo0002", "mbo0003", "mbo0004"}},
		{Name: "Gandi", MX: []string{"mail.gandi.net"}, SPF: []string{"_mailcust.gandi.net"}, Include: "_mailcust.gandi.net", Selectors: []string{"gm1", "gm2", "gm3"}},
		{Name: "IONOS", MX: []string{"ionos.com", "ionos.de", "kundenserver.de", "perfora.net"}, SPF: []string{"ionos.com", "kundenserver.de", "perfora.net"}, Selectors: []string{"s1-ionos", "s2-ionos"}},
		{Name: "Hostinger", MX: []string{"mail.hostinger.com", "hostinger.com"}, SPF: []string{"mail.hostinger.com"}, Selectors: []string{"hostingermail1", "hostingermail-a", "hostingermail-b", "hostingermail-c"}},
		{Name: "Titan", MX: []string{"titan.email"}, SPF: []string{"titan.email"}, Selectors: []string{"titan1", "titan2"}},
		{Name: "Yandex", MX: []string{"mx.yandex.net", "mx.yandex.ru"}, SPF: []string{"_spf.yandex.net"}, Include: "_spf.yandex.net", Selectors: []string{"mail"}},
		{Name: "OVHcloud", MX: []string{"mail.ovh.net"}, SPF: []string{"mx.ovh.com"}, Include: "mx.ovh.com"},
		{Name: "ImprovMX", MX: []string{"improvmx.com"}, SPF: []string{"improvmx.com"}, Include: "spf.improvmx.com", Selectors: []string{"dkimprovmx1", "dkimprovmx2"}},
		{Name: "Forward Email", MX: []string{"forwardemail.net"}, SPF: []string{"forwardemail.net"}, Include: "spf.forwardemail.net"},
		{Name: "Cloudflare Email Routing", MX: []string{"mx.cloudflare.net"}, SPF: []string{"_spf.mx.cloudflare.net"}, Include: "_spf.mx.cloudflare.net"},
	}
}

// zoho is the domains of Zoho's data centres.
var zoho = []string{"zoho.com", "zoho.eu", "zoho.in", "zoho.jp", "zoho.com.au", "zohomail.com", "zohomail.eu", "zohomail.in"}

// relays are services that send for their customers; some receive as well.
func relays() []Provider {
	return []Provider{
		{Name: "SendGrid", MX: []string{"sendgrid.net"}, SPF: []string{"sendgrid.net"}, Selectors: []string{"s1", "s2", "smtpapi"}},
		{Name: "Mailgun", MX: []string{"mailgun.org"}, SPF: []string{"mailgun.org"}, Include: "mailgun.org", Selectors: []string{"pdk1", "pdk2", "k1", "mx", "mta", "mailo"}},
		{Name: "Mailchimp", SPF: []string{"servers.mcsv.net"}, Selectors: []string{"k1", "k2", "k3"}},
		{Name: "Mandrill", SPF: []string{"spf.mandrillapp.com"}, Selectors: []string{"mte1", "mte2", "mandrill"}},
		{Name: "Brevo", SPF: []string{"spf.brevo.com", "spf.sendinblue.com"}, Selectors: []string{"brevo1", "brevo2", "mail"}},
		{Name: "Mailjet", SPF: []string{"spf.mailjet.com"}, Selectors: []string{"mailjet"}},
		{Name: "Zendesk", SPF: []string{"mail.zendesk.com"}, Selectors: []string{"zendesk1", "zendesk2"}},
		{Name: "Amazon SES", MX: []string{"amazonses.com", "amazonaws.com"}, SPF: []string{"amazonses.com"}},
		{Name: "Postmark", MX: []string{"inbound.postmarkapp.com"}, SPF: []string{"spf.mtasv.net"}},
		{Name: "SparkPost", SPF: []string{"sparkpostmail.com"}},
		{Name: "Salesforce", SPF: []string{"_spf.salesforce.com"}},
		{Name: "HubSpot", SPF: []string{"hubspotemail.net"}},
	}
}

// filters are services that clean mail and pass it on.
func filters() []Provider {
	return []Provider{
		{Name: "Proofpoint", MX: []string{"pphosted.com", "ppe-hosted.com"}, SPF: []string{"pphosted.com", "ppe-hosted.com"}, Filter: true},
		{Name: "Mimecast", MX: []string{"mimecast.com"}, SPF: []string{"_netblocks.mimecast.com"}, Filter: true},
		{Name: "Barracuda", MX: []string{"barracudanetworks.com"}, SPF: []string{"spf.ess.barracudanetworks.com"}, Filter: true},
		{Name: "Hornetsecurity", MX: []string{"hornetsecurity.com", "antispameurope.com"}, SPF: []string{"antispameurope.com", "hornetsecurity.com"}, Filter: true},
		{Name: "Broadcom Email Security", MX: []string{"messagelabs.com"}, SPF: []string{"spf.messagelabs.com"}, Filter: true},
	}
}

// HostedBy is the provider whose MX host has that name.
func HostedBy(host string) (Provider, bool) {
	return providerWhere(func(p Provider) bool { return anyWithin(host, p.MX) })
}

// SendsBy is the provider whose SPF record stands at that domain, or below it.
func SendsBy(domain string) (Provider, bool) {
	return providerWhere(func(p Provider) bool { return anyWithin(domain, p.SPF) })
}

func providerWhere(is func(Provider) bool) (Provider, bool) {
	all := Providers()
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	return Provider{}, false
}

func anyWithin(name string, domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return record.Within(name, d) })
}

// inferProviders tells the mail services of a domain from the include and
// redirect terms of its SPF record and from its MX hosts.
func inferProviders(txt, mx resolve.Answer) []Provider {
	var includes, hosts []string
	for _, text := range spf.Records(txt.Texts()) {
		parsed, _ := spf.Parse(text)
		for _, t := range parsed.Terms {
			if (t.Kind == spf.Include || t.Kind == spf.Redirect) && !strings.Contains(t.Domain, "%") {
				includes = append(includes, t.Domain)
			}
		}
	}
	for _, r := range mx.Records {
		if _, host, ok := r.MX(); ok {
			hosts = append(hosts, host)
		}
	}
	return slices.DeleteFunc(Providers(), func(p Provider) bool {
		return !slices.ContainsFunc(includes, func(name string) bool { return anyWithin(name, p.SPF) }) &&
			!slices.ContainsFunc(hosts, func(name string) bool { return anyWithin(name, p.MX) })
	})
}
