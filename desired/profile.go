package desired

import (
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
)

// A Profile is what the DNS page or the documentation of a mail suite asks for,
// corrected where that would hurt.
type Profile struct {
	Name  string // "mail-in-a-box"
	Title string // "Mail-in-a-Box"
	// Selectors are those that the suite signs with, the first now and the others
	// as spares. {YYYY} and {YYYYMMDD} stand for the date of the key.
	Selectors []string
	KeyWhere  string        // where the suite shows its DKIM key
	TTL       time.Duration // of its records
	SPF       string        // terms for the sender; "{ips}" stands for the hosts' addresses
	SPFReason string
	DMARC     dmarc.Policy // to begin with where the owner does not say
	DMARCWhy  string
	MTASTS    mtasts.Mode // None where the suite does not serve the policy itself
	Clients   []string    // open by default
	Entries   []Entry     // besides those that all profiles share
	Receives  bool        // false: a domain without mail
}

// The days for which senders keep an MTA-STS policy: long enough that an attacker
// cannot wait for it, short enough to leave it (RFC 8461, 3.2, wants weeks).
const policyAge = 14 * 24 * time.Hour

// profiles is the table, in order. Nothing changes it.
var profiles = sync.OnceValue(func() []Profile {
	return []Profile{standard(), billionMail(), dockerMailserver(), mailInABox(), mailcow(), mailu(), mox(), stalwart(), withoutMail()}
})

// Profiles are the mail suites, in the order of their names but for the first,
// and the profile of a domain without mail.
func Profiles() []Profile { return slices.Clone(profiles()) }

// ProfileNames are the names of Profiles.
func ProfileNames() []string {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.Name)
	}
	return names
}

// FindProfile returns the profile of that name.
func FindProfile(name string) (Profile, bool) {
	i := slices.IndexFunc(profiles(), func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return profiles()[i], true
}

const (
	why465  = "mail programs find submission with TLS from the first byte, which is preferred (RFC 8314, 3.3)"
	why993  = "mail programs find IMAP with TLS from the first byte (RFC 6186, 3.2; RFC 8314)"
	why995  = "mail programs find POP3 with TLS from the first byte (RFC 6186, 3.3; RFC 8314)"
	why587  = "mail programs find submission with STARTTLS (RFC 6186, 3.1)"
	why143  = "mail programs find IMAP with STARTTLS (RFC 6186, 3.2)"
	why110  = "mail programs find POP3 with STARTTLS (RFC 6186, 3.3)"
	why4190 = "programs that edit filters find ManageSieve (RFC 5804, 1.8)"
	whyDAV  = "programs find calendars and address books (RFC 6764, 3)"
	whyJMAP = "mail programs find JMAP (RFC 8620, 2.2)"
	whyAuto = "mail programs of Mozilla's kind find their settings at this name"
	whyDisc = "Outlook finds its settings at this name"
)

// access are SRV records for mail programs at the given priority and weight.
// Those of closed ways say so, unless the suite says nothing (RFC 6186, 3.4).
func access(encrypted, clear string) []Entry {
	e := func(client, port, rank, reason string) Entry {
		return Entry{Name: "_" + client + "._tcp", Type: "SRV", Data: rank + " " + port + " {host}", Level: Optional, Client: client, Reason: reason}
	}
	return []Entry{
		e("submissions", "465", encrypted, why465), e("imaps", "993", encrypted, why993), e("pop3s", "995", encrypted, why995),
		e("submission", "587", clear, why587), e("imap", "143", clear, why143), e("pop3", "110", clear, why110), e("sieve", "4190", encrypted, why4190),
	}
}

// shut are the SRV records that mail programs read as "not here".
func shut(clients ...string) []Entry {
	var list []Entry
	for _, c := range clients {
		list = append(list, Entry{Name: "_" + c + "._tcp", Type: "SRV", Data: "0 0 0 .", Level: Optional, Client: c,
			Reason: "mail programs need not try " + c + ", which is closed (RFC 6186, 3.4)"})
	}
	return list
}

// dav are the SRV records of calendars and address books over HTTPS.
func dav(rank string) []Entry {
	return []Entry{
		{Name: "_caldavs._tcp", Type: "SRV", Data: rank + " 443 {host}", Level: Optional, Client: "caldavs", Reason: whyDAV},
		{Name: "_carddavs._tcp", Type: "SRV", Data: rank + " 443 {host}", Level: Optional, Client: "carddavs", Reason: whyDAV},
	}
}

// discovery are the names under which mail programs ask for settings.
func discovery(names ...string) []Entry {
	var list []Entry
	for _, n := range names {
		reason := whyAuto
		if n == "autodiscover" {
			reason = whyDisc
		}
		list = append(list, Entry{Name: n, Type: "CNAME", Data: "{host}", Level: Optional, Client: "autoconfig", Reason: reason})
	}
	return list
}

// outlookSRV is the SRV record by which Outlook finds a host of another name.
func outlookSRV(rank string) Entry {
	return Entry{Name: "_autodiscover._tcp", Type: "SRV", Data: rank + " 443 {host}", Level: Optional, Client: "autoconfig", Reason: "Outlook finds the server of its settings"}
}
