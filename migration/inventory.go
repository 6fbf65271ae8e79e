package migration

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
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
			seen = fmt.Sprintf("sent %d messages as %s", s.Messages, record.Display(name))
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

// whoseMX is whose an MX host is.
func (b *builder) whoseMX(host string) string {
	for _, k := range b.Known {
		if slices.ContainsFunc(k.MX, func(d string) bool { return record.Within(host, d) }) {
			return k.Name
		}
	}
	switch {
	case b.newHosts(host):
		return b.New.Name
	case b.isOldHost(host):
		return b.Old.Name
	}
	return ""
}

// whoseTerm is whom a term of an SPF record lets send, as far as it is known.
func (b *builder) whoseTerm(t spf.Term) string {
	switch t.Kind {
	case spf.Include, spf.Redirect, spf.Exists:
		for _, k := range b.Known {
			if slices.ContainsFunc(k.SPF, func(d string) bool { return record.Within(t.Domain, d) }) {
				return k.Name
			}
		}
		if s := serviceOfTerm(t); s != "" {
			return titleOf(s)
		}
	case spf.IP4, spf.IP6:
		for _, side := range []Side{b.New, b.Old} {
			if slices.ContainsFunc(side.Addrs, t.Prefix.Contains) {
				return side.Name
			}
		}
	}
	return ""
}

// whoseKey is who signs with a key.
func (b *builder) whoseKey(selector string, r record.Record) string {
	if s := ServiceOf(r, b.Domain); s != "" && (r.Type == "CNAME" || slices.Contains(b.Old.Services, s) || slices.Contains(b.New.Services, s)) {
		return titleOf(s)
	}
	if slices.ContainsFunc(b.wanted, func(e record.Edit) bool {
		return slices.ContainsFunc(e.Want, func(w record.Record) bool { return w.Name == r.Name && w.Data == r.Data })
	}) {
		return b.New.Name
	}
	if b.isOlds(r) {
		return b.Old.Name
	}
	for _, s := range b.Senders {
		if s.Selector == selector && s.Who != "" {
			return s.Who
		}
	}
	return ""
}

// isOldTerm reports whether a term of an SPF record lets the old side send, and
// not the new one.
func (b *builder) isOldTerm(t spf.Term) bool {
	switch t.Kind {
	case spf.MX:
		return true
	case spf.A:
		return t.Domain == "" || b.isOldHost(record.Canonical(t.Domain))
	case spf.IP4, spf.IP6:
		return slices.ContainsFunc(b.Old.Addrs, t.Prefix.Contains)
	case spf.Include, spf.Redirect:
		if s := serviceOfTerm(t); s != "" {
			return slices.Contains(b.Old.Services, s) && !slices.Contains(b.New.Services, s)
		}
		who := b.whoseTerm(t)
		return who != "" && who == b.Old.Name
	}
	return false
}

// serviceOfTerm is the service of package desired that asks for an include.
func serviceOfTerm(t spf.Term) string {
	for _, s := range desired.Services() {
		for pattern := range strings.FieldsSeq(s.SPF) {
			if host, ok := strings.CutPrefix(pattern, "include:"); ok && !strings.Contains(host, "{") && strings.EqualFold(strings.TrimSuffix(t.Domain, "."), host) {
				return s.Name
			}
		}
	}
	return ""
}

// titleOf is a service of package desired for a reader.
func titleOf(name string) string {
	if s, ok := desired.FindService(name); ok {
		return s.Title
	}
	return name
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

// verifiers are the beginnings of texts by which services know a domain.
var verifiers = []struct{ prefix, who string }{
	{"google-site-verification=", "Google"}, {"MS=", "Microsoft"}, {"ms=", "Microsoft"}, {"apple-domain", "Apple"},
	{"facebook-domain-verification=", "Meta"}, {"zoho-verification=", "Zoho"}, {"protonmail-verification=", "Proton"},
	{"hosted-email-verify=", "Migadu"}, {"brevo-code:", "Brevo"}, {"sendinblue-code:", "Brevo"}, {"atlassian-domain-verification=", "Atlassian"},
	{"docusign=", "DocuSign"}, {"adobe-idp-site-verification=", "Adobe"}, {"stripe-verification=", "Stripe"}, {"amazonses:", "Amazon SES"},
	{"yandex-verification", "Yandex"}, {"globalsign-domain-verification=", "GlobalSign"}, {"forward-email-site-verification=", "Forward Email"},
	{"forward-email=", "Forward Email"}, {"mailru-verification", "VK"}, {"zapier-domain-verification-challenge=", "Zapier"},
	{"slack-domain-verification=", "Slack"}, {"dropbox-domain-verification=", "Dropbox"}, {"have-i-been-pwned-verification=", "Have I Been Pwned"},
	{"keybase-site-verification=", "Keybase"}, {"openai-domain-verification=", "OpenAI"}, {"cisco-ci-domain-verification=", "Cisco"},
	{"webexdomainverification", "Cisco"}, {"ZOOM_verify_", "Zoom"}, {"onetrust-domain-verification=", "OneTrust"}, {"hubspot-developer-verification=", "HubSpot"},
	{"mgverify=", "Mailgun"}, {"sending_domain", "Postmark"}, {"status-page-domain-verification=", "Atlassian"}, {"1password-site-verification=", "1Password"},
	{"teamviewer-sso-verification=", "TeamViewer"}, {"miro-verification=", "Miro"}, {"notion-domain-verification=", "Notion"},
}

// verifier is who knows the domain by a text.
func verifier(text string) (who string, ok bool) {
	for _, v := range verifiers {
		if strings.HasPrefix(text, v.prefix) {
			return v.who, true
		}
	}
	return "", false
}
