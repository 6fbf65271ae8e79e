package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// dmarc adds the policy record, and the consent of those of our domains that
// take reports about others.
func (b *builder) dmarc(m *mail) {
	policy, by, reason := b.dmarcPolicy(m)
	r := dmarc.Record{Policy: policy, Subdomains: m.DMARC.Subdomains, NonExistent: m.DMARC.NonExistent, Testing: m.DMARC.Testing == On}
	if m.DMARC.Strict == On {
		r.DKIM, r.SPF = "s", "s"
	}
	rua := m.reports()
	if m.DMARC.RUA != nil {
		rua = listed(m.DMARC.RUA)
	}
	r = r.WithReports(rua...)
	for _, address := range listed(m.DMARC.RUF) {
		r.RUF = append(r.RUF, dmarc.Mailto(address))
	}
	for _, u := range m.uses {
		if u.Service.Reports && len(rua) == 0 {
			b.problem(u.by.path, "%s wants a DMARC record with an address for reports, and reports%s says none", u.Title, b.line(b.path(m, "reports")))
		}
	}
	slot := record.DMARC(m.name)
	b.add(by, m.name, slot, Required, reason, m.with(record.TXT(slot.Name, r.String())))
	for _, u := range slices.Concat(r.RUA, r.RUF) {
		b.consent(m, u.Host)
	}
}

// dmarcPolicy is the stage that the owner wants, or else a service, or else the
// profile. Services that want different ones are a problem.
func (b *builder) dmarcPolicy(m *mail) (policy dmarc.Policy, by source, reason string) {
	const why = "receivers know what to do with mail that forges the domain (RFC 9989)"
	by = b.by(m, "dmarc", "dmarc")
	if policy := m.DMARC.stage(b.given.Now); policy != "" {
		return policy, by, why
	}
	var wants []used
	for _, u := range m.uses {
		if u.DMARC != "" && (len(wants) == 0 || wants[0].DMARC != u.DMARC) {
			wants = append(wants, u)
		}
	}
	switch {
	case len(wants) > 1:
		b.problem(wants[1].by.path, "%s wants the DMARC policy %s, and %s%s wants %s; say which with dmarc: %s",
			wants[1].Name, wants[1].DMARC, wants[0].Name, b.line(wants[0].by.path), wants[0].DMARC, wants[0].DMARC)
		fallthrough
	case len(wants) == 1:
		return wants[0].DMARC, wants[0].by, why + "; " + wants[0].Title + " asks for " + string(wants[0].DMARC)
	case m.profile.DMARC != "":
		return m.profile.DMARC, b.by(m, m.profile.Name, "profile"), why + "; " + m.profile.DMARCWhy
	}
	return dmarc.Quarantine, by, why + "; mail that forges the domain goes to spam" + onward
}

// stage is the policy at a time; empty if none was said.
func (d DMARC) stage(now time.Time) dmarc.Policy {
	policy := d.Policy
	for i, s := range d.Stages {
		if i == 0 && policy == "" || !now.Before(s.From) {
			policy = s.Policy
		}
	}
	return policy
}

// consent sees to it that host takes reports about the domain (RFC 9990, 4): by a
// record where host is below one of our domains, else by asking its owner to.
func (b *builder) consent(m *mail, host string) {
	if zone, ours := b.zoneOf(host); host != "" && ours && zone.Profile == "no-mail" && zone.name == host {
		b.problem(b.path(m, "reports"), "reports about %s shall go to %s, a domain without mail (profile no-mail%s)", display(m.name), display(host), b.line(b.path(zone, "profile")))
		return
	}
	if host == "" || dmarc.ListedOrganizational(host) == dmarc.ListedOrganizational(m.name) {
		return
	}
	consent := dmarc.ConsentRecord(m.name, host)
	zone, ours := b.zoneOf(host)
	switch _, fits := dmarc.ConsentName(m.name, host); {
	case !fits:
		b.problem(b.path(m, "reports"), "%s cannot consent to reports about %s: the name of the record would be too long", display(host), display(m.name))
	case ours:
		by := b.by(m, "reports", "reports")
		b.add(by, zone.name, record.Slot{Name: consent.Name, Type: "TXT", Tag: "v=DMARC1"}, Required,
			display(host)+" consents to reports about "+display(m.name)+", which are not sent otherwise (RFC 9990, 4)", zone.with(consent))
	default:
		b.task(host, "its owner publishes %s, or no reports about %s are sent there (RFC 9990, 4)", consent, display(m.name))
	}
}

