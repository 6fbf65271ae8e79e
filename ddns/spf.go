package ddns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// spf keeps the SPF record of a name in step.
func (k *keeper) spf(name string) {
	slot := record.SPF(name)
	var texts []string
	for _, r := range k.Records {
		if slot.Holds(r) {
			texts = append(texts, r.Data)
		}
	}
	switch {
	case len(texts) == 0:
		if name == k.Domain {
			k.note(Hint, name, "%s has no SPF record, and none is made here: it has to name all who send mail (maildoctor init asks for them)", record.Display(name))
		}
		return
	case len(texts) > 1: // RFC 7208, 4.5
		k.note(Refusal, name, "%s has %d SPF records, which is a permanent error to every receiver (RFC 7208, 4.5); they stay until they are one", record.Display(name), len(texts))
		return
	}
	text, reasons := texts[0], []string(nil)
	for _, f := range []Family{IPv4, IPv6} {
		next, were := k.inStep(text, f)
		reason := fmt.Sprintf("mail was sent from %s and is from %s", joined(were), k.found[f].Addr)
		if next == text {
			next, reason = k.joining(name, text, f), fmt.Sprintf("mail is sent from %s", k.found[f].Addr)
		}
		if next != text {
			text, reasons = next, append(reasons, reason)
		}
	}
	if text == texts[0] {
		return
	}
	k.edits = append(k.edits, Edit{record.Set(slot, record.TXT(name, text)), strings.Join(reasons, "; ")})
}

// hold is the addresses of a family whose terms are the owner's: those that the
// hosts had until now, and those that an earlier run published.
func (k *keeper) hold(f Family) []netip.Addr {
	list := slices.Concat(k.old[f], k.Owned)
	return f.only(slices.DeleteFunc(list, func(a netip.Addr) bool { return a == k.found[f].Addr }))
}

// inStep is an SPF record in which the terms of one family that hold an old
// address hold the new one, in the same place, with the same qualifier and
// everything else octet for octet. Where the record has such a term already, the
// old one goes. It returns the old addresses, too.
func (k *keeper) inStep(text string, f Family) (next string, were []netip.Addr) {
	if !k.published(f) {
		return text, nil
	}
	rec, _ := spf.Parse(text)
	var cuts []cut
	taken := make(map[string]bool) // what the record says of addresses, this way or that
	for _, t := range rec.Terms {
		if _, swap := k.owned(t, f); swap == nil {
			taken[essence(t)] = true
		}
	}
	for _, t := range rec.Terms {
		old, swap := k.owned(t, f)
		if swap == nil {
			continue
		}
		were = append(were, old)
		c := cut{from: t.Offset, to: t.Offset + len(t.Text), with: swap()}
		says := c.with
		if parsed, _ := spf.Parse(spf.Version + " " + c.with); len(parsed.Terms) == 1 {
			says = essence(parsed.Terms[0])
		}
		if taken[says] {
			c.with = ""
			if c.from > 0 && text[c.from-1] == ' ' {
				c.from-- // the space before it goes, too
			}
		}
		taken[says] = true
		cuts = append(cuts, c)
	}
	for _, c := range slices.Backward(cuts) {
		text = text[:c.from] + c.with + text[c.to:]
	}
	return text, f.only(were)
}

// published reports whether what is known of a family is to reach the SPF records:
// there is an address, and a host has, or is to have, addresses of it.
func (k *keeper) published(f Family) bool {
	return k.found[f].Addr.IsValid() && slices.ContainsFunc(k.Hosts, func(host string) bool { return k.wanted(host, f) && !k.unsure(host, f) })
}

// unsure reports whether it is not known which address of a host is this machine's.
func (k *keeper) unsure(host string, f Family) bool {
	is := k.at(host, f)
	return len(is) > 1 && !slices.Contains(is, k.found[f].Addr) && len(k.replaced(is, k.found[f].Addr)) == 0
}

// A cut is a part of a text and what takes its place.
type cut struct {
	from, to int
	with     string
}

// essence is what a term says of an address, its qualifier included.
func essence(t spf.Term) string {
	t.Prefix = t.Prefix.Masked()
	return string(t.Qualifier) + t.String()
}

