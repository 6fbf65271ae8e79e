package desired

import (
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/caa"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
)

// domain adds what one domain wants.
func (b *builder) domain(d Domain) {
	m := b.mail(d)
	b.takers(m)
	b.entries(m)
	b.sends(m)
	b.keys(m)
	b.dmarc(m)
	b.tlsrpt(m)
	b.mtasts(m)
	b.caa(m)
	b.noMail(m)
}

// takers adds the MX set.
func (b *builder) takers(m *mail) {
	if m.Profile == "no-mail" {
		b.add(b.by(m, "no-mail", "profile"), m.name, record.MXSet(m.name), Required, "senders hear at once that the domain takes no mail (RFC 7505)", m.with(record.MX(m.name, 0, ".")))
		return
	}
	if len(m.mx) == 0 {
		return
	}
	by, reason := b.by(m, m.taker, "profile"), "senders find the mail host (RFC 5321, 5.1)"
	if m.taker != m.profile.Name {
		by, reason = b.by(m, m.taker, "services", m.taker), whyTakes
	}
	for i := range m.mx {
		m.mx[i] = m.with(m.mx[i])
	}
	b.add(by, m.name, record.MXSet(m.name), Required, reason, m.mx...)
}

// with is r with the domain's TTL.
func (m *mail) with(r record.Record) record.Record {
	r.TTL = m.ttl
	return r
}

// entries adds the tables of profile and services, but for MX records at the
// domain, which takers has.
func (b *builder) entries(m *mail) {
	if len(m.hosts) > 0 {
		values := map[string]string{"domain": m.name, "d": display(m.name), "host": m.hosts[0].Name}
		by := b.by(m, m.profile.Name, "profile")
		if m.taker == m.profile.Name {
			for _, e := range m.profile.Entries {
				if m.wants(e) {
					b.entry(m, by, e, values)
				}
			}
		}
	}
	for _, u := range m.uses {
		for _, e := range u.Entries {
			switch {
			case e.Type == "MX" && e.Name == "@", !e.holds(u.values), e.Client != "" && (u.Name != m.taker || !m.announces(e)):
			case e.Each != "":
				for _, each := range u.lists[e.Each] {
					u.values["each"] = each
					b.entry(m, u.by, e, u.values)
				}
			default:
				b.entry(m, u.by, e, u.values)
			}
		}
	}
}

// wants reports whether an entry of the profile is there: a way in that is open,
// or, where the suite says so, one that is closed.
func (m *mail) wants(e Entry) bool {
	clients := m.profile.Clients
	if m.Clients != nil {
		clients = m.Clients
	}
	switch {
	case e.Client == "":
		return true
	case e.Client == "autoconfig":
		return m.Autoconfig != Off
	case e.closed():
		return len(listed(clients)) > 0 && !slices.Contains(clients, e.Client) && slices.Contains(clients, encryptedOf(e.Client))
	}
	return slices.Contains(clients, e.Client)
}

// encryptedOf is the way in that must be open for another to be called closed:
// that with TLS from the first byte; of POP3, IMAP.
func encryptedOf(client string) string {
	if client == "submission" {
		return "submissions"
	}
	return "imaps"
}

// announces reports whether an entry of a service tells mail programs of what
// its customers want them to know: all, unless they say.
func (m *mail) announces(e Entry) bool {
	if e.Client == "autoconfig" {
		return m.Autoconfig != Off
	}
	return m.Clients == nil || slices.Contains(m.Clients, e.Client)
}

// entry adds one row of a table.
func (b *builder) entry(m *mail, by source, e Entry, values map[string]string) {
	r := e.record(values, m)
	slot := record.Slot{Name: r.Name, Type: r.Type}
	switch e.Type {
	case "SPF":
		b.send(by, m, r.Name, expand(e.Data, values), e.Level, e.Reason)
		return
	case "TXT":
		slot.Tag = r.Data // of the texts at this name, this one alone
	}
	b.add(by, m.name, slot, e.Level, e.Reason, m.with(r))
}

// record is the entry with its placeholders filled, without TTL.
func (e Entry) record(values map[string]string, m *mail) record.Record {
	name := m.name
	if e.Name != "@" {
		name = record.Canonical(expand(e.Name, values) + "." + m.name)
	}
	data := expand(e.Data, values)
	switch e.Type {
	case "MX":
		preference, host, _ := strings.Cut(data, " ")
		n, _ := strconv.ParseUint(preference, 10, 16)
		return record.MX(name, uint16(n), host)
	case "CNAME":
		return record.Record{Name: name, Type: "CNAME", Data: record.Canonical(data)}
	case "SRV":
		at := strings.LastIndexByte(data, ' ')
		return record.Record{Name: name, Type: "SRV", Data: data[:at+1] + record.Canonical(data[at+1:])}
	}
	return record.TXT(name, data)
}

