package resolve

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A peer is a DNS server on loopback, over UDP and TCP on one port.
type peer struct {
	addr     string
	udp, tcp atomic.Int32 // questions that came
}

// serve starts a peer that answers with h, which may write any number of messages.
func serve(t testing.TB, h dns.HandlerFunc) *peer {
	t.Helper()
	p := &peer{}
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		pc, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			l.Close()
			continue
		}
		p.addr = l.Addr().String()
		counted := func(n *atomic.Int32) dns.HandlerFunc {
			return func(w dns.ResponseWriter, m *dns.Msg) { n.Add(1); h(w, m) }
		}
		start(t, &dns.Server{PacketConn: pc, Handler: counted(&p.udp)})
		start(t, &dns.Server{Listener: l, Handler: counted(&p.tcp), MaxTCPQueries: -1})
		return p
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil
}

func start(t testing.TB, s *dns.Server) {
	ready := make(chan struct{})
	s.NotifyStartedFunc = func() { close(ready) }
	go s.ActivateAndServe()
	<-ready
	t.Cleanup(func() { s.Shutdown() })
}

func (p *peer) server(network string) Server {
	s, err := ParseServer(network + "://" + p.addr)
	if err != nil {
		panic(err)
	}
	return s
}

// client returns a client of peers that gives up quickly.
func client(t testing.TB, o Options, peers ...*peer) *Client {
	for _, p := range peers {
		o.Servers = append(o.Servers, p.server("udp"))
	}
	if o.Timeout == 0 {
		o.Timeout = 200 * time.Millisecond
	}
	c := NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// rrs parses records in zone-file form.
func rrs(lines ...string) []dns.RR {
	var list []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			panic(err)
		}
		list = append(list, rr)
	}
	return list
}

// answer is the reply to m with answers, and RA as a recursive server has it.
func answer(m *dns.Msg, rcode int, lines ...string) *dns.Msg {
	r := new(dns.Msg).SetRcode(m, rcode)
	r.RecursionAvailable = true
	r.Answer = rrs(lines...)
	return r
}

func withSOA(r *dns.Msg) *dns.Msg {
	r.Ns = rrs("example.org. 900 IN SOA ns.example.org. h.example.org. 1 7200 3600 1209600 60")
	return r
}

func withEDE(r *dns.Msg, code uint16, text string) *dns.Msg {
	r.SetEdns0(1232, true)
	r.IsEdns0().Option = append(r.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: code, ExtraText: text})
	return r
}

const spfLine = `example.org. 300 IN TXT "v=spf1 " "-all"`