// owned returns the old address of a term and how it becomes another, or nil if it is not the owner's. The
// owner's is a term of exactly one old address, and of IPv6 one of the /64 around
// it: that is a single link, and nobody else's. What is wider may be anybody's.
func (k *keeper) owned(t spf.Term, f Family) (old netip.Addr, swap func() string) {
	if t.Kind != map[Family]spf.Kind{IPv4: spf.IP4, IPv6: spf.IP6}[f] || !t.Prefix.IsValid() {
		return old, nil
	}
	const link = 64
	now := k.found[f].Addr
	for _, old = range k.hold(f) {
		of := t.Prefix.Addr().Unmap()
		whole := t.Prefix.Bits() == t.Prefix.Addr().BitLen()
		switch {
		case whole && of == old:
			return old, func() string { return withAddress(t.Text, now) }
		case f == IPv6 && t.Prefix.Bits() == link && t.Prefix.Contains(old):
			if t.Prefix.Contains(now) {
				return old, nil
			}
			if of == t.Prefix.Masked().Addr() {
				now = netip.PrefixFrom(now, link).Masked().Addr() // as it was written, without the end
			}
			return old, func() string { return withAddress(t.Text, now) }
		}
	}
	return old, nil
}

// withAddress is a term with another address: the qualifier, the name as it is
// written and the prefix length stay. Without an address there is no term.
func withAddress(term string, addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	head, tail, _ := strings.Cut(term, ":")
	length := ""
	if i := strings.IndexByte(tail, '/'); i >= 0 {
		length = tail[i:]
	}
	return head + ":" + addr.String() + length
}

// joining is an SPF record that has the new address, if that is wanted and it does
// not have it already. Where it is not wanted there is a hint.
func (k *keeper) joining(name, text string, f Family) string {
	addr := k.found[f].Addr
	if !k.published(f) || name != k.Domain {
		return text
	}
	rec, problems := spf.Parse(text)
	how, covered := k.covered(rec, name, addr)
	switch {
	case covered && how != "":
		k.note(Hint, name, "SPF of %s follows the address by %s, and needs no change", record.Display(name), how)
		return text
	case covered:
		return text
	case !k.AddSPF:
		k.note(Hint, name, "SPF of %s has no term of this machine's %s address, and stays; if it sends the domain's mail itself, add %s once with --spf", record.Display(name), f, addr)
		return text
	case len(spf.Fatal(problems)) > 0:
		k.note(Refusal, name, "SPF of %s is void by a fault (%s), and stays; maildoctor check says how to mend it", record.Display(name), spf.Fatal(problems)[0].Text)
		return text
	}
	return withTerm(text, rec, addr)
}

// withTerm is an SPF record with one more address, behind the addresses that it
// begins with: they cost no lookup, so the address passes whatever follows.
func withTerm(text string, rec spf.Record, addr netip.Addr) string {
	at := len(spf.Version)
	for _, t := range rec.Terms {
		if t.Kind != spf.IP4 && t.Kind != spf.IP6 {
			break
		}
		at = t.Offset + len(t.Text)
	}
	kind := spf.IP4
	if addr.Is6() {
		kind = spf.IP6
	}
	term := spf.Term{Kind: kind, Qualifier: spf.Plus, Prefix: netip.PrefixFrom(addr, addr.BitLen())}
	return text[:at] + " " + term.String() + text[at:]
}

// covered reports whether a record lets an address of the hosts send: by a term
// that holds it or, with how, by one that names a host.
func (k *keeper) covered(rec spf.Record, name string, addr netip.Addr) (how string, ok bool) {
	for _, t := range rec.Mechanisms() {
		if t.Qualifier != spf.Plus {
			continue
		}
		switch t.Kind {
		case spf.IP4, spf.IP6:
			if t.Prefix.IsValid() && t.Prefix.Contains(addr) {
				return "", true
			}
		case spf.A, spf.MX:
			if k.names(t, name) {
				how = t.Text
			}
		}
	}
	return how, how != ""
}

// names reports whether an a or mx term leads to one of the hosts.
func (k *keeper) names(t spf.Term, name string) bool {
	if t.Domain != "" {
		if strings.Contains(t.Domain, "%") {
			return false
		}
		name = record.Canonical(t.Domain)
	}
	if t.Kind == spf.A {
		return slices.Contains(k.Hosts, name)
	}
	return slices.ContainsFunc(k.Records, func(r record.Record) bool {
		_, host, ok := r.MX()
		return ok && r.Name == name && slices.Contains(k.Hosts, host)
	})
}
