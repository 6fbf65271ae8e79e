package desired

import (
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
)

// onward says how DMARC goes on from where a profile begins.
const onward = "; go on to reject once reports show no mail of yours that fails, and stay here where users write to mailing lists (RFC 9989, 7.4)"

const softly = "~all, because -all lets receivers refuse forwarded mail before they look at its DKIM signature (RFC 7489, 10.1)"

func standard() Profile {
	return Profile{
		Name: "standard", Title: "a mail server of your own", Receives: true,
		Selectors: []string{"{YYYY}a", "{YYYY}b"}, KeyWhere: "in the configuration of what signs",
		TTL: time.Hour,
		SPF: "{ips} ~all", SPFReason: "addresses cost no DNS lookup; " + softly,
		DMARC: dmarc.Quarantine, DMARCWhy: "mail that forges the domain goes to spam" + onward,
		MTASTS:  mtasts.None,
		Clients: []string{"submissions", "imaps"},
		Entries: slices.Concat(access("0 1", "0 1")[:6], shut("submission", "imap", "pop3", "pop3s"), discovery("autoconfig", "autodiscover")),
	}
}

func mailu() Profile {
	return Profile{
		Name: "mailu", Title: "Mailu", Receives: true,
		Selectors: []string{"dkim"}, KeyWhere: "in Mailu's admin page of the domain, under DNS records, or in /mailu/dkim/DOMAIN.dkim.key",
		TTL: 10 * time.Minute,
		SPF: "mx ~all", SPFReason: "the MX hosts send; Mailu's own record also has a:HOST, a second lookup of the same addresses",
		DMARC: dmarc.Quarantine, DMARCWhy: "Mailu begins with p=reject and strict alignment, which refuses mail from subdomains and by way of lists" + onward,
		MTASTS:  mtasts.None, // Mailu serves no policy
		Clients: []string{"submissions", "imaps", "pop3s"},
		Entries: slices.Concat(access("10 1", "20 1")[:6], shut("submission", "imap", "pop3", "pop3s"), discovery("autoconfig", "autodiscover"),
			[]Entry{outlookSRV("10 1")}),
	}
}

func mailcow() Profile {
	return Profile{
		Name: "mailcow", Title: "mailcow", Receives: true,
		Selectors: []string{"dkim"}, KeyWhere: "in mailcow's admin page, under System > Configuration > Options > ARC/DKIM keys",
		TTL: time.Hour,
		SPF: "mx ~all", SPFReason: "the MX hosts send; mailcow's documentation adds a, which lets the web server send; " + softly,
		DMARC: dmarc.Quarantine, DMARCWhy: "mailcow's documentation begins with p=reject" + onward,
		MTASTS:  mtasts.None,
		Clients: []string{"submissions", "submission", "imaps", "imap", "pop3s", "pop3", "sieve", "caldavs", "carddavs"},
		Entries: slices.Concat(access("0 1", "0 1"), dav("0 1"), []Entry{
			{Name: "_caldavs._tcp", Type: "TXT", Data: "path=/SOGo/dav/", Level: Optional, Client: "caldavs", Reason: "where calendars are at the server (RFC 6764, 4)"},
			{Name: "_carddavs._tcp", Type: "TXT", Data: "path=/SOGo/dav/", Level: Optional, Client: "carddavs", Reason: "where address books are at the server (RFC 6764, 4)"},
			outlookSRV("0 1"),
		}, discovery("autoconfig", "autodiscover")),
	}
}

func mailInABox() Profile {
	return Profile{
		Name: "mail-in-a-box", Title: "Mail-in-a-Box", Receives: true,
		Selectors: []string{"mail"}, KeyWhere: "on the box's admin page, under System > External DNS, or in /home/user-data/mail/dkim/mail.txt",
		TTL: 24 * time.Hour,
		SPF: "mx -all", SPFReason: "the box sends and nobody else does",
		DMARC: dmarc.Quarantine, DMARCWhy: "mail that forges the domain goes to spam; the box's own record has no address for reports" + onward,
		MTASTS:  mtasts.Enforce, // served once the box has a certificate for the name
		Clients: []string{"submissions", "submission", "imaps", "pop3s", "sieve", "caldavs", "carddavs"},
		Entries: slices.Concat(access("0 1", "0 1"), dav("0 0"), discovery("autoconfig", "autodiscover")),
	}
}

