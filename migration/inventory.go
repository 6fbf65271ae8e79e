package migration

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// A Known is a mail service as others recognize it.
type Known struct {
	Name      string   // "Google Workspace"
	MX, SPF   []string // domains of its MX hosts, and of the records that customers include
	Selectors []string
}

// A Sender is somebody who sends as the domain or a name below it, as a report, a
// message or a list tells.
type Sender struct {
	Name     string // whose mail it is: the domain, a subdomain
	Who      string // the service or the host, as far as that is known
	From     string // "a report of DMARC", "a message", "a list"
	Selector string // that it signs with; empty if not known
	Messages int    // 0 if not known
	Aligned  bool
}

// Inventory is all that has to do with mail today, with what becomes of it: by kind
// in the order of a move, then by name.
func Inventory(g Given) []Item {
	b := newBuilder(g)
	b.sort()
	var list []Item
	seen := make(map[record.Slot]int)
	for _, r := range record.Sorted(b.Today) {
		kind, slot := b.itemOf(r)
		if kind == "" {
			continue
		}
		if i, ok := seen[slot]; ok {
			list[i].Records = append(list[i].Records, r)
			continue
		}
		seen[slot] = len(list)
		list = append(list, Item{Kind: kind, Subject: r.Name, From: "published", Records: []record.Record{r}})
	}
	for i := range list {
		b.fill(&list[i])
	}
	list = append(list, b.fromOthers(list)...)
	slices.SortStableFunc(list, func(x, y Item) int {
		return cmp.Or(slices.Index(kinds, x.Kind)-slices.Index(kinds, y.Kind), record.CompareNames(x.Subject, y.Subject))
	})
	return list
}

// kinds of items, in the order in which they are shown.
var kinds = []string{"mx", "host", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "dane", "bimi", "client", "caa", "subdomain", "service", "verification", "ptr"}

// itemOf is the item to which a record belongs; an empty kind for one that has
// nothing to do with mail.
func (b *builder) itemOf(r record.Record) (kind string, slot record.Slot) {
	slot = record.Slot{Name: r.Name, Type: r.Type}
	switch k := b.kind(slot, []record.Record{r}); {
	case r.Type == "TXT" && r.Name == b.Domain:
		if spf.IsSPF(r.Data) {
			return "spf", record.SPF(b.Domain)
		}
		if _, ok := verifier(r.Data); ok {
			slot.Tag = r.Data
			return "verification", slot
		}
		return "", slot
	case r.Name == record.DMARC(b.Domain).Name:
		return "dmarc", record.DMARC(b.Domain)
	case strings.Contains(r.Name, "._bimi."):
		return "bimi", slot
	case k == "denied", k == "bounces", r.Type == "MX" && r.Name != b.Domain, r.Type == "TXT" && spf.IsSPF(r.Data), strings.HasPrefix(r.Name, "_dmarc.") && r.Type == "TXT":
		if b.isOldHost(r.Name) || b.newHosts(r.Name) {
			return "host", record.Slot{Name: r.Name}
		}
		return "subdomain", record.Slot{Name: strings.TrimPrefix(r.Name, "_dmarc.")}
	case k == "tlsa":
		return "dane", slot
	case k == "address":
		if b.isOldHost(r.Name) || b.newHosts(r.Name) {
			return "host", record.Slot{Name: r.Name}
		}
		return "", slot
	case k == "mx", k == "dkim", k == "mta-sts", k == "tls-rpt", k == "client", k == "caa":
		if k == "client" {
			slot = record.Slot{Name: r.Name}
		}
		if k == "mta-sts" {
			slot = record.Slot{Name: b.policySlot().Name}
		}
		return k, slot
	case r.Type == "CNAME" && ServiceOf(r, b.Domain) != "":
		return "service", slot
	}
	return "", slot
}

// fill says what is there, whose it is and what becomes of it.
func (b *builder) fill(i *Item) {
	first := i.Records[0]
	i.Subject = first.Name
	if i.Kind == "subdomain" {
		i.Subject = strings.TrimPrefix(first.Name, "_dmarc.")
	}
	i.Seen = shown(i.Records)
	b.decide(i)
	switch i.Kind {
	case "mx":
		hosts := hostsOf(i.Records)
		i.Seen = strings.Join(displayed(hosts), ", ")
		if len(hosts) > 0 {
			i.Who = b.whoseMX(hosts[0])
		} else {
			i.Seen = "none takes mail (RFC 7505)"
		}
	case "spf":
		b.fillSPF(i)
	case "dkim":
		b.fillKey(i)
	case "dmarc":
		b.fillDMARC(i)
	case "mta-sts":
		b.fillPolicy(i)
	case "client", "service":
		if who := ServiceOf(first, b.Domain); who != "" {
			i.Who = titleOf(who)
		}
	case "verification":
		i.Who, _ = verifier(first.Data)
		if i.Fate == Ask {
			i.Why = fmt.Sprintf("%s knows the domain by it. Whoever set it up says whether it is in use; it stays until then", i.Who)
		}
	case "subdomain":
		b.fillSubdomain(i)
	case "bimi":
		i.Why = "it stays; receivers show no logo while DMARC asks for nothing"
	case "host":
		if b.isOldHost(i.Subject) && !b.newHosts(i.Subject) && i.Fate == Ask {
			i.Why = "the old host may serve more than mail; its records stay until its owner takes them away"
		}
	}
}

