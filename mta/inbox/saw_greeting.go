package inbox

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/record"
)

const helloStep = "Let the mail server greet with its full host name, the one in its reverse DNS (Postfix: myhostname; Exim: primary_hostname)."

// greeting judges the name in EHLO.
func greeting(m Mail, n Name, r judge.IPRev) Sight {
	s := m.Session
	verb := "EHLO"
	if !s.Extended {
		verb = "HELO"
	}
	said := fmt.Sprintf("%.255q", s.HELO)
	fault, step, severity := helloFault(m, n, r)
	switch {
	case fault != "":
		return faulty(severity, verb, said+": "+fault, fmt.Sprintf("the client greets as %.255q, which %s", s.HELO, fault), step)
	case n.Unknown != nil && len(n.Addrs) == 0:
		return Sight{Name: verb, Said: said + ": whether the name exists could not be told", Outcome: diagnosis.Unknown}
	}
	return passed(verb, "%s%s", said, fits(m, n, r))
}

// helloFault is what is wrong with the name, so that "which" can stand before it.
func helloFault(m Mail, n Name, r judge.IPRev) (fault, step string, severity diagnosis.Severity) {
	s := m.Session
	name := strings.ToLower(strings.TrimSuffix(s.HELO, "."))
	bare, err := netip.ParseAddr(name)
	switch {
	case strings.HasPrefix(name, "[") && !s.Has(smtpd.BadHELO):
		return "is an address in place of a name; that is for hosts that have none (RFC 5321, 4.1.4), and many receivers refuse it", helloStep, diagnosis.Warning
	case err == nil:
		return fmt.Sprintf("is an address without brackets, and so no name (RFC 5321, 4.1.3): %s", bare), helloStep, diagnosis.Warning
	case s.Has(smtpd.BadHELO):
		return "is no host name (RFC 5321, 4.1.1.1); many receivers refuse it", helloStep, diagnosis.Warning
	case name == "localhost" || strings.HasPrefix(name, "localhost."):
		return "is everybody's name for himself; many receivers refuse it", helloStep, diagnosis.Warning
	case !strings.Contains(name, "."):
		return "is no full name (RFC 5321, 2.3.5); many receivers refuse it", helloStep, diagnosis.Warning
	case n.Name != "" && n.Unknown == nil && !n.Exists:
		return "does not exist in the DNS (RFC 5321, 2.3.5); some receivers refuse it", helloStep, diagnosis.Warning
	case n.Name != "" && n.Unknown == nil && len(n.Addrs) == 0:
		return "has no address in the DNS (RFC 5321, 2.3.5); some receivers refuse it", helloStep, diagnosis.Warning
	case n.Name != "" && n.Unknown == nil && public(m) && !n.leadsTo(m.Envelope().Client) && !slices.Contains(r.Names, n.Name):
		return fmt.Sprintf("leads to %s, not to the client; filters count that against it", n.Addrs[0]), helloStep, diagnosis.Advice
	}
	return "", "", 0
}

// fits says how a good name stands to the client.
func fits(m Mail, n Name, r judge.IPRev) string {
	switch {
	case n.Name != "" && n.Name == r.Name && n.leadsTo(m.Envelope().Client):
		return ": its name in the reverse DNS, which leads back"
	case n.leadsTo(m.Envelope().Client):
		return ": it leads to the client"
	case slices.Contains(r.Names, n.Name):
		return fmt.Sprintf(": its name in the reverse DNS; it leads to %s", n.Addrs[0])
	}
	return ""
}

// public reports whether the client has an address of the internet.
func public(m Mail) bool {
	addr := m.Envelope().Client
	return addr.IsGlobalUnicast() && !addr.IsPrivate()
}

// encryption judges TLS.
func encryption(m Mail) Sight {
	const step = "Switch on TLS for sending (Postfix: smtp_tls_security_level = may); Gmail asks all senders for it."
	t := m.Session.TLS
	said := t.Version + ", " + t.Cipher
	if t.Name != "" {
		said += fmt.Sprintf(", for the name %.255q", t.Name)
	}
	switch {
	case t.Used && (t.Version == "TLS 1.0" || t.Version == "TLS 1.1"):
		return faulty(diagnosis.Warning, "TLS", said, "the mail came under "+t.Version+", which must not be used any more (RFC 8996)", "Update the TLS library of the sending server, and allow TLS 1.2 and 1.3.")
	case t.Used:
		return passed("TLS", "%s", said)
	case !t.Offered:
		return told("TLS", "none; it was not offered")
	case !m.Session.Extended: // and that is told of HELO
		return Sight{Name: "TLS", Said: "none: HELO knows no STARTTLS", Outcome: diagnosis.Failed, Severity: diagnosis.Warning}
	}
	return faulty(diagnosis.Warning, "TLS", "none, though it was offered", "the mail came in the clear, though STARTTLS was offered: everybody on the way could read it", step)
}

// sender judges the reverse-path.
func sender(m Mail, n Name) Sight {
	const row = "MAIL FROM"
	said := fmt.Sprintf("<%.320s>", printable(m.From))
	step := "Send with a bounce address (MAIL FROM) at a domain that takes mail: one with an MX record, or an address."
	switch {
	case m.From == "":
		return faulty(diagnosis.Advice, row, "<>, the null one", "the mail has the null sender, which is for bounces and receipts (RFC 5321, 4.5.5): nobody would hear that it failed, and SPF judges the name in EHLO",
			"If this is ordinary mail, give it a bounce address.")
	case n.Name == "":
		return told(row, "%s", said)
	case n.Unknown != nil && len(n.MX) == 0 && len(n.Addrs) == 0:
		return Sight{Name: row, Said: said + ": whether its domain takes bounces could not be told", Outcome: diagnosis.Unknown}
	case slices.Contains(n.MX, "."):
		return faulty(diagnosis.Warning, row, said+": its domain takes no mail", fmt.Sprintf("the domain of the sender, %s, says that it takes no mail (null MX): receivers refuse its mail (RFC 7505, 4.2)", record.Display(n.Name)), step)
	case len(n.MX) == 0 && len(n.Addrs) == 0:
		return faulty(diagnosis.Warning, row, said+": its domain takes no mail", fmt.Sprintf("the domain of the sender, %s, has neither an MX record nor an address: bounces cannot be delivered, and many receivers refuse such mail", record.Display(n.Name)), step)
	case len(n.MX) == 0:
		return passed(row, "%s: its domain has no MX record, and takes bounces at its address", said)
	}
	return passed(row, "%s: its domain takes bounces at %s", said, record.Display(n.MX[0]))
}

// printable is an address without what a terminal would act on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return '?'
		}
		return r
	}, s)
}
