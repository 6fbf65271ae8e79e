package desired

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/caa"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
)

// A mail is one domain with all that is said of it, resolved.
type mail struct {
	Settings
	name    string
	profile Profile // zero without one
	hosts   []Host  // of the profile, the preferred one first
	uses    []used
	taker   string // the profile or service that takes the mail; empty if nobody
	mx      []record.Record
	ttl     uint32
}

// A used service has its values.
type used struct {
	Service
	lists  map[string][]string
	values map[string]string // what placeholders stand for
	by     source
}

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

// mail resolves a domain.
func (b *builder) mail(d Domain) *mail {
	m := &mail{Settings: d.Settings.Over(b.state.Defaults), name: d.Name}
	m.profile, _ = FindProfile(m.Profile)
	if m.profile.Receives {
		m.hosts = b.hostsOf(m)
	}
	ttl := time.Hour
	if m.profile.TTL != 0 {
		ttl = m.profile.TTL
	}
	if m.TTL != 0 {
		ttl = m.TTL
	}
	m.ttl = uint32(ttl / time.Second)
	if m.Profile == "no-mail" {
		if len(m.Settings.Services) > 0 && len(d.Services) > 0 {
			b.problem(pathOf(m.name, "services"), "%s is a domain without mail (profile no-mail%s), and %s is a mail service", display(m.name), b.line(b.path(m, "profile")), d.Services[0].Service)
		}
		m.Services, m.DKIM = nil, nil // those of the defaults are not for it
	}
	for _, use := range m.Services {
		if u, ok := b.use(m, use); ok {
			m.uses = append(m.uses, u)
		}
	}
	m.taker = b.taker(m)
	m.mx = m.exchangers()
	return m
}

// path is the path of a key: that of the domain, or that of the defaults where
// only they have it.
func (b *builder) path(m *mail, keys ...string) string {
	own := pathOf(m.name, keys...)
	if _, ok := b.state.at[own]; ok {
		return own
	}
	if general := strings.Join(append([]string{"defaults"}, keys...), "."); b.state.at[general] != (Position{}) {
		return general
	}
	return own
}

func (b *builder) by(m *mail, who string, keys ...string) source {
	return source{who, b.path(m, keys...)}
}

// hostsOf are the hosts of a domain with a profile.
func (b *builder) hostsOf(m *mail) []Host {
	var list []Host
	for _, h := range b.state.Hosts {
		if m.Hosts == nil || slices.Contains(m.Hosts, h.Name) {
			list = append(list, h)
		}
	}
	if m.Hosts != nil {
		slices.SortStableFunc(list, func(x, y Host) int { return slices.Index(m.Hosts, x.Name) - slices.Index(m.Hosts, y.Name) })
	}
	if len(list) == 0 {
		b.problem(b.path(m, "profile"), "%s runs on a mail host of yours, and there is none: write it and its addresses under hosts", m.profile.Title)
	}
	return list
}

// use resolves the inputs of a service. What is missing is a problem that says
// where it is found.
func (b *builder) use(m *mail, use Use) (used, bool) {
	service, ok := FindService(use.Service)
	u := used{Service: service, lists: make(map[string][]string), values: make(map[string]string), by: b.by(m, use.Service, "services", use.Service)}
	if !ok {
		b.problem(u.by.path, "no service %.40q%s", use.Service, meant(use.Service, ServiceNames()))
		return u, false
	}
	u.values["domain"], u.values["d"] = m.name, display(m.name)
	complete := true
	for _, in := range service.Inputs {
		texts := use.Texts(in.Name)
		if texts == nil && in.Default != "" {
			texts = []string{in.Default}
		}
		wanted := !in.Optional && (in.With == "" || use.Texts(in.With) != nil)
		if texts == nil && wanted {
			complete = false
			b.problem(u.by.path, "%s needs %s: %s. You find it in %s", service.Title, in.Name, in.Title, in.Where)
		}
		if texts != nil {
			u.lists[in.Name], u.values[in.Name] = texts, texts[0]
		}
	}
	if service.Name == "mailgun" && u.values["region"] == "eu" {
		u.values["hosts"] = "eu." // the hosts of the EU region have names of their own
	}
	return u, complete
}

// taker is who takes the mail. Several are a problem unless mx chooses.
func (b *builder) taker(m *mail) string {
	var all []source
	if m.profile.Receives {
		all = append(all, b.by(m, m.profile.Name, "profile"))
	}
	for _, u := range m.uses {
		if u.Receives {
			all = append(all, u.by)
		}
	}
	chosen := slices.IndexFunc(all, func(s source) bool { return s.who == m.MX })
	switch {
	case m.Profile == "no-mail":
		return ""
	case m.MX != "" && chosen < 0:
		b.problem(b.path(m, "mx"), "%s shall take the mail of %s, and is neither its profile nor one of its services", m.MX, display(m.name))
		return ""
	case m.MX != "":
		return m.MX
	case len(all) == 1:
		return all[0].who
	case len(all) > 1:
		b.problem(all[1].path, "%s and %s%s both want to take the mail of %s; choose with mx: %s or mx: %s",
			all[1].who, all[0].who, b.line(all[0].path), display(m.name), all[0].who, all[1].who)
		return all[0].who
	}
	if len(m.uses) == len(m.Services) { // else what is missing is told
		b.problem(pathOf(m.name), "nobody takes the mail of %s: give it a profile, or a service that keeps mail (%s); or profile: no-mail", display(m.name), strings.Join(receivers(), ", "))
	}
	return ""
}

// exchangers is the MX set.
func (m *mail) exchangers() []record.Record {
	if m.taker == "" {
		return nil
	}
	var list []record.Record
	if m.taker == m.profile.Name {
		for i, h := range m.hosts {
			list = append(list, record.MX(m.name, uint16(10*(i+1)), h.Name))
		}
	}
	for _, u := range m.uses {
		for _, e := range u.Entries {
			if u.Name == m.taker && e.Type == "MX" && e.Name == "@" {
				list = append(list, e.record(u.values, m))
			}
		}
	}
	return list
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
			case e.Type == "MX" && e.Name == "@", e.If != "" && u.lists[e.If] == nil, e.Client != "" && (u.Name != m.taker || m.Autoconfig == Off && e.Client == "autoconfig"):
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
	}
	return slices.Contains(clients, e.Client) != e.closed()
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
