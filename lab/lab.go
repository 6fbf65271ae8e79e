// Package lab is a whole small internet on loopback: the world of a scenario
// served over real sockets, its DNS over UDP and TCP, its mail and web hosts
// over TCP. It is for the demo and for tests that shall cross a network; what is
// examined there uses the same client and prober as on the internet.
package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A Lab is one running world.
type Lab struct {
	*scenario.World

	cancel  context.CancelFunc
	servers servers
	dns     string                // host:port of the resolver
	names   map[netip.Addr]string // host:port of each name server
	asker   *resolve.Client       // asks them
	hosts   map[netip.AddrPort]host
	open    sync.WaitGroup

	mu        sync.Mutex
	view      view // guarded by mu, as what follows; see now
	primaries []*primary.Server
	serials   []string // SOA of each primary as the view has it
}

// A view is the world as its name servers have it.
type view struct {
	world *scenario.World
	dns   resolve.Resolver
	names *scenario.NameServers
}

// A host listens on loopback for an address of the world.
type host struct {
	net.Listener
	admit func(context.Context) error // the fate of a dial
}

// Start serves the world of s on free ports of 127.0.0.1 until Close.
func Start(s *scenario.Scenario) (*Lab, error) { return StartWith(s, nil) }

// StartWith is Start with the certificates of a CA; nil for one of its own.
func StartWith(s *scenario.Scenario, ca *smtpscript.CA) (*Lab, error) {
	world, err := s.Play()
	if err != nil {
		return nil, err
	}
	if ca != nil {
		world.CA = ca
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Lab{World: world, cancel: cancel, hosts: make(map[netip.AddrPort]host)}
	l.view = view{world, world.DNS(), world.NameServers()}
	l.servers, l.dns, err = listen(resolver{world: func() resolve.Resolver { return l.now().dns }, ctx: ctx})
	if err == nil {
		err = l.serveNames(ctx)
	}
	for addr, script := range world.Hosts {
		if err == nil {
			err = l.serve(addr, script.Admit, func(conn net.Conn) { script.Serve(conn, smtpscript.Options{CA: l.CA}) })
		}
	}
	for addr, site := range world.Sites {
		if err == nil {
			err = l.serve(addr, site.Admit, func(conn net.Conn) { site.Serve(conn, httpscript.Options{CA: l.CA}) })
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serve listens for the host at addr.
func (l *Lab) serve(addr netip.AddrPort, admit func(context.Context) error, serve func(net.Conn)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.hosts[addr] = host{listener, admit}
	l.open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	})
	return nil
}

// Close ends the lab.
func (l *Lab) Close() error {
	l.cancel()
	if l.asker != nil {
		l.asker.Close()
	}
	l.servers.close()
	for _, p := range l.primaries {
		p.Close()
	}
	for _, h := range l.hosts {
		h.Close()
	}
	l.open.Wait()
	return nil
}

// Resolver is the lab's name server, as --resolver takes it.
func (l *Lab) Resolver() string { return l.dns }

// Dial reaches a host of the world by the address that it has there.
func (l *Lab) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if address == l.dns {
		return d.DialContext(ctx, network, address)
	}
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if addr.Port() == 53 {
		return l.dialServer(ctx, network, addr.Addr())
	}
	h, ok := l.hosts[addr]
	if !ok {
		return nil, smtpscript.Refused()
	}
	if err := h.admit(ctx); err != nil {
		return nil, err
	}
	return d.DialContext(ctx, network, h.Addr().String())
}

// Client is a DNS client that asks the lab.
func (l *Lab) Client(o resolve.Options) (*resolve.Client, error) {
	server, err := resolve.ParseServer(l.dns)
	if err != nil {
		return nil, err
	}
	o.Servers = []resolve.Server{server}
	o.Dial = l.Dial
	return resolve.NewClient(o), nil
}

// Env is the world as checks see it through the lab's sockets.
func (l *Lab) Env(ctx context.Context, client resolve.Resolver) *checks.Env {
	env := l.EnvOver(ctx, client, l.Dial)
	env.Servers = l.asker
	if own, ok := client.(checks.Servers); ok {
		env.Servers = own
	}
	return env
}
