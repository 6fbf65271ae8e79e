package suite_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/scenario"
)

// A wish is one owner's choice of what there is to choose.
type wish struct {
	profile  string // empty where a service keeps the mail
	services []string
	dual     bool // the host has IPv6 as well
	domains  int
}

func (w wish) String() string {
	name := w.profile
	if name == "" {
		name = "hosted"
	}
	family := "ipv4"
	if w.dual {
		family = "dual"
	}
	return strings.Join(append([]string{name}, w.services...), "+") + fmt.Sprintf(",%s,%d", family, w.domains)
}

// ownKey is the DKIM key of every selector.
const ownKey = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlyLMeIyofEz1D7x+yxk74kFH7W1DCsZ4UgXMl2tx5IXHSRj6rqIzTVjIrWzl9xLUhcXdScvl0q8PjZ9ZaDit4k43YmWDzM10jCXW/7lFL5UN8EQUwRFe2mBcVavOhUOsaGt88cKhclDfTNNLgScIogEcSju8XksZyGc3/mCyNT6NvSFEflNz/7+NLauT++moZAb9CoZOAzR6yefj+45ObhdsAqVzsJAEWxlRtIt8cufWcUdimdGFINf2ZQoEl6gH3QzvTZd47NKovzwcnMTTOkbApn6PeZBEzVtJLZZYMn4HLZ3jqI60udylafWPSy0m8dANPmVS7Avv6D2wWx9sbQIDAQAB"

// issued is what an account of each service may be issued.
var issued = map[string]string{
	"ses":          "{tokens: [abcdefghijklmnopqrstuvwxyz012345, bcdefghijklmnopqrstuvwxyz0123456, cdefghijklmnopqrstuvwxyz01234567], mail-from: bounce, region: eu-west-1}",
	"postmark":     "{selector: 20261122101010pm, key: " + ownKey + "}",
	"mailgun":      "{subdomain: mg, region: eu, dkim1: pdk1._domainkey.0a1b2.dkim1.eu.mailgun.org, dkim2: pdk2._domainkey.0a1b2.dkim1.eu.mailgun.org}",
	"brevo":        "{code: 0123456789abcdef0123456789abcdef, dkim1: b1.example.dkim.brevo.com, dkim2: b2.example.dkim.brevo.com}",
	"sendgrid":     "{account: u12345.wl123.sendgrid.net, subdomain: em1234}",
	"mailjet":      "{key: " + ownKey + "}",
	"resend":       "{key: " + ownKey + ", region: eu-west-1}",
	"sparkpost":    "{selector: scph1126, key: " + ownKey + ", bounce: bounces, bounce-target: eu.sparkpostmail.com}",
	"mailchimp":    "",
	"google":       "{key: " + ownKey + ", verification: 0123456789abcdefghijklmnopqrstuvwxyzABCDEFG}",
	"microsoft365": "{mx: example-org.mail.protection.outlook.com, dkim1: selector1-example-org._domainkey.example.onmicrosoft.com, dkim2: selector2-example-org._domainkey.example.onmicrosoft.com, verification: ms12345678}",
	"fastmail":     "",
	"migadu":       "{verification: abcd1234}",
	"proton":       "{verification: 0123456789abcdef, dkim: d0123456789abcdefghijklmnopqrstuvwxyz}",
	"zoho":         "{region: eu, spf: zohomail.eu, selector: zmail, key: " + ownKey + "}",
	"icloud":       "{verification: abcdefghijklmnop}",
	"forwardemail": "{selector: fe-0123456789, key: " + ownKey + ", forwards: user@example.com}",
	"improvmx":     "",
}

// text is the maildoctor.yaml of the wish.
func (w wish) text() string {
	var b strings.Builder
	b.WriteString("version: 1\n")
	if w.profile != "" {
		ips := "[192.0.2.25]"
		if w.dual {
			ips = `[192.0.2.25, "2001:db8:25::25"]`
		}
		fmt.Fprintf(&b, "hosts:\n  mail.example.org: %s\n", ips)
	}
	b.WriteString("domains:\n")
	for _, name := range []string{"example.org", "florist.example", "bakery.example"}[:w.domains] {
		fmt.Fprintf(&b, "  %s:\n", name)
		if w.profile != "no-mail" {
			b.WriteString("    reports: dmarc@example.org\n")
		}
		if w.profile != "" {
			fmt.Fprintf(&b, "    profile: %s\n", w.profile)
		}
		if w.profile != "" && w.profile != "no-mail" {
			fmt.Fprintf(&b, "    mta-sts: enforce\n    dkim: {mail2026: %s}\n", ownKey)
		}
		if len(w.services) > 0 {
			b.WriteString("    services:\n")
		}
		for _, s := range w.services {
			fmt.Fprintf(&b, "      %s: %s\n", s, issued[s])
		}
	}
	return b.String()
}

