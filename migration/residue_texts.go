package migration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
)

// spf are terms that still let the old side send.
func (d *residue) spf() {
	for _, r := range d.Today {
		if r.Type != "TXT" || !spf.IsSPF(r.Data) || d.wants(r) {
			continue
		}
		slot := record.SPF(r.Name)
		parsed, problems := spf.Parse(r.Data)
		left := parsed
		edit, wanted := d.wanted(slot)
		var reasons []string
		for _, t := range parsed.Terms {
			costs, act := d.lets(t)
			switch {
			case costs == "" || slices.ContainsFunc(edit.Want, func(w record.Record) bool { return says(w, t) }):
				continue
			case wanted: // its record takes the place of all that is there
				act = ""
			case act == "" && (len(problems) > 0 || len(held(slot, d.Today)) > 1):
				act = "Mend the record first: it is none that receivers go by."
			}
			d.told("spf", r.Name, t.String(), costs, act)
			if act == "" {
				left = left.Without(t)
				reasons = append(reasons, t.String())
			}
		}
		if len(reasons) > 0 && r.Name == d.Domain && nobody(left) && !wanted {
			for i := range d.list {
				if one := &d.list[i]; one.Kind == "spf" && one.Subject == r.Name && one.Act == "" {
					one.Act = "Publish the record of the new side first: without this term nobody may send."
				}
			}
			continue
		}
		if len(reasons) > 0 {
			next := record.TXT(r.Name, left.String())
			next.TTL = r.TTL
			d.wish(slot, "the old side sends nothing any more: "+strings.Join(reasons, " "), next)
		}
	}
}

// says reports whether an SPF record has a term.
func says(r record.Record, t spf.Term) bool {
	parsed, _ := spf.Parse(r.Data)
	return slices.ContainsFunc(parsed.Terms, t.Same)
}

// nobody reports whether a record lets nobody send.
func nobody(r spf.Record) bool {
	_, redirects := r.Redirect()
	return !redirects && !slices.ContainsFunc(r.Mechanisms(), func(t spf.Term) bool { return t.Kind != spf.All && t.Qualifier == spf.Plus })
}

// lets is what a term costs that lets the old side send; empty for others. act is what
// a person has to see to first.
func (d *residue) lets(t spf.Term) (costs, act string) {
	switch t.Kind {
	case spf.Include, spf.Redirect:
		service := includedBy(t.Domain, d.Old.Services)
		if service == "" || includedBy(t.Domain, d.New.Services) != "" {
			return "", ""
		}
		costs = fmt.Sprintf("every customer of %s passes SPF as the domain, and so DMARC", titleOf(service))
		if t.Kind == spf.Redirect {
			act = "Write a record of your own first: this one is all that there is."
		}
		return costs, act
	case spf.IP4, spf.IP6:
		for _, addr := range d.Old.Addrs {
			if !t.Prefix.Contains(addr) || slices.ContainsFunc(d.New.Addrs, t.Prefix.Contains) {
				continue
			}
			if !t.Prefix.IsSingleIP() {
				act = "Look who else sends from this network first."
			}
			return "whoever has this address next passes SPF as the domain", act
		}
	case spf.A, spf.MX:
		if t.Domain != "" && d.host(record.Canonical(t.Domain)) {
			return "the old host passes SPF as the domain, whoever has it next", ""
		}
	}
	return "", ""
}

// includedBy is which of some services asks its customers to include a name; empty if
// none does.
func includedBy(name string, services []string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	for _, known := range services {
		s, ok := desired.FindService(known)
		if !ok {
			continue
		}
		for term := range strings.FieldsSeq(s.SPF) {
			pattern, ok := strings.CutPrefix(term, "include:")
			if !ok {
				continue
			}
			if len(literal(pattern)) >= 5 && fits(pattern, name) || len(literal(pattern)) < 5 && strings.Contains(name, known) {
				return known
			}
		}
	}
	return ""
}