// decide takes the fate from the plan. What it has none for stays: asked about where it
// is the old side's or somebody's who is not wanted.
func (b *builder) decide(i *Item) {
	i.Fate, i.Why = Ask, "nothing says whether it is still in use; it stays"
	for _, r := range i.Records {
		for slot, f := range b.fates {
			if !slot.Holds(r) || f.fate == Keep && i.Fate != Ask {
				continue
			}
			i.Fate, i.Why, i.Step = f.fate, f.why, f.step
		}
	}
	if i.Kind == "tls-rpt" && i.Fate == Ask {
		i.Fate, i.Why = Keep, "reports go where they went"
	}
	if i.Kind == "dmarc" && i.Fate == Ask {
		i.Fate, i.Why = Keep, "it fits both sides"
	}
	if i.Kind == "caa" && i.Fate == Ask {
		i.Why = "see that the new server's certification authority is among them (RFC 8659, 3)"
	}
}

func (b *builder) fillSPF(i *Item) {
	var parts []string
	for _, r := range i.Records {
		parsed, _ := spf.Parse(r.Data)
		for _, t := range parsed.Terms {
			if t.Kind == spf.All {
				continue
			}
			text := t.String()
			if who := b.whoseTerm(t); who != "" {
				text += " (" + who + ")"
			}
			parts = append(parts, text)
		}
	}
	i.Seen = strings.Join(parts, ", ")
	if i.Seen == "" {
		i.Seen = "nobody may send"
	}
	end := b.finally(record.SPF(b.Domain))
	for _, r := range i.Records {
		parsed, _ := spf.Parse(r.Data)
		for _, t := range parsed.Terms {
			who := b.whoseTerm(t)
			wanted := slices.ContainsFunc(b.New.Services, func(s string) bool { return titleOf(s) == who })
			if t.Kind == spf.Include && wanted && !slices.ContainsFunc(end, func(e record.Record) bool { return strings.Contains(e.Data, t.String()) }) {
				i.Why += fmt.Sprintf("; then %s goes, too: %s sends with an envelope sender of its own", t, who)
			}
		}
	}
	if len(i.Records) > 1 {
		i.Seen = fmt.Sprintf("%d records, which is a permanent error: %s", len(i.Records), i.Seen)
	}
}

func (b *builder) fillKey(i *Item) {
	first := i.Records[0]
	selector, _, _ := strings.Cut(first.Name, "._domainkey.")
	if first.Type == "CNAME" {
		i.Seen = "leads to " + record.Display(first.Data)
	} else if key, problems := dkim.ParseKey(first.Data); key.Public != nil {
		i.Seen = key.Describe()
	} else if len(problems) > 0 || first.Data == "" {
		i.Seen = "a record without a key"
	}
	i.Who = b.whoseKey(selector, first)
	if i.Fate == Ask {
		i.Why = "nothing says who signs with it. If it is the old server's, take it away when the move is over; if somebody else's, it has to stay"
		if i.Who != "" {
			i.Why = fmt.Sprintf("%s signs with it, and maildoctor.yaml does not name it; it stays", i.Who)
		}
	}
}

func (b *builder) fillDMARC(i *Item) {
	r, _ := dmarc.Parse(i.Records[0].Data)
	i.Seen = "p=" + string(r.Policy)
	if r.DKIM == "s" || r.SPF == "s" {
		i.Seen += ", strict alignment"
	}
	var to []string
	for _, u := range slices.Concat(r.RUA, r.RUF) {
		to = append(to, u.Address)
	}
	if len(to) > 0 {
		i.Seen += "; reports to " + strings.Join(to, ", ")
	}
	end := b.finally(record.DMARC(b.Domain))
	if len(end) == 1 {
		if last, _ := dmarc.Parse(end[0].Data); weight(last.Policy) < weight(r.Policy) {
			i.Why += fmt.Sprintf("; in the end it is p=%s, which is less than today: write dmarc: %s to have it back", last.Policy, r.Policy)
		}
	}
}

func weight(p dmarc.Policy) int {
	return slices.Index([]dmarc.Policy{dmarc.None, dmarc.Quarantine, dmarc.Reject}, p)
}