func mox() Profile {
	return Profile{
		Name: "mox", Title: "mox", Receives: true,
		Selectors: []string{"{YYYY}a", "{YYYY}b"}, KeyWhere: "in what `mox config dnsrecords DOMAIN` prints",
		TTL: 5 * time.Minute,
		SPF: "{ips} mx ~all", SPFReason: "the addresses cost no lookup; mx holds when they change",
		DMARC: dmarc.Quarantine, DMARCWhy: "mox begins with p=reject, and with a size limit on reports that RFC 9989 removed" + onward,
		MTASTS:  mtasts.Enforce,
		Clients: []string{"submissions", "imaps"},
		Entries: slices.Concat(access("0 1", "0 1")[:6], shut("submission", "imap", "pop3", "pop3s"), discovery("autoconfig"), []Entry{outlookSRV("0 1")}),
	}
}

func stalwart() Profile {
	return Profile{
		Name: "stalwart", Title: "Stalwart", Receives: true,
		Selectors: []string{"v1-rsa-{YYYYMMDD}", "v1-ed25519-{YYYYMMDD}"}, KeyWhere: "in Stalwart's admin page of the domain, under DNS records",
		TTL: 5 * time.Minute,
		SPF: "mx -all", SPFReason: "the MX hosts send and nobody else does",
		DMARC: dmarc.Quarantine, DMARCWhy: "Stalwart begins with p=reject" + onward,
		MTASTS:  mtasts.Enforce,
		Clients: []string{"submissions", "imaps", "jmap", "caldavs", "carddavs"},
		Entries: slices.Concat(access("0 1", "0 1")[:6], dav("0 1"), []Entry{
			{Name: "_jmap._tcp", Type: "SRV", Data: "0 1 443 {host}", Level: Optional, Client: "jmap", Reason: whyJMAP},
		}, discovery("autoconfig", "autodiscover")),
	}
}

func dockerMailserver() Profile {
	return Profile{
		Name: "docker-mailserver", Title: "docker-mailserver", Receives: true,
		Selectors: []string{"mail"}, KeyWhere: "in the file config/opendkim/keys/DOMAIN/mail.txt, or rspamd/dkim/*.public.dns.txt",
		TTL: time.Hour,
		SPF: "mx ~all", SPFReason: "the MX hosts send; " + softly,
		DMARC: dmarc.Quarantine, DMARCWhy: "docker-mailserver's sample is full of tags that RFC 9989 removed" + onward,
		MTASTS:  mtasts.None,
		Clients: []string{"submissions", "submission", "imaps", "imap"},
		Entries: access("0 1", "0 1")[:6],
	}
}

func billionMail() Profile {
	return Profile{
		Name: "billionmail", Title: "BillionMail", Receives: true,
		Selectors: []string{"default"}, KeyWhere: "in BillionMail's page of the domain, under DNS records",
		TTL: time.Hour,
		SPF: "{ips} ~all", SPFReason: "both address families; BillionMail's own record has one, beside a and mx, which cost lookups and say the same; " + softly,
		DMARC: dmarc.Quarantine, DMARCWhy: "mail that forges the domain goes to spam" + onward,
		MTASTS:  mtasts.None,
		Clients: []string{"submissions", "submission", "imaps", "imap", "pop3s", "pop3"},
		Entries: access("0 1", "0 1")[:6],
	}
}

// withoutMail is the profile of a domain that neither sends nor receives.
func withoutMail() Profile {
	return Profile{
		Name: "no-mail", Title: "a domain without mail",
		TTL: time.Hour,
		SPF: "-all", SPFReason: "nobody sends as the domain",
		DMARC: dmarc.Reject, DMARCWhy: "what claims to come from the domain is forged",
		MTASTS: mtasts.None,
	}
}