// zoneOf is the nearest of our domains at or above a name.
func (b *builder) zoneOf(name string) (zone *mail, ours bool) {
	var nearest *Domain
	for i, d := range b.state.Domains {
		if record.Within(name, d.Name) && (nearest == nil || len(d.Name) > len(nearest.Name)) {
			nearest = &b.state.Domains[i]
		}
	}
	if nearest == nil {
		return nil, false
	}
	if b.zones[nearest.Name] == nil {
		quiet := b.state.builder(b.given) // its problems are told elsewhere
		b.zones[nearest.Name] = quiet.mail(*nearest)
	}
	return b.zones[nearest.Name], true
}

// policy is the MTA-STS policy of a domain.
func (b *builder) policy(m *mail) (policy mtasts.Policy, ok bool) {
	policy.Mode = m.profile.MTASTS
	if m.MTASTS.Mode != "" {
		policy.Mode = m.MTASTS.Mode
	}
	if policy.Mode == mtasts.None || policy.Mode == "" || len(m.mx) == 0 {
		return mtasts.Policy{}, false
	}
	age := policyAge
	if m.MTASTS.MaxAge != 0 {
		age = m.MTASTS.MaxAge
	}
	policy.MaxAge = int(age / time.Second)
	for _, r := range m.mx {
		if _, host, ok := r.MX(); ok {
			policy = policy.WithMX(host)
		}
	}
	return policy, true
}

// mtasts adds the host that serves the policy and, unless it is known to serve
// none, the record that announces it.
func (b *builder) mtasts(m *mail) {
	policy, ok := b.policy(m)
	if !ok {
		return
	}
	by := b.by(m, "mta-sts", "mta-sts")
	server := m.MTASTS.Host
	switch {
	case server == "" && m.taker == m.profile.Name && len(m.hosts) > 0:
		server = m.hosts[0].Name
	case server == "":
		b.problem(by.path, "%s serves no MTA-STS policy for you: write host, the web server that does", m.taker)
		return
	}
	name, id := record.Canonical(mtasts.Host(m.name)), m.MTASTS.ID
	b.add(by, m.name, record.Slot{Name: name, Type: "CNAME"}, Recommended, "senders fetch the policy here; the host needs a certificate for this name (RFC 8461, 3.3)",
		m.with(record.Record{Name: name, Type: "CNAME", Data: server}))
	found, known := b.given.MTASTS[m.name]
	same := found.Served != nil && equal(*found.Served, policy)
	if !same {
		b.task(mtasts.URL(display(m.name)), "serves this policy, with a certificate for %s:\n%s", display(name), policy)
	}
	if known && found.Served == nil {
		b.task(m.name, "the record that announces MTA-STS is held back: no policy is served yet")
		return
	}
	if id == "" && same {
		id = found.ID // the policy did not change, so neither does the id
	}
	if id == "" {
		id = idOf(policy)
	}
	at := record.Canonical("_mta-sts." + m.name)
	b.add(by, m.name, record.Slot{Name: at, Type: "TXT", Tag: "v=STSv1"}, Recommended, "senders insist on TLS with a certificate that fits the MX hosts (RFC 8461)",
		m.with(record.TXT(at, mtasts.NewRecord(id).String())))
}

// idOf is an id that changes with the policy, and only with it, as senders want
// (RFC 8461, 3.1: 1 to 32 letters and digits). No clock and no memory is needed.
func idOf(policy mtasts.Policy) string {
	sum := sha256.Sum256([]byte(policy.String()))
	return hex.EncodeToString(sum[:10])
}

// equal reports whether senders make the same of two policies.
func equal(a, b mtasts.Policy) bool {
	if a.Mode != b.Mode || a.MaxAge != b.MaxAge || len(a.MX) != len(b.MX) {
		return false
	}
	x, y := slices.Sorted(slices.Values(a.MX)), slices.Sorted(slices.Values(b.MX))
	return slices.EqualFunc(x, y, strings.EqualFold)
}
