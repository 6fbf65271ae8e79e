package migration

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/record"
)

// leftovers decides about what is there and what the end says nothing of: what is
// the old side's goes when nothing needs it any more; of the rest nothing is
// touched.
func (b *builder) leftovers() {
	for _, r := range b.Today {
		slot := record.Slot{Name: r.Name, Type: r.Type}
		if _, known := b.fates[slot]; known || b.isWanted(r) {
			continue
		}
		switch kind := b.kind(slot, []record.Record{r}); {
		case kind == "dkim" && b.isOlds(r):
			b.gone(RaiseTTLs, slot, "mail that the old side signed is not on its way any more (RFC 5321, 4.5.4.1)")
		case kind == "client" && b.leads(r):
			b.gone(SwitchMX, slot, "mail programs would go on asking the old server")
		case kind == "tlsa" && b.isOldHost(strings.TrimPrefix(r.Name, "_25._tcp.")) && !b.newHosts(strings.TrimPrefix(r.Name, "_25._tcp.")):
			b.gone(RaiseTTLs, slot, "no mail goes to this host any more")
		case kind == "" && r.Type == "CNAME" && b.isOlds(r) && beyondMail(r, b.Domain):
			b.fates[slot] = fate{Ask, "it is of the old provider and not of its mail: somebody may go on using the rest of it", ""}
		case kind == "" && r.Type == "CNAME" && b.isOlds(r):
			b.gone(RaiseTTLs, slot, "it leads to the old side, which is not in use any more")
		}
	}
}

// beyondMail reports whether a record of a provider is for something else than mail:
// calls, meetings, the enrolment of machines.
func beyondMail(r record.Record, domain string) bool {
	first, rest, _ := strings.Cut(r.Name, ".")
	return rest == domain && slices.Contains([]string{"lyncdiscover", "sip", "msoid", "enterpriseregistration", "enterpriseenrollment", "calendar", "drive", "docs", "sites"}, first)
}

// gone empties a slot in a step.
func (b *builder) gone(step string, slot record.Slot, why string) {
	b.wish(step, slot, why)
	b.fates[slot] = fate{Later, why, step}
}

func (b *builder) isOldHost(name string) bool { return slices.Contains(b.Old.Hosts, name) }
func (b *builder) newHosts(name string) bool  { return slices.Contains(b.New.Hosts, name) }

// leads reports whether a record for mail programs leads to the old side.
func (b *builder) leads(r record.Record) bool {
	if b.isOlds(r) {
		return true
	}
	target := r.Data
	if r.Type == "SRV" {
		target = target[strings.LastIndexByte(target, ' ')+1:]
	}
	if addr, ok := r.Addr(); ok {
		return slices.Contains(b.Old.Addrs, addr) && !slices.Contains(b.New.Addrs, addr)
	}
	return b.isOldHost(target) && !b.newHosts(target)
}

// isOlds reports whether a record is one that the old side asked for, and not the
// new one.
func (b *builder) isOlds(r record.Record) bool {
	who := ServiceOf(r, b.Domain)
	if who != "" {
		return slices.Contains(b.Old.Services, who) && !slices.Contains(b.New.Services, who)
	}
	p, ok := desired.FindProfile(b.Old.Profile)
	if !ok || r.Type != "TXT" {
		return false
	}
	selector, _, isKey := strings.Cut(r.Name, "._domainkey.")
	return isKey && slices.Contains(p.Selectors, selector)
}

// ServiceOf is the service of package desired that asks its customers for such a
// record, by its name; empty if none is known to.
func ServiceOf(r record.Record, domain string) string {
	for _, s := range desired.Services() {
		for _, e := range s.Entries {
			if asksFor(s, e, r, domain) {
				return s.Name
			}
		}
	}
	switch {
	case r.Type == "TXT":
	case strings.HasSuffix(r.Data, ".outlook.com."), strings.HasSuffix(r.Data, ".lync.com."), strings.HasSuffix(r.Data, ".onmicrosoft.com."):
		return "microsoft365"
	case r.Data == "ghs.googlehosted.com.":
		return "google"
	}
	return ""
}

// asksFor reports whether a record is one of an entry of a service. A key says
// nothing of whose it is, and is told by its selector.
func asksFor(s desired.Service, e desired.Entry, r record.Record, domain string) bool {
	name := e.Name
	for _, in := range s.Inputs {
		if in.Default != "" {
			name = strings.ReplaceAll(name, "{"+in.Name+"}", in.Default)
		}
	}
	at := domain
	if name != "@" {
		at = record.Canonical(name + "." + domain)
	}
	open := strings.Contains(name, "{")
	if !open && r.Name != at {
		return false
	}
	if e.Type == "DKIM" {
		return r.Type == "TXT" && !open
	}
	pattern := strings.NewReplacer("{d}", record.Display(domain), "{domain}", record.Display(domain)).Replace(e.Data)
	const telling = 5 // octets of a pattern that say whose a record is
	return e.Type == r.Type && len(literal(pattern)) >= telling && fits(pattern, strings.TrimSuffix(r.Data, "."))
}

// literal is a pattern without its placeholders.
func literal(pattern string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "{")
		b.WriteString(before)
		_, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return b.String()
		}
		pattern = after
	}
}

// fits reports whether a text is one that a pattern with placeholders makes. A
// placeholder takes as little as it can, and at least one octet.
func fits(pattern, text string) bool {
	for {
		head, rest, more := strings.Cut(pattern, "{")
		after, found := strings.CutPrefix(text, head)
		if !found || !more {
			return found && after == ""
		}
		_, pattern, _ = strings.Cut(rest, "}")
		next, _, _ := strings.Cut(pattern, "{")
		switch {
		case after == "":
			return false
		case next == "":
			text = ""
			if pattern != "" {
				text = after[1:] // two placeholders side by side
			}
		default:
			at := strings.Index(after[1:], next)
			if at < 0 {
				return false
			}
			text = after[1+at:]
		}
	}
}
