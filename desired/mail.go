package desired

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
		m.parked(d.Settings)
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

// parked leaves to a domain without mail what it says itself: how others send,
// and how far their policy is, is not for it.
func (m *mail) parked(own Settings) {
	m.Services, m.DKIM = nil, nil
	m.SPF, m.Clients, m.MTASTS = own.SPF, own.Clients, own.MTASTS
	m.DMARC.Policy, m.DMARC.Stages, m.DMARC.Testing = own.DMARC.Policy, own.DMARC.Stages, own.DMARC.Testing
	m.DMARC.Subdomains, m.DMARC.NonExistent, m.DMARC.Strict = own.DMARC.Subdomains, own.DMARC.NonExistent, own.DMARC.Strict
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
			needs := fmt.Sprintf("%s needs %s: %s. You find it in %s", service.Title, in.Name, in.Title, in.Where)
			if b.given.Incomplete {
				b.addTask(Task{Subject: display(m.name), Text: "the records of " + use.Service + " are missing: " + needs, Missing: true})
			} else {
				b.problem(u.by.path, "%s", needs)
			}
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
			if u.Name == m.taker && e.Type == "MX" && e.Name == "@" && e.holds(u.values) {
				list = append(list, e.record(u.values, m))
			}
		}
	}
	return list
}
