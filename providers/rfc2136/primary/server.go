// Package primary is a primary name server of one zone in memory: it answers
// queries, transfers the zone (RFC 5936) and takes dynamic updates (RFC 2136), as
// signatures allow (TSIG, RFC 8945). It is for demonstrations and tests, and holds
// to the letter of those documents, so that what passes here passes elsewhere.
//
// It keeps nothing on disk, signs no zone and notifies nobody.
package primary

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Options are what a server has.
type Options struct {
	Zone    string
	Records []record.Record // of the zone, SOA and NS among them
	Keys    []Key
	// Anyone is what may be done without a key.
	Anyone Rights
}

// Rights are what somebody may do beyond asking.
type Rights struct{ Transfer, Update bool }

// A Key is a shared secret and what it is good for.
type Key struct {
	Name, Algorithm string // of the HMAC: "hmac-sha256"
	Secret          []byte
	Rights
}

// A Server is one zone. It is a dns.Handler.
type Server struct {
	keys   ring
	anyone Rights

	mu   sync.Mutex // of updates, one after the other (RFC 2136, 3.7)
	zone atomic.Pointer[zone]

	listeners []*dns.Server
}

// New makes a server. It answers through Listen, or by itself as a handler.
func New(o Options) (*Server, error) {
	s := &Server{anyone: o.Anyone}
	var err error
	if s.keys, err = newRing(o.Keys); err != nil {
		return nil, err
	}
	z := newZone(o.Zone)
	for _, r := range o.Records {
		rr, err := toRR(r)
		if err != nil {
			return nil, err
		}
		if !z.has(rr.Header().Name) {
			return nil, fmt.Errorf("%s is not in the zone %s", record.Display(r.Name), record.Display(z.apex))
		}
		z.put(rr)
	}
	if z.soa() == nil || len(z.at(z.apex)[dns.TypeNS]) == 0 {
		return nil, errors.New("the zone has no SOA record, or no NS records")
	}
	s.zone.Store(z)
	return s, nil
}

// toRR is a record as it is on the wire.
func toRR(r record.Record) (dns.RR, error) {
	rr, err := dns.NewRR(r.String())
	if err != nil || rr == nil {
		return nil, fmt.Errorf("%s %s: its data are not those of this type", record.Display(r.Name), r.Type)
	}
	rr.Header().Ttl = r.TTL
	wire := make([]byte, dns.Len(rr)+1)
	n, err := dns.PackRR(rr, wire, 0, nil, false)
	if err == nil {
		rr, _, err = dns.UnpackRR(wire[:n], 0) // with the escapes that all others have, too
	}
	return rr, err
}

// Zone is the apex of the zone, canonical.
func (s *Server) Zone() string { return s.zone.Load().apex }

// Records is what the zone holds now, the SOA record in front, else by name and type.
func (s *Server) Records() []record.Record {
	var list []record.Record
	for _, rr := range s.zone.Load().all() {
		list = append(list, resolve.FromRR(dns.Copy(rr)))
	}
	return list
}

// TSIG is what a dns.Server needs that has this one as its handler.
func (s *Server) TSIG() dns.TsigProvider { return s.keys }

// Accept lets updates in, which the library refuses by itself.
func (s *Server) Accept(h dns.Header) dns.MsgAcceptAction {
	const response = 1 << 15
	switch {
	case h.Bits&response != 0:
		return dns.MsgIgnore
	case h.Qdcount != 1:
		return dns.MsgReject
	}
	return dns.MsgAccept
}

// Listen answers on a free port of 127.0.0.1, over UDP and TCP, until Close.
func (s *Server) Listen() (address string, err error) {
	tcp, udp, err := pair()
	if err != nil {
		return "", err
	}
	started := make(chan error, 2)
	for _, l := range []*dns.Server{{Listener: tcp}, {PacketConn: udp}} {
		l.Handler, l.TsigProvider, l.MsgAcceptFunc = s, s.keys, s.Accept
		l.MaxTCPQueries = -1
		l.NotifyStartedFunc = func() { started <- nil }
		s.listeners = append(s.listeners, l)
		go func() {
			if err := l.ActivateAndServe(); err != nil {
				select {
				case started <- err:
				default:
				}
			}
		}()
	}
	for range s.listeners {
		if err := <-started; err != nil {
			s.Close()
			return "", err
		}
	}
	return tcp.Addr().String(), nil
}

// pair listens on one port over TCP and UDP.
func pair() (tcp net.Listener, udp net.PacketConn, err error) {
	const most = 50 // ports that are free for one and taken for the other
	for range most {
		if tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, nil, err
		}
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return tcp, udp, nil
		}
		tcp.Close()
	}
	return nil, nil, err
}

// Close ends the listeners.
func (s *Server) Close() {
	for _, l := range s.listeners {
		l.Shutdown() // its error is that it never started
	}
	s.listeners = nil
}

// ServeDNS answers one message.
func (s *Server) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	reply := new(dns.Msg).SetReply(m)
	rights, ok := s.authenticate(w, m, reply)
	if !ok {
		w.WriteMsg(reply)
		return
	}
	switch {
	case len(m.Question) != 1:
		reply.Rcode = dns.RcodeFormatError
	case m.Opcode == dns.OpcodeUpdate:
		reply.Rcode = s.update(m, rights)
	case m.Opcode != dns.OpcodeQuery:
		reply.Rcode = dns.RcodeNotImplemented
	case slices.Contains([]uint16{dns.TypeAXFR, dns.TypeIXFR}, m.Question[0].Qtype):
		if s.transfer(w, m, reply, rights) {
			return
		}
	default:
		s.zone.Load().answer(m, reply)
	}
	finish(w, m, reply)
}

// finish signs and sends a reply.
func finish(w dns.ResponseWriter, m, reply *dns.Msg) {
	if opt := m.IsEdns0(); opt != nil {
		reply.SetEdns0(1232, opt.Do())
	}
	if _, tcp := w.LocalAddr().(*net.TCPAddr); !tcp {
		size := dns.MinMsgSize
		if opt := m.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
		reply.Truncate(size)
	}
	reply.Compress = true
	sign(m, reply)
	w.WriteMsg(reply)
}
