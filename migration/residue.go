package migration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// Rest is what Residue looks at.
type Rest struct {
	Domain, Zone string // canonical
	Today        []record.Record
	Wanted       []record.Edit // of maildoctor.yaml; what it says is nobody's residue
	// Old is the side that was left: its services, and its hosts and addresses where
	// they were of no service. New may be empty where it is not known.
	Old, New Side
	Served   *mtasts.Policy // the MTA-STS policy of today; nil: none, or not known
	// Verifications tells that texts by which the old provider verified the domain
	// shall go, too.
	Verifications bool
}

// A Remain is what is left of a side.
type Remain struct {
	Kind    string // as of an Item
	Subject string // the name, canonical
	Seen    string
	Costs   string // what may come of it
	// Act is what a person has to do or to decide; empty where the plan removes it.
	Act string
}

// Residue finds what is left of a side that is not in use any more, and what removes
// it. It takes nothing away that leads to the new side, or that maildoctor.yaml wants.
func Residue(r Rest) ([]Remain, []plan.Wish) {
	b := &builder{Given: Given{Domain: r.Domain, Zone: r.Zone, Today: r.Today, Wanted: r.Wanted, Old: r.Old, New: r.New}, wanted: r.Wanted}
	d := &residue{Rest: r, b: b, who: r.Old.Name, drops: make(map[record.Slot][]record.Record)}
	if d.who == "" {
		d.who = "the old provider"
	}
	for _, one := range []func(){d.exchangers, d.spf, d.keys, d.policy, d.clients, d.dmarc, d.tlsrpt, d.addresses, d.aliases, d.verifications} {
		one()
	}
	d.dropped()
	return d.list, d.wishes
}

// A residue collects what is left.
type residue struct {
	Rest
	b      *builder
	who    string
	list   []Remain
	wishes []plan.Wish
	drops  map[record.Slot][]record.Record
	order  []record.Slot // of drops
	why    map[record.Slot]string
}

// found notes what is left, for the plan to remove.
func (d *residue) found(kind string, slot record.Slot, r record.Record, costs string) {
	d.list = append(d.list, Remain{kind, r.Name, r.Presentation(), costs, ""})
	if _, ok := d.drops[slot]; !ok {
		d.order = append(d.order, slot)
	}
	d.drops[slot] = append(d.drops[slot], r)
	if d.why == nil {
		d.why = make(map[record.Slot]string)
	}
	d.why[slot] = costs
}

// told notes what is left, for a person.
func (d *residue) told(kind, subject, seen, costs, act string) {
	d.list = append(d.list, Remain{kind, subject, seen, costs, act})
}

// dropped makes wishes of what is to be removed: the rest of a slot stays.
func (d *residue) dropped() {
	for _, slot := range d.order {
		rest := slices.DeleteFunc(held(slot, d.Today), func(r record.Record) bool { return slices.Contains(d.drops[slot], r) })
		d.wish(slot, d.why[slot], rest...)
	}
}

// wish has a slot hold what is given or, where maildoctor.yaml says it, what that wants.
func (d *residue) wish(slot record.Slot, why string, want ...record.Record) {
	if e, ok := d.wanted(slot); ok {
		want = e.Want
	}
	d.wishes = append(d.wishes, plan.Wish{Edit: record.Set(slot, want...), Reason: why, From: "migrate residue"})
}

// wanted is what maildoctor.yaml wants of a slot.
func (d *residue) wanted(slot record.Slot) (record.Edit, bool) {
	i := slices.IndexFunc(d.Wanted, func(e record.Edit) bool {
		return e.Slot.Name == slot.Name && e.Slot.Type == slot.Type && strings.EqualFold(e.Slot.Tag, slot.Tag)
	})
	if i < 0 {
		return record.Edit{}, false
	}
	return d.Wanted[i], true
}

// wants reports whether maildoctor.yaml wants a record as it is.
func (d *residue) wants(r record.Record) bool {
	return slices.ContainsFunc(d.Wanted, func(e record.Edit) bool {
		return e.Slot.Holds(r) && slices.ContainsFunc(e.Want, func(w record.Record) bool { return w.Data == r.Data })
	})
}

// host reports whether a host is the old side's, and not the new one's.
func (d *residue) host(name string) bool {
	if slices.Contains(d.New.Hosts, name) {
		return false
	}
	return slices.Contains(d.Old.Hosts, name) || slices.Contains(d.Old.Services, mailHostOf(name)) && !slices.Contains(d.New.Services, mailHostOf(name))
}

// MailHost reports whether a host is one by which one of some services takes mail.
func MailHost(host string, services []string) bool {
	return slices.Contains(services, mailHostOf(host))
}

// mailHostOf is the service whose MX records name a host.
func mailHostOf(name string) string {
	for _, s := range desired.Services() {
		for _, e := range s.Entries {
			if e.Type != "MX" {
				continue
			}
			data := e.Data[strings.LastIndexByte(e.Data, ' ')+1:]
			if len(literal(data)) >= 5 && fits(data, strings.TrimSuffix(name, ".")) {
				return s.Name
			}
		}
	}
	switch { // whose names are not the same for all customers
	case strings.HasSuffix(name, ".mail.protection.outlook.com."), strings.HasSuffix(name, ".mx.microsoft."):
		return "microsoft365"
	case strings.HasSuffix(name, ".l.google.com."), strings.HasSuffix(name, ".googlemail.com."):
		return "google"
	}
	return ""
}