// keys adds the DKIM keys of the owner's own.
func (b *builder) keys(m *mail) {
	for _, k := range m.DKIM {
		by := b.by(m, "dkim", "dkim", k.Selector)
		if k.Selector == "" {
			by = b.by(m, "dkim", "dkim")
			if len(m.profile.Selectors) == 0 || strings.Contains(m.profile.Selectors[0], "{") {
				b.problem(by.path, "the selector is not known; write it before the key, as in dkim: {mail: KEY}")
				continue
			}
			k.Selector = m.profile.Selectors[0]
		}
		text, reason := k.Record, whySigns
		if k.Revoked {
			text, reason = "v=DKIM1; p=", "the key is withdrawn (RFC 6376, 3.6.1)"
		}
		slot := record.DKIMKey(k.Selector, m.name)
		b.add(by, m.name, slot, Required, reason, m.with(record.TXT(slot.Name, text)))
	}
	live := slices.ContainsFunc(m.DKIM, func(k Key) bool { return !k.Revoked })
	if m.profile.Receives && !live {
		b.task(m.name, "no DKIM key of %s is given yet, so its mail is not signed as far as receivers can tell: you find it %s; write it under dkim", m.profile.Title, m.profile.KeyWhere)
	}
}

// tlsrpt adds the address for TLS reports.
func (b *builder) tlsrpt(m *mail) {
	addresses := m.tlsReports()
	if len(addresses) == 0 || m.taker == "" {
		return
	}
	name := record.Canonical(tlsrpt.Name(m.name))
	b.add(b.by(m, "tls-reports", m.reportsKey()), m.name, record.Slot{Name: name, Type: "TXT", Tag: "v=TLSRPTv1"}, Recommended,
		"senders tell when they could not deliver encrypted (RFC 8460)", m.with(record.TXT(name, tlsrpt.Record{}.WithReports(addresses...).String())))
}

func (m *mail) reportsKey() string {
	if m.TLSReports != nil {
		return "tls-reports"
	}
	return "reports"
}

func (m *mail) tlsReports() []string {
	if m.TLSReports != nil {
		return listed(m.TLSReports)
	}
	return m.reports()
}

// reports is where reports go: postmaster, who reads mail wherever there is any
// (RFC 5321, 4.5.1), unless the owner says.
func (m *mail) reports() []string {
	switch {
	case m.Reports != nil:
		return listed(m.Reports)
	case m.taker == "":
		return nil
	}
	return []string{"postmaster@" + display(m.name)}
}

// listed is a list of which None means that it is empty.
func listed(list []string) []string {
	if len(list) == 1 && list[0] == None {
		return nil
	}
	return list
}

// caa adds who may issue certificates.
func (b *builder) caa(m *mail) {
	if m.CAA.Issue == nil {
		return
	}
	var want []record.Record
	property := func(tag, value string) {
		if value == None {
			value = ";" // nobody (RFC 8659, 4.2)
		}
		want = append(want, m.with(record.Record{Name: m.name, Type: "CAA", Data: caa.Record{Tag: tag, Value: value}.String()}))
	}
	for _, name := range m.CAA.Issue {
		property(caa.Issue, name)
	}
	for _, name := range m.CAA.IssueWild {
		property(caa.IssueWild, name)
	}
	if m.CAA.Iodef != "" {
		property(caa.Iodef, m.CAA.Iodef)
	}
	b.add(b.by(m, "caa", "caa"), m.name, record.Slot{Name: m.name, Type: "CAA"}, Optional, "only these authorities issue certificates for the domain (RFC 8659)", want...)
}

// noMail adds what tells of names below the domain that they have no mail.
func (b *builder) noMail(m *mail) {
	by := b.by(m, "no-mail", "no-mail")
	for _, label := range m.NoMail {
		if strings.HasSuffix("."+label, "."+display(m.name)) {
			b.problem(by.path, "%s is written below the domain already; write %q", label, strings.TrimSuffix(strings.TrimSuffix(label, display(m.name)), "."))
			continue
		}
		name := record.Canonical(label + "." + m.name)
		const reason = "nobody can send in its name, and senders hear at once that it takes no mail (RFC 7505; RFC 7208, 10.1.2)"
		b.add(by, m.name, record.MXSet(name), Optional, reason, m.with(record.MX(name, 0, ".")))
		b.sendAs(by, m, name, spf.Deny(), Recommended, reason)
		slot := record.DMARC(name)
		b.add(by, m.name, slot, Recommended, reason, m.with(record.TXT(slot.Name, dmarc.Record{Policy: dmarc.Reject}.String())))
	}
}
