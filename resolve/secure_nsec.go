package resolve

import (
	"bytes"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// nxName is the pseudo-type by which a name that is only made up for the answer
// says that it does not exist (RFC 9824, 3.1).
const nxName = 128

// byNSEC says what the NSEC records tell about a type at name (RFC 4035, 5.4).
func (d *denial) byNSEC(name string, code uint16) denied {
	var covering *dns.NSEC
	for _, n := range d.nsec {
		switch {
		case n.Hdr.Name == name:
			if !lacks(n.TypeBitMap, name, code) {
				return denied{}
			}
			return denied{proven: true, exists: !slices.Contains(n.TypeBitMap, nxName), delegation: slices.Contains(n.TypeBitMap, dns.TypeNS)}
		case cutsOff(n.TypeBitMap, n.Hdr.Name, name) || !covers(n, name):
		case record.Within(n.NextDomain, name): // an empty non-terminal (RFC 4592, 2.2.2)
			return denied{proven: true, exists: true}
		default:
			covering = n
		}
	}
	if covering == nil {
		return denied{}
	}
	wildcard := below("*", encloser(covering, name))
	for _, n := range d.nsec {
		switch {
		case n.Hdr.Name == wildcard:
			return denied{proven: lacks(n.TypeBitMap, wildcard, code), exists: true}
		case covers(n, wildcard):
			return denied{proven: true}
		}
	}
	return denied{}
}

// covers reports whether name lies between the owner of n and the next name of
// the zone, in canonical order. The last record leads back to the apex.
func covers(n *dns.NSEC, name string) bool {
	owner, next := n.Hdr.Name, n.NextDomain
	if canonicalOrder(owner, name) >= 0 {
		return false
	}
	return canonicalOrder(name, next) < 0 || canonicalOrder(next, owner) <= 0
}

// encloser is the nearest existing ancestor of a name that n covers: what it
// shares with one of the two names of n.
func encloser(n *dns.NSEC, name string) string {
	return suffix(name, max(dns.CompareDomainName(name, n.Hdr.Name), dns.CompareDomainName(name, n.NextDomain)))
}

func below(label, zone string) string {
	if zone == "." {
		return label + "."
	}
	return label + "." + zone
}

// canonicalOrder compares names by the octets of their labels, the last label
// first (RFC 4034, 6.1).
func canonicalOrder(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	for i := 1; i <= min(len(x), len(y)); i++ {
		if c := bytes.Compare(octets(x[len(x)-i]), octets(y[len(y)-i])); c != 0 {
			return c
		}
	}
	return len(x) - len(y)
}

// octets is a label in lower case and without escapes.
func octets(label string) []byte {
	if !strings.Contains(label, `\`) {
		return []byte(strings.ToLower(label))
	}
	raw := []byte(joined([]string{label}))
	for i, c := range raw {
		raw[i] = fold(c)
	}
	return raw
}
