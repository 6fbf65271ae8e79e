package migration

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// sort puts each thing that has to change into its step.
func (b *builder) sort() {
	b.policies()
	for _, e := range b.wanted {
		b.edit(e)
	}
	b.senders()
	b.dmarc()
	b.leftovers()
	b.lowered()
}

// edit puts one wanted edit into its step.
func (b *builder) edit(e record.Edit) {
	have := held(e.Slot, b.Today)
	if same(have, e.Want) {
		b.signsAnew = b.signsAnew || b.kind(e.Slot, e.Want) == "dkim" && !same(held(e.Slot, b.Before), e.Want)
		b.fates[e.Slot] = fate{Keep, "it is wanted as it is", ""}
		if ttlOf(have) <= lowTTL { // it was lowered
			b.raise(e)
		}
		return
	}
	if b.leadsThere(e) {
		return
	}
	switch kind := b.kind(e.Slot, e.Want); kind {
	case "mx":
		b.switched(e, "senders find the new host (RFC 5321, 5.1)")
	case "client":
		b.switched(e, "mail programs find the new server")
	case "address":
		if len(have) == 0 {
			b.now(Prepare, e, "the new host has an address")
			return
		}
		b.switched(e, "the name leads to the new server")
	case "dkim":
		b.key(e, have)
	case "tlsa", "caa":
		b.union(e, have, kind)
	case "denied":
		b.now(Strengthen, e, "nobody sends as this name")
	case "spf", "dmarc", "mta-sts": // see senders, dmarc and policies
	case "tls-rpt":
		b.now(Prepare, e, "senders tell when they cannot deliver encrypted, which is when it matters (RFC 8460)")
	case "bounces":
		if b.newHosts(e.Slot.Name) {
			b.now(Prepare, e, "bounces are sent by the host's own name (RFC 7208, 2.3)")
			return
		}
		b.now(Prepare, e, "bounces reach the service, and SPF passes aligned with the domain")
	default:
		b.now(Prepare, e, "the new side has what it needs before it is used")
	}
}

// kind is what an edit is about.
func (b *builder) kind(slot record.Slot, want []record.Record) string {
	first, rest, _ := strings.Cut(slot.Name, ".")
	switch {
	case slot.Name == b.Domain && slot.Type == "MX":
		return "mx"
	case denies(slot, want):
		return "denied"
	case slot.Name == b.Domain && strings.EqualFold(slot.Tag, "v=spf1"):
		return "spf"
	case slot == record.DMARC(b.Domain):
		return "dmarc"
	case strings.Contains(slot.Name, "._domainkey."):
		return "dkim"
	case rest == b.Domain && (first == "_mta-sts" || first == "mta-sts"):
		return "mta-sts"
	case strings.HasPrefix(slot.Name, "_smtp._tls."):
		return "tls-rpt"
	case slot.Type == "TLSA":
		return "tlsa"
	case slot.Type == "CAA":
		return "caa"
	case slot.Type == "MX" || strings.EqualFold(slot.Tag, "v=spf1"):
		return "bounces"
	case b.isClient(slot):
		return "client"
	case slot.Type == "A" || slot.Type == "AAAA":
		return "address"
	}
	return ""
}

// isClient reports whether mail programs look at a slot for their settings.
func (b *builder) isClient(slot record.Slot) bool {
	first, rest, _ := strings.Cut(slot.Name, ".")
	switch {
	case slot.Type == "SRV", strings.HasPrefix(rest, "_tcp."):
		return true
	case rest != b.Domain:
		return false
	}
	switch slot.Type {
	case "A", "AAAA", "CNAME":
		return slices.Contains(clientNames, first)
	}
	return false
}

// clientNames are labels below a domain by which mail programs and people find a
// server.
var clientNames = []string{"autoconfig", "autodiscover", "imap", "pop", "pop3", "smtp", "webmail"}

