package ddns

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/record"
)

// Given is what there is, and what shall be kept in step.
type Given struct {
	Domain string   // whose SPF record is kept in step; canonical
	Hosts  []string // whose addresses are; canonical
	// Records is what stands at these names, at least.
	Records []record.Record
	// Owned are addresses that are known to have been published for this machine:
	// by an earlier run, or in the owner's word.
	Owned []netip.Addr
	// Families are those to be published; none is those that a host has, or is known
	// to have had, and all that there are for a host without an address.
	Families []Family
	AddSPF   bool   // an SPF record that does not name the address is to be given it
	TTL      uint32 // of address records, in seconds; 0 leaves it, or is the zone's default
}

// An Edit is a change that is wanted, and why.
type Edit struct {
	record.Edit
	Reason string
}

// Level is what a note asks of its reader.
type Level int

const (
	Hint    Level = iota // good to know
	Warning              // something stays that its owner should look at
	Refusal              // something had to be changed and was not
)

// A Note is what stays as it is, and why.
type Note struct {
	Level   Level
	Subject string // canonical name; empty if none
	Text    string
}

// Edits says what becomes another by the addresses that were found: A and AAAA
// records of the hosts, and in SPF records the terms that hold an address of
// theirs until now. Such an address is one of Given.Owned, or the only one of its
// family at a host that is named.
//
// What could not be told stays. An address record goes without another in its place
// only if there certainly is no address, it is one of Given.Owned, and the host keeps
// one of the other family. A term of an SPF record never does: it waits for the next address.
func Edits(g Given, found Found) ([]Edit, []Note) {
	k := &keeper{Given: g, found: found}
	for _, f := range []Family{IPv4, IPv6} {
		for _, host := range g.Hosts {
			k.address(host, f)
		}
	}
	k.strangers()
	names := []string{g.Domain}
	for _, host := range g.Hosts {
		if !slices.Contains(names, host) {
			names = append(names, host)
		}
	}
	for _, name := range names {
		if name != "" {
			k.spf(name)
		}
	}
	return k.edits, k.notes
}

// A keeper gathers edits and notes.
type keeper struct {
	Given
	found Found
	old   [2][]netip.Addr // addresses that were the hosts' until now
	edits []Edit
	notes []Note
}

func (k *keeper) note(level Level, subject, format string, args ...any) {
	n := Note{level, subject, fmt.Sprintf(format, args...)}
	if !slices.Contains(k.notes, n) {
		k.notes = append(k.notes, n)
	}
}

// at is the addresses of a family at a name.
func (k *keeper) at(name string, f Family) []netip.Addr {
	var addrs []netip.Addr
	for _, r := range k.Records {
		if a, ok := r.Addr(); ok && r.Name == name && r.Type == f.Type() {
			addrs = append(addrs, a)
		}
	}
	return f.only(addrs)
}

// wanted reports whether a host is to have addresses of a family.
func (k *keeper) wanted(host string, f Family) bool {
	if len(k.Families) > 0 {
		return slices.Contains(k.Families, f)
	}
	return len(k.at(host, f)) > 0 || len(k.at(host, otherFamily(f))) == 0 || len(f.only(k.Owned)) > 0
}

// address keeps the address records of one family at a host in step.
func (k *keeper) address(host string, f Family) {
	r, is := k.found[f], k.at(host, f)
	title := f.Type() + " " + record.Display(host)
	switch {
	case !k.wanted(host, f):
		if r.Addr.IsValid() && len(k.Families) == 0 {
			k.note(Hint, host, "there is %s, too (%s), but %s has no %s record; name the family to publish it", f, r.Addr, record.Display(host), f.Type())
		}
		return
	case r.Err != nil && len(is) > 0:
		k.note(Warning, host, "%s stays: the %s address could not be told: %v", title, f, r.Err)
		return
	case r.Err != nil:
		k.note(Warning, host, "no %s is published: the %s address could not be told: %v", title, f, r.Err)
		return
	case r.None != "":
		k.gone(host, f, is, title)
		return
	case !r.Addr.IsValid():
		return
	}
	old := k.replaced(is, r.Addr)
	if len(old) == 0 && len(is) > 0 && !slices.Contains(is, r.Addr) {
		k.note(Refusal, host, "%s stays: it has the addresses %s, and it is not known which of them is this machine's; name the one that was", title, joined(is))
		return
	}
	k.old[f] = f.only(append(k.old[f], old...))
	want := slices.DeleteFunc(is, func(a netip.Addr) bool { return slices.Contains(old, a) })
	k.set(host, f, f.only(append(want, r.Addr)), reasonFor(title, old, r))
}

