package facts

import "slices"

// Microsoft is the name of the provider whose Autodiscover answers under a name
// that its certificate does not have.
const Microsoft = "Microsoft 365"

// Hosts that mail programs of a provider's customers talk to. Names are those of
// Providers.
type clientHosts struct {
	provider string
	domains  []string
}

func allClientHosts() []clientHosts {
	return []clientHosts{
		{"Google Workspace", []string{"gmail.com", "googlemail.com", "google.com"}},
		{Microsoft, []string{"outlook.com", "office365.com", "office.com", "partner.outlook.cn"}},
		{"Fastmail", []string{"fastmail.com", "messagingengine.com"}},
		{"Proton", []string{"protonmail.ch", "proton.me"}},
		{"Migadu", []string{"migadu.com"}},
		{"iCloud", []string{"mail.me.com", "icloud.com"}},
		{"Zoho", zoho},
		{"mailbox.org", []string{"mailbox.org"}},
		{"Gandi", []string{"gandi.net"}},
		{"IONOS", []string{"ionos.com", "ionos.de", "ionos.info", "1and1.com", "1and1.info", "kundenserver.de", "perfora.net"}},
		{"Hostinger", []string{"hostinger.com"}},
		{"Titan", []string{"titan.email"}},
		{"Yandex", []string{"yandex.net", "yandex.ru", "yandex.com"}},
		{"OVHcloud", []string{"ovh.net", "ovh.com"}},
		{"Forward Email", []string{"forwardemail.net"}},
	}
}

// ServesClients is the provider to whose hosts for mail programs a name belongs.
func ServesClients(host string) (provider string, ok bool) {
	all := allClientHosts()
	if i := slices.IndexFunc(all, func(c clientHosts) bool { return anyWithin(host, c.domains) }); i >= 0 {
		return all[i].provider, true
	}
	return "", false
}

// KeepsMailboxes is the provider of that name, if its MX hosts are of a service
// that keeps the mail. Others pass it on.
func KeepsMailboxes(name string) (Provider, bool) {
	passes := []string{"ImprovMX", "Forward Email", "Cloudflare Email Routing"} // to addresses elsewhere
	for _, p := range mailboxes() {
		if p.Name == name {
			return p, !slices.Contains(passes, name)
		}
	}
	return Provider{}, false
}