// policy is an MTA-STS policy that names the old side, or is served there.
func (d *residue) policy() {
	if d.Served != nil {
		for _, pattern := range d.Served.MX {
			host := record.Canonical(strings.TrimPrefix(pattern, "*."))
			if d.host(host) || strings.HasPrefix(pattern, "*.") && slices.ContainsFunc(d.Old.Hosts, func(h string) bool { return record.Within(h, host) && h != host && !slices.Contains(d.New.Hosts, h) }) && !slices.ContainsFunc(d.New.Hosts, func(h string) bool { return record.Within(h, host) }) {
				d.told("mta-sts", d.Domain, "mx: "+pattern, "the policy lets senders deliver to the old host", "Take the line out of https://mta-sts."+record.Display(d.Domain)+"/.well-known/mta-sts.txt, then publish a new id (RFC 8461, 3.1).")
			}
		}
	}
	for _, r := range d.Today {
		first, rest, _ := strings.Cut(r.Name, ".")
		if rest == d.Domain && first == "mta-sts" && r.Type != "TXT" && d.leads(r) && !d.wants(r) {
			d.told("mta-sts", r.Name, r.Presentation(), "the old server serves the policy by which senders deliver", "Serve it from the new one, and lead this name there.")
		}
	}
}

// theirs reports whether the domain of a mailbox is the old side's.
func (d *residue) theirs(host string) bool {
	host = record.Canonical(host)
	if record.Within(host, d.Domain) {
		return false
	}
	if slices.Contains(d.Old.Services, "microsoft365") && strings.HasSuffix(host, ".onmicrosoft.com.") {
		return true
	}
	return slices.ContainsFunc(d.Old.Hosts, func(h string) bool {
		above := record.Parent(h)
		return host == h || len(record.Labels(above)) > 1 && !record.Within(d.Domain, above) && record.Within(host, above)
	})
}

// dmarc are addresses of reports at the old side.
func (d *residue) dmarc() {
	for _, r := range d.Today {
		if r.Type != "TXT" || !strings.HasPrefix(r.Name, "_dmarc.") || !dmarc.IsRecord(r.Data) || d.wants(r) {
			continue
		}
		parsed, _ := dmarc.Parse(r.Data)
		goes := func(u dmarc.URI) bool { return u.Host != "" && d.theirs(u.Host) }
		left := parsed
		left.RUA, left.RUF = slices.DeleteFunc(slices.Clone(parsed.RUA), goes), slices.DeleteFunc(slices.Clone(parsed.RUF), goes)
		act := lone(len(left.RUA) + len(left.RUF))
		gone := slices.DeleteFunc(slices.Concat(parsed.RUA, parsed.RUF), func(u dmarc.URI) bool { return !goes(u) })
		for _, u := range gone {
			d.told("dmarc", r.Name, u.Text, "reports on who sends as the domain go to the old provider", act)
		}
		if len(gone) > 0 && act == "" {
			next := record.TXT(r.Name, left.String())
			next.TTL = r.TTL
			d.wish(record.Slot{Name: r.Name, Type: "TXT", Tag: "v=DMARC1"}, "reports go to the new side alone", next)
		}
	}
}

// tlsrpt are addresses of TLS reports at the old side.
func (d *residue) tlsrpt() {
	for _, r := range d.Today {
		if r.Type != "TXT" || !strings.HasPrefix(r.Name, "_smtp._tls.") || !tlsrpt.IsRecord(r.Data) || d.wants(r) {
			continue
		}
		parsed, _ := tlsrpt.Parse(r.Data)
		left := parsed
		left.RUA = nil
		for _, u := range parsed.RUA {
			if u.Host == "" || !d.theirs(u.Host) {
				left.RUA = append(left.RUA, u)
			}
		}
		gone := len(parsed.RUA) - len(left.RUA)
		if gone == 0 {
			continue
		}
		d.told("tls-rpt", r.Name, r.Data, "reports on deliveries to the domain go to the old provider", lone(len(left.RUA)))
		if len(left.RUA) > 0 {
			next := record.TXT(r.Name, left.String())
			next.TTL = r.TTL
			d.wish(record.Slot{Name: r.Name, Type: "TXT", Tag: "v=TLSRPTv1"}, "reports go to the new side alone", next)
		}
	}
}

// lone is what to do where no other address is left.
func lone(left int) string {
	if left > 0 {
		return ""
	}
	return "Name an address of yours in its place: there is no other."
}
