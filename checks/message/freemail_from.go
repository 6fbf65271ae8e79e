package message

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
)

// FreemailFrom: nobody sends in the name of a mailbox provider.
var FreemailFrom = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.freemail-from",
		Title:    "Mail in the name of a mailbox provider comes from that provider",
		Severity: diagnosis.Critical,
		Why:      "Nobody but the provider can sign for gmail.com or yahoo.com. What comes from elsewhere fails their DMARC, and is refused or put into spam.",
		Doc: `If the author domain is that of a large mailbox provider, the message must carry a DKIM signature of that provider, or show in its Received fields that it came through the provider's hosts. Where it has neither a signature nor a Received field it was not sent yet, and by whom it will be cannot be told.

It happens where a shop or a form puts the customer's address into From, or a newsletter is sent by a service in the name of a private mailbox. Google asks senders in so many words not to do so, and publishes a quarantine policy for gmail.com; Yahoo and AOL publish p=reject.

To fix it, use an address of a domain of your own in From, and put the mailbox into Reply-To.`,
		Refs: []diagnosis.Ref{{Name: "Google: Email sender guidelines", URL: "https://support.google.com/a/answer/81126"}, {Name: "RFC 9989, 4.4"}},
	},
	Of:    checks.Messages,
	Needs: []*checks.Check{Author},
	Run:   of(freemailFrom),
})

// A freemailer is a provider of mailboxes for everybody: the domains of its
// mailboxes, and those of its hosts and signatures beside them.
type freemailer struct{ domains, hosts []string }

var freemailers = []freemailer{
	{[]string{"gmail.com.", "googlemail.com."}, []string{"google.com."}},
	{[]string{"yahoo.com.", "yahoo.co.uk.", "yahoo.de.", "yahoo.fr.", "yahoo.it.", "yahoo.es.", "yahoo.co.in.", "yahoo.ca.", "yahoo.com.br.", "ymail.com.", "rocketmail.com.", "aol.com."}, []string{"yahoo.com.", "aol.com.", "yahoodns.net."}},
	{[]string{"outlook.com.", "hotmail.com.", "hotmail.co.uk.", "hotmail.de.", "hotmail.fr.", "live.com.", "msn.com.", "outlook.de.", "outlook.fr."}, []string{"outlook.com.", "protection.outlook.com."}},
	{[]string{"icloud.com.", "me.com.", "mac.com."}, []string{"apple.com.", "icloud.com."}},
	{[]string{"gmx.de.", "gmx.net.", "gmx.at.", "gmx.ch.", "gmx.com.", "web.de.", "mail.com."}, []string{"gmx.net.", "gmx.com.", "web.de.", "mail.com.", "kundenserver.de."}},
	{[]string{"t-online.de."}, []string{"t-online.de."}},
	{[]string{"mail.ru.", "list.ru.", "bk.ru.", "inbox.ru."}, []string{"mail.ru."}},
	{[]string{"proton.me.", "protonmail.com.", "pm.me."}, []string{"proton.me.", "protonmail.ch.", "protonmail.com."}},
	{[]string{"orange.fr.", "wanadoo.fr."}, []string{"orange.fr."}},
	{[]string{"libero.it."}, []string{"libero.it."}},
	{[]string{"comcast.net."}, []string{"comcast.net."}},
	{[]string{"yandex.ru.", "yandex.com.", "ya.ru."}, []string{"yandex.ru.", "yandex.net.", "yandex.com."}},
	{[]string{"qq.com.", "163.com.", "126.com."}, []string{"qq.com.", "163.com.", "126.com."}},
}

// freemail is the provider whose mailboxes a domain is.
func freemail(domain string) (freemailer, bool) {
	i := slices.IndexFunc(freemailers, func(f freemailer) bool { return slices.Contains(f.domains, domain) })
	if i < 0 {
		return freemailer{}, false
	}
	return freemailers[i], true
}

// has reports whether a host or the domain of a signature is the provider's.
func (f freemailer) has(name string) bool {
	return slices.ContainsFunc(slices.Concat(f.domains, f.hosts), func(d string) bool { return record.Within(name, d) })
}

// sent reports whether a host took the message from the provider, or was the
// provider that took it from its customer: by login, or over the web. What the
// hosts wrote is all there is; whether it is true the authentication tells.
func (f freemailer) sent(h mail.Hop) bool {
	if h.Reverse != "" && f.has(record.Canonical(strings.Trim(h.Reverse, "[]"))) {
		return true
	}
	return f.has(record.Canonical(h.By)) && (h.TLS.Authenticated || h.From == "")
}

func freemailFrom(v *diagnosis.Verdict, m *facts.Mail) {
	domain := m.AuthorDomain()
	provider, ok := freemail(domain)
	switch {
	case domain == "":
		v.Skip = "the message has no author domain"
		return
	case !ok:
		saw(v, "From", "%s is no mailbox provider", record.Display(domain))
		return
	}
	for _, s := range m.Signatures {
		if provider.has(s.SDID()) {
			saw(v, "DKIM-Signature", "%s, of the provider itself", record.Display(s.SDID()))
			return
		}
	}
	if i := slices.IndexFunc(m.Hops, provider.sent); i >= 0 {
		saw(v, "Received", "from the provider's %.100s", cmp.Or(m.Hops[i].Reverse, m.Hops[i].By))
		return
	}
	if !m.Carried() && len(m.Signatures) == 0 {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(domain), Reason: "the message was not sent yet, so nothing shows whether " + record.Display(domain) + " itself will send it"})
		return
	}
	from, _ := m.First("From")
	find(v, diagnosis.Critical, record.Display(domain), fmt.Sprintf("the message is from %s, but neither signed by that provider nor sent through it", record.Display(domain)), shown(append(m.All("Received")[:min(1, len(m.Hops))], from)...),
		"Use an address of your own domain in From, and put the mailbox into Reply-To.")
}
