package primary

import (
	"github.com/miekg/dns"
)

// update carries out an update and returns the response code (RFC 2136, 3).
func (s *Server) update(m *dns.Msg, rights Rights) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.zone.Load()
	switch q := m.Question[0]; { // 3.1
	case q.Qtype != dns.TypeSOA:
		return dns.RcodeFormatError
	case q.Qclass != dns.ClassINET || canonical(q.Name) != z.apex:
		return dns.RcodeNotAuth
	}
	if code := z.prerequisites(m.Answer); code != dns.RcodeSuccess {
		return code
	}
	if !rights.Update { // 3.3
		return dns.RcodeRefused
	}
	if code := z.prescan(m.Ns); code != dns.RcodeSuccess {
		return code
	}
	next := z.copied()
	for _, rr := range m.Ns {
		next.carryOut(rr)
	}
	if !changed(z, next) {
		return dns.RcodeSuccess
	}
	if next.soa().Serial == z.soa().Serial { // 3.6
		soa := dns.Copy(next.soa()).(*dns.SOA)
		soa.Serial = max(1, soa.Serial+1)
		next.replace(z.apex, dns.TypeSOA, []dns.RR{soa})
	}
	s.zone.Store(next)
	return dns.RcodeSuccess
}

// prerequisites looks whether they hold (RFC 2136, 3.2).
func (z *zone) prerequisites(list []dns.RR) int {
	type key struct {
		name string
		typ  uint16
	}
	wanted := make(map[key][]dns.RR)
	for _, rr := range list {
		h := rr.Header()
		n := z.at(h.Name)
		some, all := len(n[h.Rrtype]) > 0, h.Rrtype == dns.TypeANY
		switch {
		case h.Ttl != 0:
			return dns.RcodeFormatError
		case !z.has(h.Name):
			return dns.RcodeNotZone
		case h.Class == dns.ClassINET:
			wanted[key{canonical(h.Name), h.Rrtype}] = append(wanted[key{canonical(h.Name), h.Rrtype}], rr)
		case h.Class != dns.ClassANY && h.Class != dns.ClassNONE || h.Rdlength != 0:
			return dns.RcodeFormatError
		case h.Class == dns.ClassANY && all && len(n) == 0:
			return dns.RcodeNameError
		case h.Class == dns.ClassANY && !all && !some:
			return dns.RcodeNXRrset
		case h.Class == dns.ClassNONE && all && len(n) > 0:
			return dns.RcodeYXDomain
		case h.Class == dns.ClassNONE && !all && some:
			return dns.RcodeYXRrset
		}
	}
	for k, set := range wanted {
		if !sameSet(z.nodes[k.name][k.typ], set) {
			return dns.RcodeNXRrset
		}
	}
	return dns.RcodeSuccess
}

// sameSet reports whether two sets hold the same records, in any order and
// however often.
func sameSet(a, b []dns.RR) bool { return within(a, b) && within(b, a) }

func within(a, b []dns.RR) bool {
	for _, rr := range a {
		if !holds(b, rr) {
			return false
		}
	}
	return true
}

func holds(set []dns.RR, rr dns.RR) bool {
	for _, other := range set {
		if sameData(other, rr) {
			return true
		}
	}
	return false
}

// prescan looks whether the update can be carried out at all (RFC 2136, 3.4.1).
func (z *zone) prescan(list []dns.RR) int {
	for _, rr := range list {
		h := rr.Header()
		meta := 128 <= h.Rrtype && h.Rrtype <= 255 || h.Rrtype == dns.TypeOPT // RFC 6895, 3.1
		ok := false
		switch h.Class {
		case dns.ClassINET:
			ok = !meta && h.Rdlength > 0
		case dns.ClassANY:
			ok = h.Ttl == 0 && h.Rdlength == 0 && (!meta || h.Rrtype == dns.TypeANY)
		case dns.ClassNONE:
			ok = h.Ttl == 0 && !meta
		}
		switch {
		case !z.has(h.Name):
			return dns.RcodeNotZone
		case !ok:
			return dns.RcodeFormatError
		}
	}
	return dns.RcodeSuccess
}

// carryOut does one thing of an update (RFC 2136, 3.4.2).
func (z *zone) carryOut(rr dns.RR) {
	h := rr.Header()
	switch h.Class {
	case dns.ClassINET:
		z.add(rr)
	case dns.ClassANY:
		for typ := range z.at(h.Name) {
			if typ == h.Rrtype || h.Rrtype == dns.TypeANY {
				z.remove(h.Name, typ, func(dns.RR) bool { return true })
			}
		}
	case dns.ClassNONE:
		z.remove(h.Name, h.Rrtype, func(old dns.RR) bool { return sameData(old, rr) })
	}
}

// add adds a record (RFC 2136, 3.4.2.2). No CNAME comes to stand beside others, and
// the serial of the SOA record does not go back.
func (z *zone) add(rr dns.RR) {
	n := z.at(rr.Header().Name)
	switch rr := rr.(type) {
	case *dns.CNAME:
		if len(n) > len(n[dns.TypeCNAME]) {
			return
		}
		z.nodes[canonical(rr.Hdr.Name)] = node{}
	case *dns.SOA:
		if canonical(rr.Hdr.Name) != z.apex || int32(rr.Serial-z.soa().Serial) <= 0 { // RFC 1982, 3.2
			return
		}
		z.replace(z.apex, dns.TypeSOA, nil)
	default:
		if len(n[dns.TypeCNAME]) > 0 {
			return
		}
	}
	z.put(rr)
}

// remove takes records away. The SOA record of the zone stays, and of its NS
// records one at least (RFC 2136, 3.4.2.3, 3.4.2.4).
func (z *zone) remove(name string, typ uint16, goes func(dns.RR) bool) {
	apex := canonical(name) == z.apex
	if apex && typ == dns.TypeSOA {
		return
	}
	var stay []dns.RR
	old := z.at(name)[typ]
	for _, rr := range old {
		if !goes(rr) {
			stay = append(stay, rr)
		}
	}
	if len(stay) == len(old) || apex && typ == dns.TypeNS && len(stay) == 0 {
		return
	}
	z.replace(name, typ, stay)
}

// changed reports whether two zones differ, TTLs too.
func changed(a, b *zone) bool {
	was, is := a.all(), b.all()
	if len(was) != len(is) {
		return true
	}
	have := make(map[string]int, len(was))
	for _, rr := range was {
		have[rr.String()]++
	}
	for _, rr := range is {
		if have[rr.String()]--; have[rr.String()] < 0 {
			return true
		}
	}
	return false
}
