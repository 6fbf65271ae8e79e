package primary

import (
	"net"

	"github.com/miekg/dns"
)

// perMessage is about how many octets of a transfer go into one message.
const perMessage = 16 << 10

// transfer sends the zone, and reports whether it did; else the reply says why not.
// IXFR is answered with the whole zone, too (RFC 1995, 4).
func (s *Server) transfer(w dns.ResponseWriter, m, reply *dns.Msg, rights Rights) bool {
	z := s.zone.Load()
	_, tcp := w.LocalAddr().(*net.TCPAddr)
	switch {
	case canonical(m.Question[0].Name) != z.apex:
		reply.Rcode = dns.RcodeNotAuth // RFC 5936, 2.2.1
	case !rights.Transfer:
		reply.Rcode = dns.RcodeRefused
	case !tcp:
		reply.Rcode = dns.RcodeFormatError // RFC 5936, 4.2
	}
	if reply.Rcode != dns.RcodeSuccess {
		return false
	}
	rrs := append(z.all(), z.soa())
	for len(rrs) > 0 {
		part := new(dns.Msg).SetReply(m)
		part.Authoritative, part.Compress = true, true
		for size := 0; len(rrs) > 0 && size < perMessage; rrs = rrs[1:] {
			part.Answer = append(part.Answer, rrs[0])
			size += dns.Len(rrs[0])
		}
		sign(m, part)
		if w.WriteMsg(part) != nil {
			w.Close() // the other side must not take it for complete
			return true
		}
		w.TsigTimersOnly(true) // RFC 8945, 5.3.1
	}
	return true
}