// TestGeneratedIsHealthy: of what a profile and services ask for, published as
// maildoctor generates it, an examination finds nothing above advice, and the
// advice is only what the profile's own records do not ask for.
func TestGeneratedIsHealthy(t *testing.T) {
	for _, w := range wishes() {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			state, problems := desired.Parse([]byte(w.text()), nil)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			wanted, problems := state.Edits(desired.Given{})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			for _, d := range state.Domains {
				synctest.Test(t, func(t *testing.T) { examineGenerated(t, state, wanted, d.Name) })
			}
		})
	}
}

// spared is the advice that generated records may be given: of what needs more
// than records, and was not asked for.
var spared = []string{"mtasts.record", "autoconfig.mozilla"}

func examineGenerated(t *testing.T, state desired.State, wanted desired.Wanted, domain string) {
	s, err := scenario.Load(fstest.MapFS{"x.txtar": {Data: []byte(worldAround(state, wanted, domain))}}, "x.txtar")
	if err != nil {
		t.Fatal(err)
	}
	world, err := heard.play(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range examination(t, world, world.DNS()) {
		if r.Outcome == diagnosis.Failed && (r.Severity > diagnosis.Advice || !slices.Contains(spared, r.Rule.ID)) || r.Outcome == diagnosis.Unknown && r.Cause == "" {
			t.Errorf("%s: %s %v: %s %v", domain, r.Rule.ID, r.Outcome, r.Reason, r.Findings)
		}
	}
}

// wishes are the product of profiles, relays, address families and numbers of
// domains, sampled so that every pair of choices is there, and every service
// that keeps mail.
func wishes() []wish {
	var relays, mailboxes []string
	for _, s := range desired.Services() {
		if s.Receives {
			mailboxes = append(mailboxes, s.Name)
		} else {
			relays = append(relays, s.Name)
		}
	}
	var list []wish
	profiles := slices.DeleteFunc(desired.ProfileNames(), func(p string) bool { return p == "no-mail" })
	for i, p := range profiles {
		for j, r := range append([]string{""}, relays...) {
			w := wish{profile: p, dual: (i+j)%2 == 0, domains: 1 + 2*((i+j/2)%2)}
			if r != "" {
				w.services = []string{r}
			}
			list = append(list, w)
		}
		list = append(list, wish{p, nil, false, 3}, wish{p, []string{"mailjet", "mailgun", "ses", "sendgrid"}, true, 1})
	}
	for i, m := range mailboxes {
		list = append(list, wish{"", []string{m}, false, 1 + 2*(i%2)}, wish{"", []string{m, relays[i%len(relays)]}, false, 1})
	}
	return append(list, wish{profile: "no-mail", domains: 1})
}

// worldAround is a scenario in which the generated records are published, and
// what they lead to is there.
func worldAround(state desired.State, wanted desired.Wanted, domain string) string {
	a := &around{state: state, names: make(map[string]bool)}
	fmt.Fprintf(&a.head, "Generated.\ndomain: %s\nselectors: %s\n", record.Display(domain), strings.Join(selectorsOf(wanted, domain), " "))
	for _, d := range state.Domains {
		fmt.Fprintf(&a.zones, "-- zone %s --\n", record.Display(d.Name))
		for _, c := range wanted.Changes {
			for _, r := range c.Edit.Want {
				if c.Domain == d.Name {
					fmt.Fprintln(&a.zones, r)
				}
			}
		}
	}
	a.zones.WriteString("-- zone . --\n")
	for _, h := range state.Hosts {
		for _, addr := range h.Addrs {
			fmt.Fprintf(&a.zones, "%s PTR %s\n", record.Reverse(addr), h.Name)
			a.speaks(addr, 25, h.Name)
		}
	}
	for _, c := range wanted.Changes {
		for _, r := range c.Edit.Want {
			a.lead(r)
		}
	}
	for _, d := range state.Domains {
		a.pages(d.Name)
	}
	return a.head.String() + "\n" + a.zones.String() + a.rest.String() + "-- want --\n"
}

func selectorsOf(wanted desired.Wanted, domain string) []string {
	var list []string
	for _, c := range wanted.Changes {
		if selector, ok := strings.CutSuffix(c.Edit.Slot.Name, "._domainkey."+domain); ok {
			list = append(list, selector)
		}
	}
	return list
}

// around is what surrounds the generated records.
type around struct {
	state             desired.State
	head, zones, rest strings.Builder
	names             map[string]bool
	next              byte
}

// once reports whether something is told of for the first time.
func (a *around) once(what string) bool {
	if a.names[what] {
		return false
	}
	a.names[what] = true
	return true
}

func (a *around) ours(name string) bool {
	return slices.ContainsFunc(a.state.Domains, func(d desired.Domain) bool { return record.Within(name, d.Name) })
}

// address gives a host of others an address.
func (a *around) address(host string) netip.Addr {
	a.next++
	addr := netip.AddrFrom4([4]byte{192, 0, 2, 100 + a.next})
	fmt.Fprintf(&a.zones, "%s A %s\n", host, addr)
	return addr
}

// lead makes the name that a record leads to exist.
func (a *around) lead(r record.Record) {
	target := r.Data[strings.LastIndexByte(r.Data, ' ')+1:]
	switch r.Type {
	case "CNAME":
		if a.ours(target) || !a.once(target) {
			return
		}
		if strings.Contains(r.Name, "._domainkey.") {
			fmt.Fprintln(&a.zones, record.TXT(target, "v=DKIM1; k=rsa; p="+ownKey))
			return
		}
		a.address(target)
	case "MX":
		if target != "." && !a.ours(target) && a.once(target) {
			a.speaks(a.address(target), 25, target)
		}
	case "SRV":
		var port uint16
		fmt.Sscanf(r.Data, "%d %d %d", new(int), new(int), &port)
		for _, h := range a.state.Hosts {
			for _, addr := range h.Addrs {
				if h.Name == target && port != 443 {
					a.speaks(addr, port, h.Name)
				}
			}
		}
		if target != "." && !a.ours(target) && a.once(target) {
			a.speaks(a.address(target), port, target)
		}
	case "TXT":
		parsed, _ := spf.Parse(r.Data)
		for _, term := range parsed.Terms {
			if term.Kind == spf.Include && spf.IsSPF(r.Data) && a.once(term.Domain) {
				a.next++
				fmt.Fprintf(&a.zones, "%s. TXT \"v=spf1 ip4:198.51.100.%d -all\"\n", term.Domain, a.next)
			}
		}
	}
}

// speaks makes a host answer at a port in the way of the service there.
func (a *around) speaks(addr netip.Addr, port uint16, host string) {
	at := netip.AddrPortFrom(addr, port)
	if !a.once(at.String()) {
		return
	}
	host = record.Display(host)
	line := "220 " + host + " ESMTP"
	switch port {
	case 143, 993:
		line = "* OK " + host + " ready"
	case 110, 995:
		line = "+OK " + host + " ready"
	case 4190:
		line = "\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\n\"SASL\" \"\"\n\"STARTTLS\"\nOK \"ready\""
	case 443:
		return
	}
	fmt.Fprintf(&a.rest, "-- smtp/%s --\n%s\n", at, line)
	if port != 25 {
		return
	}
	for _, d := range a.state.Domains {
		for _, mailbox := range []string{"postmaster", "abuse"} {
			fmt.Fprintf(&a.rest, "RCPT <%s@%s>\n250 2.1.5 ok\n", mailbox, record.Display(d.Name))
		}
	}
}

// pages serves what mail hosts serve over HTTPS.
func (a *around) pages(domain string) {
	d := record.Display(domain)
	if policy, ok := a.state.Policy(domain, desired.Given{}); ok {
		fmt.Fprintf(&a.rest, "-- https/%s%s --\n%s", mtasts.Host(d), mtasts.Path, policy)
	}
	incoming, outgoing := "mail.example.org", "mail.example.org"
	if len(a.state.Hosts) == 0 {
		incoming, outgoing = "imap.migadu.com", "smtp.migadu.com"
	}
	fmt.Fprintf(&a.rest, "-- https/autoconfig.%s/mail/config-v1.1.xml?emailaddress=postmaster%%40%[1]s --\n%s", d, strings.NewReplacer("INCOMING", incoming, "OUTGOING", outgoing).Replace(clientConfig))
	fmt.Fprintf(&a.rest, "-- https/autodiscover.%s/autodiscover/autodiscover.xml --\n!status 401\n", d)
	if a.once("autodiscover") {
		fmt.Fprintf(&a.rest, "-- https/mail.example.org/autodiscover/autodiscover.xml --\n!status 401\n-- https/autodiscover.migadu.com/autodiscover/autodiscover.xml --\n!status 401\n")
	}
}

const clientConfig = `!type text/xml
<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
<emailProvider id="example">
<domain>%EMAILDOMAIN%</domain>
<incomingServer type="imap">
<hostname>INCOMING</hostname>
<port>993</port>
<socketType>SSL</socketType>
<username>%EMAILADDRESS%</username>
<authentication>password-cleartext</authentication>
</incomingServer>
<outgoingServer type="smtp">
<hostname>OUTGOING</hostname>
<port>465</port>
<socketType>SSL</socketType>
<username>%EMAILADDRESS%</username>
<authentication>password-cleartext</authentication>
</outgoingServer>
</emailProvider>
</clientConfig>
`
