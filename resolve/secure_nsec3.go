package resolve

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// optOutFlag says that unsigned delegations are left out (RFC 5155, 3.1.2.1).
const optOutFlag = 1

// take adds an NSEC3 record, unless it is of no use (RFC 5155, 8.1 and 8.2): of
// another zone, hash or set of parameters than the others, or too costly.
func (d *denial) take(n *dns.NSEC3) {
	n.NextDomain = strings.ToUpper(n.NextDomain)
	switch {
	case n.Hash != dns.SHA1 || n.Flags&^optOutFlag != 0 || record.Parent(n.Hdr.Name) != d.zone.name:
	case n.Iterations > maxIterations:
		d.excessive = true
	case len(d.nsec3) > 0 && (n.Iterations != d.nsec3[0].Iterations || !strings.EqualFold(n.Salt, d.nsec3[0].Salt)):
	default:
		d.nsec3 = append(d.nsec3, n)
	}
}

// byNSEC3 says what the NSEC3 records tell about a type at name (RFC 5155, 8.4
// to 8.7).
func (d *denial) byNSEC3(name string, code uint16) denied {
	if len(d.nsec3) == 0 {
		return denied{}
	}
	if n := d.matching(name); n != nil {
		if !lacks(n.TypeBitMap, name, code) {
			return denied{}
		}
		return denied{proven: true, exists: true, delegation: hasType(n, dns.TypeNS)}
	}
	encloser, nearer := d.closest(name)
	if encloser == "" {
		return denied{}
	}
	n := d.covering(nearer)
	if n == nil {
		return denied{}
	}
	r := denied{optOut: n.Flags&optOutFlag != 0}
	if code == dns.TypeDS && r.optOut {
		r.proven = true
		return r
	}
	wildcard := below("*", encloser)
	if n := d.matching(wildcard); n != nil {
		r.proven, r.exists = lacks(n.TypeBitMap, wildcard, code), true
		return r
	}
	r.proven = d.covering(wildcard) != nil
	return r
}

// closest is the nearest ancestor of name that exists, and the name one label
// below it (RFC 5155, 8.3). Both are empty where nothing shows them.
func (d *denial) closest(name string) (encloser, nearer string) {
	for nearer = name; nearer != d.zone.name && record.Within(nearer, d.zone.name); nearer = encloser {
		encloser = record.Parent(nearer)
		n := d.matching(encloser)
		switch {
		case n == nil:
		case hasType(n, dns.TypeDNAME) || hasType(n, dns.TypeNS) && !hasType(n, dns.TypeSOA):
			return "", "" // what is below is not this zone's
		default:
			return encloser, nearer
		}
	}
	return "", ""
}

func hasType(n *dns.NSEC3, code uint16) bool {
	for _, t := range n.TypeBitMap {
		if t == code {
			return true
		}
	}
	return false
}

func (d *denial) matching(name string) *dns.NSEC3 {
	h := d.hash(name)
	for _, n := range d.nsec3 {
		if h != "" && ownerHash(n) == h {
			return n
		}
	}
	return nil
}

func (d *denial) covering(name string) *dns.NSEC3 {
	h := d.hash(name)
	for _, n := range d.nsec3 {
		owner, next := ownerHash(n), n.NextDomain
		if h == "" || owner == h || next == h {
			continue
		}
		if owner < next && owner < h && h < next || owner >= next && (owner < h || h < next) {
			return n
		}
	}
	return nil
}

func ownerHash(n *dns.NSEC3) string {
	label, _, _ := strings.Cut(n.Hdr.Name, ".")
	return strings.ToUpper(label)
}

// hash is the hash of name; empty where there are no parameters, or too many
// were computed already (maxHashes).
func (d *denial) hash(name string) string {
	if h, ok := d.hashed[name]; ok || len(d.nsec3) == 0 {
		return h
	}
	if d.work.hashes++; d.work.hashes > maxHashes {
		return ""
	}
	h := dns.HashName(name, dns.SHA1, d.nsec3[0].Iterations, d.nsec3[0].Salt)
	d.hashed[name] = h
	return h
}