// denies reports whether records say that a name has no mail.
func denies(slot record.Slot, want []record.Record) bool {
	if len(want) != 1 {
		return false
	}
	if _, host, ok := want[0].MX(); ok {
		return host == "."
	}
	if strings.EqualFold(slot.Tag, "v=spf1") {
		r, _ := spf.Parse(want[0].Data)
		return r.Denies()
	}
	return strings.EqualFold(slot.Tag, "v=DMARC1") && strings.Contains(want[0].Data, "p=reject") && want[0].Name != slot.Name
}

// now fills a slot in a step, and leaves it.
func (b *builder) now(step string, e record.Edit, reason string) {
	b.clear(step, e)
	b.wish(step, e.Slot, reason, e.Want...)
	b.fates[e.Slot] = fate{Change, reason, step}
}

// switched fills a slot at the switch, with a TTL by which it is taken back at
// once, and gives it its own in the end.
func (b *builder) switched(e record.Edit, reason string) {
	if len(held(e.Slot, b.Today)) == 0 {
		b.now(SwitchMX, e, reason)
		return
	}
	b.clear(SwitchMX, e)
	b.wish(SwitchMX, e.Slot, reason, lowered(e.Want)...)
	b.fates[e.Slot] = fate{Change, reason, SwitchMX}
	b.raise(e)
}

// raise gives a slot the TTL that is wanted of it in the end.
func (b *builder) raise(e record.Edit) {
	if len(e.Want) > 0 {
		b.wish(RaiseTTLs, e.Slot, "resolvers may keep it again as long as is usual", e.Want...)
	}
}

// clear takes away what cannot stand beside what comes: addresses where an alias
// shall be, and an alias where addresses shall (RFC 1034, 3.6.2).
func (b *builder) clear(step string, e record.Edit) {
	if len(e.Want) == 0 {
		return
	}
	for _, r := range b.Today {
		beside := r.Type == "A" || r.Type == "AAAA"
		if e.Slot.Type != "CNAME" {
			beside = r.Type == "CNAME"
		}
		slot := record.Slot{Name: r.Name, Type: r.Type}
		if r.Name != e.Slot.Name || !beside || b.isWanted(r) || b.wishing(step, slot) {
			continue
		}
		b.wish(step, slot, "it cannot stand beside what takes its place (RFC 1034, 3.6.2)")
		b.fates[slot] = fate{Change, "what is wanted takes its place", step}
	}
}

// leadsThere reports whether an alias is wanted where addresses of the very host stand:
// then nothing has to change.
func (b *builder) leadsThere(e record.Edit) bool {
	if e.Slot.Type != "CNAME" || len(e.Want) != 1 {
		return false
	}
	stand := b.addresses(e.Slot.Name, false)
	leads := b.addresses(record.Canonical(e.Want[0].Data), true)
	if len(stand) == 0 || slices.ContainsFunc(stand, func(a netip.Addr) bool { return !slices.Contains(leads, a) }) {
		return false
	}
	for _, typ := range []string{"A", "AAAA"} {
		b.fates[record.Slot{Name: e.Slot.Name, Type: typ}] = fate{Keep, "it leads to the new server already", ""}
	}
	return true
}

func (b *builder) wishing(step string, slot record.Slot) bool {
	for _, w := range b.wishes[step] {
		if w.Edit.Slot == slot {
			return true
		}
	}
	return false
}

// key publishes a key of the new side. One under a selector that has another key
// today cannot be there beside it: it waits for the switch.
func (b *builder) key(e record.Edit, have []record.Record) {
	b.signsAnew = b.signsAnew || !same(held(e.Slot, b.Before), e.Want)
	if len(have) == 0 {
		b.now(Prepare, e, "receivers find the new key before anything is signed with it (RFC 6376, 3.6)")
		return
	}
	b.sameKey = append(b.sameKey, e.Slot.Name)
	b.switched(e, "the selector has another key from now on")
}

