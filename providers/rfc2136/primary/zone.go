package primary

import (
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// A zone is what it holds at one moment. Once it is served it does not change.
type zone struct {
	apex  string
	nodes map[string]node
}

// A node is the sets at a name by type. Names in between have none, and exist
// (empty non-terminals).
type node map[uint16][]dns.RR

func newZone(apex string) *zone {
	return &zone{record.Canonical(apex), make(map[string]node)}
}

// canonical is a name as a key.
func canonical(name string) string { return dns.CanonicalName(name) }

// has reports whether a name lies in the zone.
func (z *zone) has(name string) bool { return record.Within(canonical(name), z.apex) }

func (z *zone) at(name string) node { return z.nodes[canonical(name)] }

func (z *zone) soa() *dns.SOA {
	for _, rr := range z.at(z.apex)[dns.TypeSOA] {
		return rr.(*dns.SOA)
	}
	return nil
}

// copied is a zone of which sets can be replaced without changing this one.
func (z *zone) copied() *zone {
	c := newZone(z.apex)
	for name, n := range z.nodes {
		c.nodes[name] = maps.Clone(n)
	}
	return c
}

// put adds a record; one with the same data is replaced. All of a set have the TTL of
// the last that came (RFC 2181, 5.2).
func (z *zone) put(rr dns.RR) {
	h := rr.Header()
	name := canonical(h.Name)
	n := z.nodes[name]
	if n == nil {
		n = node{}
		z.nodes[name] = n
	}
	var set []dns.RR
	for _, old := range n[h.Rrtype] {
		if !sameData(old, rr) {
			old = dns.Copy(old)
			old.Header().Ttl = h.Ttl
			set = append(set, old)
		}
	}
	n[h.Rrtype] = append(set, rr)
}

// replace gives a name another set of a type; an empty one removes it.
func (z *zone) replace(name string, typ uint16, set []dns.RR) {
	name = canonical(name)
	if len(set) > 0 {
		z.nodes[name][typ] = set
		return
	}
	delete(z.nodes[name], typ)
	if len(z.nodes[name]) == 0 {
		delete(z.nodes, name)
	}
}

// sameData reports whether two records hold the same, TTL and class aside
// (RFC 2136, 1.1.1).
func sameData(a, b dns.RR) bool {
	if a.Header().Class != b.Header().Class {
		b = dns.Copy(b)
		b.Header().Class = a.Header().Class
	}
	return dns.IsDuplicate(a, b)
}

// all is every record, the SOA record first, the others by name and type.
func (z *zone) all() []dns.RR {
	list := []dns.RR{z.soa()}
	for _, name := range slices.SortedFunc(maps.Keys(z.nodes), record.CompareNames) {
		for _, typ := range slices.Sorted(maps.Keys(z.nodes[name])) {
			if typ != dns.TypeSOA {
				list = append(list, z.nodes[name][typ]...)
			}
		}
	}
	return list
}

// exists reports whether a name has records, or a name below it.
func (z *zone) exists(name string) bool {
	if len(z.nodes[name]) > 0 {
		return true
	}
	for other := range z.nodes {
		if strings.HasSuffix(other, "."+name) && record.Within(other, name) {
			return true
		}
	}
	return false
}