// reasonFor is why a set of address records becomes another.
func reasonFor(title string, old []netip.Addr, r Reading) string {
	if len(old) == 0 {
		return fmt.Sprintf("the address is %s (%s)", r.Addr, r.From)
	}
	return fmt.Sprintf("the address was %s and is %s (%s)", joined(old), r.Addr, r.From)
}

// replaced is those of a host's addresses that the new one takes the place of.
func (k *keeper) replaced(is []netip.Addr, by netip.Addr) []netip.Addr {
	var old []netip.Addr
	for _, a := range is {
		if a != by && (len(is) == 1 || slices.Contains(k.Owned, a)) {
			old = append(old, a)
		}
	}
	return old
}

// gone takes away the addresses of a family of which there are none any more.
func (k *keeper) gone(host string, f Family, is []netip.Addr, title string) {
	if len(is) == 0 {
		return
	}
	why := k.found[f].None
	var owned, others []netip.Addr // this machine's, and those that stay
	for _, a := range is {
		if slices.Contains(k.Owned, a) {
			owned = append(owned, a)
		} else {
			others = append(others, a)
		}
	}
	other := otherFamily(f)
	keeps := k.found[other].Addr.IsValid() && k.wanted(host, other)
	switch {
	case len(owned) == 0:
		k.note(Warning, host, "%s stays: %s, but %s is not known to have been this machine's; take it away by hand if it was", title, why, joined(others))
	case !keeps:
		k.note(Warning, host, "%s stays: %s, and without it the host would have no address that is known to work", title, why)
	default: // terms of SPF wait for the address to come back as another
		k.note(Warning, host, "SPF records still name %s, until there is %s again; take it away by hand if there will be none", joined(owned), f)
		k.set(host, f, others, fmt.Sprintf("%s was this machine's, and %s", joined(owned), why))
	}
}

// set wants a host to have exactly these addresses of a family.
func (k *keeper) set(host string, f Family, addrs []netip.Addr, reason string) {
	same := slices.Equal(addrs, k.at(host, f))
	var want []record.Record
	for _, a := range addrs {
		r := record.Address(host, a)
		r.TTL = k.TTL
		want = append(want, r)
	}
	if same && !k.otherTTL(host, f) {
		return
	}
	if same {
		reason = fmt.Sprintf("a TTL of %d s", k.TTL)
	}
	k.edits = append(k.edits, Edit{record.Set(record.Slot{Name: host, Type: f.Type()}, want...), reason})
}

// otherTTL reports whether a set has another TTL than the one that is wanted.
func (k *keeper) otherTTL(host string, f Family) bool {
	return k.TTL != 0 && slices.ContainsFunc(k.Records, func(r record.Record) bool {
		return r.Name == host && r.Type == f.Type() && r.TTL != k.TTL
	})
}

// strangers tells of other names with an address that is not the hosts' any more.
func (k *keeper) strangers() {
	for _, r := range k.Records {
		a, ok := r.Addr()
		if !ok || slices.Contains(k.Hosts, r.Name) {
			continue
		}
		for _, f := range []Family{IPv4, IPv6} {
			if slices.Contains(k.old[f], a) {
				k.note(Warning, r.Name, "%s %s still holds %s; if it is this machine, name it as a host, too", r.Type, record.Display(r.Name), a)
			}
		}
	}
}