// union has both in a slot until the old side is gone.
func (b *builder) union(e record.Edit, have []record.Record, kind string) {
	step, reason := Prepare, "the authorities of both sides may issue certificates (RFC 8659)"
	if kind == "tlsa" {
		step, reason = Policies, "senders that do DANE know the certificates of both sides (RFC 7672, 8.1)"
	}
	b.fates[e.Slot] = fate{Change, reason, step}
	if len(have) == 0 && kind == "caa" {
		step, reason = Strengthen, "from now on only these authorities issue certificates (RFC 8659)"
	}
	both := slices.Clone(e.Want)
	for _, r := range have {
		r.TTL = 0
		if !slices.ContainsFunc(both, func(o record.Record) bool { return strings.EqualFold(o.Data, r.Data) }) {
			both = append(both, r)
		}
	}
	for i := range both {
		both[i].TTL = ttlOf(e.Want)
	}
	b.wish(step, e.Slot, reason, both...)
	if len(both) > len(e.Want) {
		b.wish(Retire, e.Slot, "the old side is not in use any more", e.Want...)
	}
}

// lowered lowers the TTLs of what is switched, and only of that.
func (b *builder) lowered() {
	if !b.leadsMail() {
		return
	}
	for _, w := range b.wishes[SwitchMX] {
		slot := w.Edit.Slot
		have := held(slot, b.Today)
		if len(have) == 0 || slot.Tag != "" || slot.Type == "TXT" || ttlOf(have) <= lowTTL {
			continue
		}
		b.wish(LowerTTLs, slot, "resolvers forget it in five minutes, so that a switch is one, and can be taken back", lowered(have)...)
	}
}

// leadsMail reports whether something is switched by which mail goes another way.
func (b *builder) leadsMail() bool {
	return slices.ContainsFunc(b.wishes[SwitchMX], func(w plan.Wish) bool {
		switch slot := w.Edit.Slot; slot.Type {
		case "MX":
			return true
		case "A", "AAAA":
			return len(w.Edit.Want) > 0 && !b.isClient(slot)
		}
		return false
	})
}

// lowered is records with a TTL that is no higher than lowTTL.
func lowered(records []record.Record) []record.Record {
	list := slices.Clone(records)
	for i := range list {
		if list[i].TTL == 0 || list[i].TTL > lowTTL {
			list[i].TTL = lowTTL
		}
	}
	return list
}

// ttlOf is the lowest TTL of records; 0 if there are none.
func ttlOf(records []record.Record) uint32 {
	if len(records) == 0 {
		return 0
	}
	return slices.MinFunc(records, func(x, y record.Record) int { return cmp.Compare(x.TTL, y.TTL) }).TTL
}

// same reports whether two lists hold the same, TTLs and order aside.
func same(a, b []record.Record) bool { return slices.Equal(data(a), data(b)) }

func data(records []record.Record) []string {
	list := make([]string, len(records))
	for i, r := range records {
		list[i] = r.Data
		if r.Type == "TLSA" {
			list[i] = strings.ToLower(r.Data)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// hostsOf are the hosts of an MX set, the preferred one first.
func hostsOf(records []record.Record) []string {
	var list []string
	for _, r := range record.Sorted(records) {
		if _, host, ok := r.MX(); ok && host != "." && !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	return list
}

// addressesOf are those that records give to hosts.
func addressesOf(hosts []string, records []record.Record) []netip.Addr {
	var list []netip.Addr
	for _, r := range record.Sorted(records) {
		if addr, ok := r.Addr(); ok && slices.Contains(hosts, r.Name) && !slices.Contains(list, addr) {
			list = append(list, addr)
		}
	}
	return list
}

// policyHost and policyRecord are the slots of MTA-STS.
func (b *builder) policyHost() string { return record.Canonical(mtasts.Host(b.Domain)) }

func (b *builder) policySlot() record.Slot {
	return record.Slot{Name: record.Canonical("_mta-sts." + b.Domain), Type: "TXT", Tag: "v=STSv1"}
}
