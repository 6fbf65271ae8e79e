package primary

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// maxChain is how many aliases are followed.
const maxChain = 8

// answer answers a question from the zone (RFC 1034, 4.3.2).
func (z *zone) answer(m, reply *dns.Msg) {
	q := m.Question[0]
	if q.Qclass != dns.ClassINET && q.Qclass != dns.ClassANY || !z.has(q.Name) {
		reply.Rcode = dns.RcodeRefused
		return
	}
	reply.Authoritative = true
	owner := q.Name
	for range maxChain {
		name := canonical(owner)
		if cut := z.cut(name, q.Qtype); cut != "" {
			reply.Authoritative = len(reply.Answer) > 0
			reply.Ns = append(reply.Ns, z.nodes[cut][dns.TypeNS]...)
			return
		}
		if target := z.dname(name, owner, reply); target != "" {
			if owner = target; reply.Rcode != dns.RcodeSuccess || !z.has(owner) {
				return
			}
			continue
		}
		n, exists := z.find(name)
		if alias := n[dns.TypeCNAME]; len(alias) > 0 && q.Qtype != dns.TypeCNAME && q.Qtype != dns.TypeANY {
			reply.Answer = append(reply.Answer, as(owner, alias)...)
			if owner = alias[0].(*dns.CNAME).Target; !z.has(owner) {
				return
			}
			continue
		}
		found := false
		for typ, set := range n {
			if typ == q.Qtype || q.Qtype == dns.TypeANY {
				reply.Answer = append(reply.Answer, as(owner, set)...)
				found = true
			}
		}
		if !found {
			z.nothing(reply, exists)
		}
		return
	}
}

// nothing says that there is none (RFC 2308, 3).
func (z *zone) nothing(reply *dns.Msg, exists bool) {
	if !exists {
		reply.Rcode = dns.RcodeNameError
	}
	soa := dns.Copy(z.soa()).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	reply.Ns = append(reply.Ns, soa)
}

// cut is the name at or above another at which the zone delegates.
func (z *zone) cut(name string, typ uint16) string {
	found := ""
	for ; name != z.apex; name, typ = record.Parent(name), 0 {
		if len(z.nodes[name][dns.TypeNS]) > 0 && typ != dns.TypeDS { // DS is the parent's (RFC 4035, 3.1.4.1)
			found = name
		}
	}
	return found
}

// dname follows a DNAME above a name (RFC 6672, 3.2).
func (z *zone) dname(name, owner string, reply *dns.Msg) (target string) {
	for above := name; above != z.apex; {
		above = record.Parent(above)
		for _, rr := range z.nodes[above][dns.TypeDNAME] {
			d := rr.(*dns.DNAME)
			target = owner[:len(owner)-len(above)] + strings.TrimPrefix(d.Target, ".")
			reply.Answer = append(reply.Answer, d)
			if _, ok := dns.IsDomainName(target); !ok {
				reply.Rcode = dns.RcodeYXDomain
				return target
			}
			reply.Answer = append(reply.Answer, &dns.CNAME{
				Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: d.Hdr.Ttl}, Target: target,
			})
			return target
		}
	}
	return ""
}

// find is the node that answers for a name: its own, or that of the wildcard at
// the closest name above that exists (RFC 4592, 3.3.1).
func (z *zone) find(name string) (n node, exists bool) {
	if z.exists(name) {
		return z.nodes[name], true
	}
	encloser := record.Parent(name)
	for encloser != z.apex && !z.exists(encloser) {
		encloser = record.Parent(encloser)
	}
	n, exists = z.nodes["*."+strings.TrimPrefix(encloser, ".")]
	return n, exists
}

// as is a set under the name that was asked for.
func as(owner string, set []dns.RR) []dns.RR {
	list := make([]dns.RR, len(set))
	for i, rr := range set {
		list[i] = dns.Copy(rr)
		list[i].Header().Name = owner
	}
	return list
}