func (b *builder) fillPolicy(i *Item) {
	switch {
	case b.Served != nil:
		i.Seen = fmt.Sprintf("mode %s for %s, kept for %s", b.Served.Mode, strings.Join(b.Served.MX, ", "), Span(b.servedAge()))
	case i.Records[0].Type == "TXT":
		i.Seen = "announced; no policy could be read"
	}
	if i.Fate == Ask && b.Served != nil {
		i.Fate, i.Why = Keep, "it names the hosts of both sides"
	}
}

func (b *builder) fillSubdomain(i *Item) {
	var parts []string
	for _, r := range i.Records {
		switch {
		case r.Type == "MX":
			_, host, _ := r.MX()
			parts = append(parts, "MX "+record.Display(host))
		case spf.IsSPF(r.Data):
			parsed, _ := spf.Parse(r.Data)
			for _, t := range parsed.Terms {
				if who := b.whoseTerm(t); who != "" {
					i.Who = who
				}
			}
			parts = append(parts, "SPF")
		case strings.HasPrefix(r.Name, "_dmarc."):
			parts = append(parts, "DMARC")
		}
	}
	slices.Sort(parts)
	i.Seen = strings.Join(slices.Compact(parts), ", ")
	if i.Fate == Ask {
		if b.sendsOld(i.Records) {
			i.Why = "it uses the old side, which goes: say in maildoctor.yaml what it shall use"
			return
		}
		i.Fate, i.Why = Keep, "it sends or takes mail by itself, and the move leaves it as it is"
		if i.Who != "" {
			i.Why = fmt.Sprintf("%s sends for it, which the move leaves as it is", i.Who)
		}
	}
}

// sendsOld reports whether records of a subdomain lead to the old side.
func (b *builder) sendsOld(records []record.Record) bool {
	for _, r := range records {
		if _, host, ok := r.MX(); ok && b.isOldHost(host) {
			return true
		}
		if spf.IsSPF(r.Data) && r.Type == "TXT" {
			parsed, _ := spf.Parse(r.Data)
			if slices.ContainsFunc(parsed.Terms, func(t spf.Term) bool {
				return (t.Kind != spf.MX && t.Kind != spf.A || t.Domain != "") && b.isOldTerm(t) // its own addresses are its own
			}) {
				return true
			}
		}
	}
	return false
}

// fromOthers are items of what reports, messages and lists tell and nothing that is
// published shows.
func (b *builder) fromOthers(list []Item) []Item {
	var more []Item
	for _, s := range b.Senders {
		name := record.Canonical(s.Name)
		at := slices.IndexFunc(list, func(i Item) bool { return i.Kind == "subdomain" && i.Subject == name })
		seen := "sends as " + record.Display(name)
		if s.Messages > 0 {
			messages := "messages"
			if s.Messages == 1 {
				messages = "message"
			}
			seen = fmt.Sprintf("sent %d %s as %s", s.Messages, messages, record.Display(name))
			if !s.Aligned {
				seen += ", not aligned"
			}
		}
		listed := s.From == "a list" && s.Who == ""
		switch {
		case at >= 0 && listed:
			continue
		case listed:
			more = append(more, Item{Kind: "subdomain", Subject: name, Seen: "nothing is published for it", From: s.From, Fate: Ask, Why: "if it sends, then by the records of the domain above it; say by whom"})
		case at >= 0:
			list[at].Seen += "; " + seen
			if list[at].Who == "" {
				list[at].Who = s.Who
			}
			continue
		case s.Who != "" && (s.Who == b.Old.Name || slices.ContainsFunc(b.Old.Services, func(o string) bool { return titleOf(o) == s.Who })):
			more = append(more, Item{Kind: "subdomain", Subject: name, Seen: seen, Who: s.Who, From: s.From, Fate: Later, Why: "it is the old side, which goes", Step: Retire})
		case slices.ContainsFunc(b.New.Services, func(o string) bool { return titleOf(o) == s.Who }):
			more = append(more, Item{Kind: "subdomain", Subject: name, Seen: seen, Who: s.Who, From: s.From, Fate: Keep, Why: "it is wanted"})
		default:
			more = append(more, Item{Kind: "subdomain", Subject: name, Seen: seen, Who: s.Who, From: s.From, Fate: Ask, Why: "somebody sends as the domain who is not in maildoctor.yaml; its mail may be refused once DMARC is strong again"})
		}
	}
	return more
}

// shown is the data of records, not much of it.
func shown(records []record.Record) string {
	const most = 80
	var parts []string
	for _, r := range records {
		data := r.Data
		if r.Type == "CNAME" {
			data = "leads to " + record.Display(data)
		}
		if len(data) > most {
			data = data[:most] + "..."
		}
		parts = append(parts, data)
	}
	return strings.Join(parts, ", ")
}

func displayed(names []string) []string {
	var list []string
	for _, n := range names {
		list = append(list, record.Display(n))
	}
	return list
}