// exchangers are MX records that lead to the old side.
func (d *residue) exchangers() {
	for _, r := range d.Today {
		_, host, ok := r.MX()
		if !ok || !d.host(host) || d.wants(r) {
			continue
		}
		costs := "mail that finds its way there is lost, or kept where nobody reads it"
		others := slices.ContainsFunc(d.Today, func(o record.Record) bool {
			_, h, ok := o.MX()
			return ok && o.Name == r.Name && !d.host(h)
		})
		if r.Name == d.Domain && !others {
			d.told("mx", r.Name, r.Presentation(), "all mail goes to "+d.who+" still", "Switch first: no other MX is published.")
			continue
		}
		d.found("mx", record.MXSet(r.Name), r, costs)
	}
}

// keys are DKIM keys of the old side.
func (d *residue) keys() {
	for _, r := range d.Today {
		slot := record.Slot{Name: r.Name, Type: r.Type}
		if d.b.kind(slot, nil) != "dkim" || !d.b.isOlds(r) || d.wants(r) || d.newSelector(r) {
			continue
		}
		d.found("dkim", slot, r, fmt.Sprintf("%s can go on signing mail as the domain, and what it signs passes DMARC", d.who))
	}
}

// newSelector reports whether the new side signs under the name of a key, too: then it
// is not told whose it is.
func (d *residue) newSelector(r record.Record) bool {
	p, ok := desired.FindProfile(d.New.Profile)
	selector, _, _ := strings.Cut(r.Name, "._domainkey.")
	return ok && r.Type == "TXT" && slices.Contains(p.Selectors, selector)
}

// clients are what mail programs ask, where it leads them to the old side.
func (d *residue) clients() {
	for _, r := range d.Today {
		slot := record.Slot{Name: r.Name, Type: r.Type}
		if r.Type == "TXT" || d.b.kind(slot, nil) != "client" || !d.leads(r) || d.wants(r) {
			continue
		}
		d.found("client", slot, r, "mail programs go on asking the old server, and may give it passwords")
	}
}

// leads reports whether a record leads to the old side.
func (d *residue) leads(r record.Record) bool {
	target := r.Data[strings.LastIndexByte(r.Data, ' ')+1:]
	return d.b.leads(r) || (r.Type == "SRV" || r.Type == "CNAME") && d.host(target)
}

// addresses are names that lead to addresses of the old side, and TLSA records of its
// hosts.
func (d *residue) addresses() {
	for _, r := range d.Today {
		slot := record.Slot{Name: r.Name, Type: r.Type}
		first, rest, _ := strings.Cut(r.Name, ".")
		switch kind := d.b.kind(slot, nil); {
		case d.wants(r) || rest == d.Domain && first == "mta-sts":
		case kind == "tlsa" && d.host(strings.TrimPrefix(r.Name, "_25._tcp.")):
			d.found("dane", slot, r, "nobody asks for it any more")
		case kind == "address" && r.Name == d.Domain && d.b.leads(r):
			d.told("ptr", r.Name, r.Presentation(), "the domain itself leads to the old server", "Its web site may be there: move that first.")
		case kind == "address" && d.b.leads(r):
			d.found("ptr", slot, r, "whoever rents this address next answers for a name of yours")
		}
	}
}

// aliases are other names that the old side asked for.
func (d *residue) aliases() {
	for _, r := range d.Today {
		slot := record.Slot{Name: r.Name, Type: r.Type}
		if r.Type != "CNAME" || d.b.kind(slot, nil) != "" || !d.b.isOlds(r) || d.wants(r) {
			continue
		}
		if beyondMail(r, d.Domain) {
			d.told("verification", r.Name, r.Presentation(), "it is of the old provider, and not of its mail", "Remove it if nobody uses the rest of what "+d.who+" offers.")
			continue
		}
		d.found("subdomain", slot, r, "whoever has this name there next answers for a name of yours")
	}
}

// verifications are texts by which the old provider knows the domain.
func (d *residue) verifications() {
	for _, r := range d.Today {
		theirs := d.b.isOlds(r) || r.Name == d.Domain && strings.HasPrefix(r.Data, "MS=ms") && slices.Contains(d.Old.Services, "microsoft365") && !slices.Contains(d.New.Services, "microsoft365")
		if r.Type != "TXT" || strings.Contains(r.Name, "._domainkey.") || !theirs || d.wants(r) {
			continue
		}
		costs := "whoever has the account can show there that the domain is theirs"
		if d.Verifications {
			d.found("verification", record.Slot{Name: r.Name, Type: "TXT", Tag: r.Data}, r, costs)
			continue
		}
		d.told("verification", r.Name, r.Presentation(), costs, "Keep it if you use anything else of "+d.who+"; else remove it (--verifications).")
	}
}
