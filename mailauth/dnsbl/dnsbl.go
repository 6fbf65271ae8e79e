// Package dnsbl knows the DNS blocklists (RFC 5782): which are worth asking, how
// an address or a domain is asked of each, what each answer means, and whether a
// list is usable from where we stand.
//
// The lists are data. The package asks the DNS only to test a list (Alive); it
// does not decide which addresses or domains matter, nor how much a listing does.
package dnsbl

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Family is a set of the kinds of things that a list holds.
type Family uint8

const (
	IPv4   Family = 1 << iota // addresses, asked by octet (RFC 5782, 2.1)
	IPv6                      // addresses, asked by nibble (RFC 5782, 2.4)
	Domain                    // domain names, asked as they are (RFC 5782, 3)
)

func (f Family) String() string {
	var names []string
	for _, one := range f.Each() {
		names = append(names, map[Family]string{IPv4: "IPv4", IPv6: "IPv6", Domain: "domains"}[one])
	}
	return strings.Join(names, ", ")
}

// Each returns the single families of the set, in the order of the constants.
func (f Family) Each() []Family {
	return slices.DeleteFunc([]Family{IPv4, IPv6, Domain}, func(one Family) bool { return f&one == 0 })
}

// Tier is how much weight receivers give a list.
type Tier int

const (
	TierA     Tier = iota + 1 // large receivers reject on it
	TierB                     // useful; some receivers reject or score on it
	TierWeak                  // few receivers use it
	TierInfo                  // worth knowing, not worth acting on
	TierAllow                 // an allow-list: standing there helps, absence is no fault
)

func (t Tier) String() string {
	return map[Tier]string{TierA: "A", TierB: "B", TierWeak: "B-", TierInfo: "info", TierAllow: "allow-list"}[t]
}

// Need is what a list asks of whoever wants to ask it.
type Need int

const (
	NeedNothing      Need = iota
	NeedRegistration      // the address of the resolver must be registered
	NeedKey               // the name asked holds a key that belongs to the user
)

// Class is what a code of a list says about its subject.
type Class int

const (
	Abuse   Class = iota // seen to send, host or help abuse
	Policy               // not meant to send mail directly; says nothing about abuse
	Neutral              // known, and not held against it
	Good                 // vouched for
)

// A Code is the meaning of one return code.
type Code struct {
	// Answers are the addresses with this meaning: one (127.0.0.2/32) or a range.
	// Where Zone.Bitmask is set only the last octet counts, and holds one bit.
	Answers netip.Prefix
	Label   string // what the list calls it; may be empty
	Meaning string
	Class   Class
	Tier    Tier // 0: that of the zone
}

// A Refusal is a return code that speaks of the question, not of its subject.
type Refusal struct {
	Answers netip.Prefix
	Reason  string
}

// A Test is a pair of entries that every list of the family must have and must
// not have (RFC 5782, 5), as labels in front of the zone.
type Test struct {
	Family           Family
	Listed, Unlisted string
	// Known tells that the operator documents the pair. A list that does not hold
	// a pair that is only expected of it may still be alive: see Unproven.
	Known bool
}

// A Zone is one list.
type Zone struct {
	Name     string // absolute; with NeedKey, what follows the key
	Title    string // "Spamhaus ZEN"
	Operator string // who runs it; several zones may share one
	Families Family
	Tier     Tier
	Need     Need
	Optional bool // not asked unless named
	// NoPublic tells that the operator refuses questions through public resolvers.
	NoPublic bool
	Bitmask  bool
	Codes    []Code
	Refusals []Refusal
	Tests    []Test
	Lookup   string // URL of the look-up page; {} stands for the address or domain
	// Delisting is what to do once the cause is cured, one step each.
	Delisting []string
}

// A Target is what a list is asked about: an address or a domain.
type Target struct {
	Addr netip.Addr
	Name string // canonical; empty for an address
}

// Address is the target of an address. IPv4-mapped IPv6 counts as IPv4.
func Address(addr netip.Addr) Target { return Target{Addr: addr.Unmap().WithZone("")} }

// Name is the target of a domain name.
func Name(name string) Target { return Target{Name: record.Canonical(name)} }

// Family is the family of the target; 0 where it is neither an address nor a
// domain that can be asked.
func (t Target) Family() Family {
	switch {
	case t.Addr.Is4():
		return IPv4
	case t.Addr.IsValid():
		return IPv6
	case isDomain(t.Name):
		return Domain
	}
	return 0
}

// String is the target for a reader.
func (t Target) String() string {
	if t.Addr.IsValid() {
		return t.Addr.String()
	}
	return record.Display(t.Name)
}

// isDomain tells domains from what must never reach a domain list: address
// literals (Spamhaus DBL answers 127.0.1.255), the root, top-level domains,
// reverse names, and what only looks like a name.
func isDomain(name string) bool {
	labels := record.Labels(name)
	if len(labels) < 2 || record.Within(name, "arpa.") {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, hostOctets) != "" {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// hostOctets are the octets of canonical host names; underscores occur.
const hostOctets = "abcdefghijklmnopqrstuvwxyz0123456789-_"

// Question returns what to ask the zone about the target; ok is false where the
// zone does not hold such targets, where the name would be too long, or where
// the zone needs a key.
func (z Zone) Question(t Target) (q resolve.Question, ok bool) {
	family := t.Family()
	if family == 0 || z.Families&family == 0 || z.Need == NeedKey {
		return resolve.Question{}, false
	}
	labels := record.Display(t.Name)
	if family != Domain {
		labels = record.ReverseLabels(t.Addr)
	}
	name, ok := record.Below(labels, z.Name)
	return resolve.Ask(name, "A"), ok
}

// LookupURL is the page on which the list explains itself about the target.
func (z Zone) LookupURL(t Target) string {
	return strings.ReplaceAll(z.Lookup, "{}", t.String())
}

// String is the zone's name without the final dot.
func (z Zone) String() string { return record.Display(z.Name) }

// TestOf returns the test entries of one family.
func (z Zone) TestOf(f Family) (Test, bool) {
	i := slices.IndexFunc(z.Tests, func(t Test) bool { return t.Family == f })
	if i < 0 || z.Need == NeedKey {
		return Test{}, false
	}
	return z.Tests[i], true
}
