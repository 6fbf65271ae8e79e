package lab

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A resolver serves a world's records on one loopback port, over UDP and TCP.
type resolver struct {
	world func() resolve.Resolver // as it is now
	ctx   context.Context
}

// ServeDNS answers from the world. A fault becomes what a client would meet on
// the wire: an RCODE, silence, an answer cut off.
func (n resolver) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	reply, ok := begin(w, m)
	if !ok {
		return
	}
	reply.RecursionAvailable = true
	if !m.RecursionDesired {
		reply.Rcode = dns.RcodeRefused
		w.WriteMsg(reply)
		return
	}
	answer, err := n.world().Resolve(n.ctx, resolve.Ask(m.Question[0].Name, dns.Type(m.Question[0].Qtype).String()))
	if err != nil {
		fail(w, reply, err)
		return
	}
	finish(w, m, reply, fill(reply, answer))
}

// begin is the reply to a question; ok is false where it is none, which has been
// said then.
func begin(w dns.ResponseWriter, m *dns.Msg) (reply *dns.Msg, ok bool) {
	reply = new(dns.Msg)
	reply.SetReply(m)
	if opt := m.IsEdns0(); opt != nil {
		reply.SetEdns0(udpSize, opt.Do())
	}
	if len(m.Question) != 1 || m.Opcode != dns.OpcodeQuery {
		reply.Rcode = dns.RcodeNotImplemented
		w.WriteMsg(reply)
		return nil, false
	}
	return reply, true
}

// finish sends the reply, or that it could not be made.
func finish(w dns.ResponseWriter, m, reply *dns.Msg, err error) {
	if err != nil {
		reply.Rcode = dns.RcodeServerFailure
	}
	if !overTCP(w) {
		reply.Truncate(size(m))
	}
	w.WriteMsg(reply)
}

func overTCP(w dns.ResponseWriter) bool {
	_, tcp := w.LocalAddr().(*net.TCPAddr)
	return tcp
}

func size(m *dns.Msg) int {
	if opt := m.IsEdns0(); opt != nil {
		return max(dns.MinMsgSize, int(opt.UDPSize()))
	}
	return dns.MinMsgSize
}

func fail(w dns.ResponseWriter, reply *dns.Msg, err error) {
	switch resolve.KindOf(err) {
	case resolve.Refused:
		reply.Rcode = dns.RcodeRefused
	case resolve.Malformed:
		reply.Rcode = dns.RcodeFormatError
	case resolve.Lame:
		reply.Authoritative = false
	case resolve.Truncated:
		if overTCP(w) {
			w.Close()
			return
		}
		reply.Truncated = true
	case resolve.Timeout, resolve.Canceled:
		return // silence
	default:
		reply.Rcode = dns.RcodeServerFailure
	}
	var e *resolve.Error
	if opt := reply.IsEdns0(); opt != nil && errors.As(err, &e) {
		for _, x := range e.Extended {
			opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: x.Code, ExtraText: x.Text})
		}
	}
	w.WriteMsg(reply)
}

// udpSize is what the server can take over UDP (the DNS flag day 2020 value).
const udpSize = 1232

// negativeTTL is the TTL of absence in a lab, in seconds.
const negativeTTL = 300

func fill(reply *dns.Msg, a resolve.Answer) error {
	for _, list := range [][]record.Record{a.Chain, a.Records} {
		if err := put(&reply.Answer, list); err != nil {
			return err
		}
	}
	if !a.Exists {
		reply.Rcode = dns.RcodeNameError
	}
	if a.Void() {
		reply.Ns = append(reply.Ns, &dns.SOA{
			Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: negativeTTL},
			Ns:  "ns.lab.invalid.", Mbox: "hostmaster.lab.invalid.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: negativeTTL,
		})
	}
	return nil
}

// put adds records to a section.
func put(section *[]dns.RR, list []record.Record) error {
	for _, r := range list {
		rr, err := toRR(r)
		if err != nil {
			return err
		}
		*section = append(*section, rr)
	}
	return nil
}

// toRR is a record for the wire.
func toRR(r record.Record) (dns.RR, error) {
	rr, err := dns.NewRR(r.String())
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Type, r.Name, err)
	}
	rr.Header().Ttl = r.TTL
	return rr, nil
}

// maxPairs is how many ports are tried before there is said to be none.
const maxPairs = 50

// pair listens on one port over TCP and UDP. A port that is free for one may be
// taken for the other, by any socket of this machine, so another is tried then.
func pair() (tcp net.Listener, udp net.PacketConn, err error) {
	for range maxPairs {
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

// servers is listeners.
type servers []*dns.Server

// listen starts a server on a free port of 127.0.0.1 and returns when it answers.
func listen(n dns.Handler) (servers, string, error) {
	tcp, udp, err := pair()
	if err != nil {
		return nil, "", err
	}
	addr := tcp.Addr().String()
	list := servers{{Listener: tcp, Handler: n}, {PacketConn: udp, Handler: n}}
	ready := make(chan struct{}, len(list))
	failed := make(chan error, len(list))
	for _, s := range list {
		s.NotifyStartedFunc = func() { ready <- struct{}{} }
		go func() { failed <- s.ActivateAndServe() }()
	}
	for range list {
		select {
		case <-ready:
		case err := <-failed:
			list.close()
			return nil, "", err
		}
	}
	return list, addr, nil
}

func (s servers) close() {
	for _, server := range s {
		server.Shutdown() // the error says that it never started
	}
}
