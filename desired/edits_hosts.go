package desired

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
)

// hosts adds the mail hosts that stand below one of our domains, and asks for
// what only others can do for them.
func (b *builder) hosts() {
	for _, h := range b.state.Hosts {
		for _, addr := range h.Addrs {
			b.addTask(Task{
				Subject: addr.String(), Text: fmt.Sprintf("whoever provides the address sets its reverse name (PTR) to %s, and no other", display(h.Name)),
				Record: record.Record{Name: record.Reverse(addr), Type: "PTR", Data: h.Name},
			})
		}
		zone, ours := b.zoneOf(h.Name)
		if !ours {
			b.task(h.Name, "stands below none of these domains: its owner publishes its addresses")
			continue
		}
		by := source{"hosts", "hosts." + display(h.Name)}
		for _, addr := range h.Addrs {
			r := zone.with(record.Address(h.Name, addr))
			b.add(by, zone.name, record.Slot{Name: h.Name, Type: r.Type}, Required, "the mail host has an address", r)
		}
		if h.Name != zone.name {
			b.sendAs(by, zone, h.Name, spf.NewRecord(mechanism("a"), mechanism("-all")), Recommended,
				"bounces are sent by the host's own name, and nobody else greets by it (RFC 7208, 2.3)")
		}
		b.tlsa(by, zone, h)
	}
}

// tlsa adds the TLSA records of a host where the zone is signed: in an unsigned
// one they say nothing (RFC 7672, 2.2).
func (b *builder) tlsa(by source, zone *mail, h Host) {
	if len(h.TLSA) == 0 {
		return
	}
	if zone.DNSSEC != On {
		b.task(h.Name, "its TLSA records are held back: the zone %s is not signed, or dnssec: true is missing", display(zone.name))
		return
	}
	name := record.Canonical(dane.Name(h.Name))
	var want []record.Record
	for _, t := range h.TLSA {
		want = append(want, zone.with(record.Record{Name: name, Type: "TLSA", Data: t.String()}))
	}
	b.add(by, zone.name, record.Slot{Name: name, Type: "TLSA"}, Recommended, "senders know the host's certificate (RFC 7672)", want...)
	if addresses := zone.tlsReports(); len(addresses) > 0 && h.Name != zone.name {
		name := record.Canonical(tlsrpt.Name(h.Name))
		b.add(source{"tls-reports", b.path(zone, zone.reportsKey())}, zone.name, record.Slot{Name: name, Type: "TXT", Tag: "v=TLSRPTv1"}, Optional,
			"senders report under the host's name when its certificate does not fit (RFC 8460, 3)", zone.with(record.TXT(name, tlsrpt.Record{}.WithReports(addresses...).String())))
	}
}

// A sender is a part of an SPF record.
type sender struct {
	record spf.Record
	zone   *mail
	by     source
	level  Level
	reason string
}

// mechanism is one term; the text is one of ours, or was checked.
func mechanism(text string) spf.Term {
	r, _ := spf.Parse(spf.Version + " " + text)
	return r.Terms[0]
}

// sends adds the parts of the domain's SPF record.
func (b *builder) sends(m *mail) {
	if terms := m.profile.SPF; terms != "" {
		reason := m.profile.SPFReason
		if m.taker != m.profile.Name && m.profile.Receives {
			terms, reason = strings.Replace(terms, "mx", "{ips}", 1), "the hosts' addresses, since the MX hosts are others"
		}
		b.send(b.by(m, m.profile.Name, "profile"), m, m.name, expand(terms, map[string]string{"ips": m.ips()}), Required, reason)
	}
	for _, u := range m.uses {
		if u.SPF != "" {
			b.send(u.by, m, m.name, expand(u.SPF, u.values), Required, u.Title+" sends as the domain")
		}
	}
	for _, term := range m.SPF.Also {
		b.send(b.by(m, "spf", "spf", "also"), m, m.name, term, Required, "you say that it sends as the domain")
	}
	if len(b.senders[m.name]) == 0 && m.taker != "" {
		b.send(b.by(m, m.taker, "services", m.taker), m, m.name, "~all", Required, "receivers know that nobody else sends as the domain")
	}
}

// ips is the ip4 and ip6 terms of the hosts.
func (m *mail) ips() string {
	var r spf.Record
	for _, h := range m.hosts {
		for _, addr := range h.Addrs {
			r = r.WithIP(addr)
		}
	}
	return strings.TrimSpace(strings.TrimPrefix(r.String(), spf.Version))
}

// send adds terms to the SPF record of name.
func (b *builder) send(by source, m *mail, name, terms string, level Level, reason string) {
	r, _ := spf.Parse(spf.Version + " " + terms)
	b.sendAs(by, m, name, r, level, reason)
}

func (b *builder) sendAs(by source, m *mail, name string, r spf.Record, level Level, reason string) {
	b.senders[name] = append(b.senders[name], sender{r, m, by, level, reason})
}

// spfRecords merges the parts of each SPF record to one.
func (b *builder) spfRecords() {
	for name, parts := range b.senders {
		if at := slices.IndexFunc(parts, func(s sender) bool { return s.record.Denies() }); at >= 0 && len(parts) > 1 {
			b.denied(name, parts, at)
			continue
		}
		var records []spf.Record
		for _, s := range parts {
			records = append(records, s.record)
		}
		r := merged(records)
		if own := parts[0].zone; own.name == name && own.SPF.All != 0 {
			r = r.WithAll(own.SPF.All)
		}
		b.counted(name, parts, r)
		first := parts[0]
		slot := record.SPF(name)
		for _, s := range parts { // the parts agree on what they make together
			b.add(s.by, first.zone.name, slot, s.level, s.reason, first.zone.with(record.TXT(name, r.String())))
		}
	}
}

// denied reports that a name shall send and not send.
func (b *builder) denied(name string, parts []sender, at int) {
	other := parts[0]
	if at == 0 {
		other = parts[1]
	}
	b.problem(parts[at].by.path, "%s: %s says that nobody sends as it, and %s%s does", display(name), parts[at].by.who, other.by.who, b.line(other.by.path))
}

// merged is one record, with what costs no lookup in front.
func merged(records []spf.Record) spf.Record {
	r := spf.Merge(records...)
	rank := func(t spf.Term) int {
		switch t.Kind {
		case spf.IP4, spf.IP6:
			return 0
		case spf.A, spf.MX:
			return 1
		case spf.All:
			return 3
		}
		if t.Kind.Modifier() {
			return 4
		}
		return 2
	}
	terms := slices.Clone(r.Terms)
	slices.SortStableFunc(terms, func(x, y spf.Term) int { return cmp.Compare(rank(x), rank(y)) })
	return spf.NewRecord(terms...)
}

// counted holds a record to the ten lookups of an evaluation, as far as that can
// be told without the DNS: what its own terms cost (RFC 7208, 4.6.4).
func (b *builder) counted(name string, parts []sender, r spf.Record) {
	n := len(r.Counted())
	if n <= spf.MaxLookups {
		return
	}
	var who []string
	for _, s := range parts {
		who = append(who, fmt.Sprintf("%s%s", s.by.who, b.line(s.by.path)))
	}
	slices.Sort(who)
	b.problem(parts[0].by.path, "the SPF record of %s needs %d DNS lookups or more, and receivers allow %d (RFC 7208, 4.6.4); senders are %s",
		display(name), n, spf.MaxLookups, strings.Join(slices.Compact(who), ", "))
}
