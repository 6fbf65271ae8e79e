package lab

import (
	"context"
	"net"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A nameServer is one name server of a world.
type nameServer struct {
	world func() *scenario.NameServers // as they are now
	addr  netip.Addr
	ctx   context.Context
}

// ServeDNS says on the wire what the server says in process. Of a transfer that
// is the first message.
func (n nameServer) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	reply, ok := begin(w, m)
	if !ok {
		return
	}
	q := resolve.Inquiry{
		Name: m.Question[0].Name, Type: dns.Type(m.Question[0].Qtype).String(),
		Server: n.addr, TCP: overTCP(w), Recurse: m.RecursionDesired,
	}
	said, err := n.world().Inquire(n.ctx, q)
	if err != nil {
		fail(w, reply, err)
		return
	}
	reply.Rcode = dns.StringToRcode[said.Code]
	reply.Authoritative, reply.RecursionAvailable = said.Authoritative, said.Recursive
	err = put(&reply.Answer, said.Answer)
	if err == nil {
		err = put(&reply.Ns, said.Authority)
	}
	if err == nil {
		err = put(&reply.Extra, said.Additional)
	}
	finish(w, m, reply, err)
}

// serveNames starts every name server of the world.
func (l *Lab) serveNames(ctx context.Context) error {
	world := l.World.NameServers()
	l.names = make(map[netip.Addr]string)
	for _, addr := range world.Addrs() {
		list, at, err := listen(nameServer{func() *scenario.NameServers { return l.now().names }, addr, ctx})
		if err != nil {
			return err
		}
		l.servers = append(l.servers, list...)
		l.names[addr] = at
	}
	l.asker = resolve.NewClient(resolve.Options{Dial: l.Dial})
	return nil
}

// dialServer reaches a name server, if it can be reached that way.
func (l *Lab) dialServer(ctx context.Context, network string, addr netip.Addr) (net.Conn, error) {
	at, ok := l.names[addr]
	own := l.Servers[addr]
	if !ok || network == "tcp" && own != nil && own.NoTCP {
		return nil, smtpscript.Refused()
	}
	var d net.Dialer
	return d.DialContext(ctx, network, at)
}
