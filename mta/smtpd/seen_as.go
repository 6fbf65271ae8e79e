package smtpd

import (
	"net"
	"net/netip"
)

// SeenAs makes every client of a listener one at an address, port included: for a
// laboratory, whose clients are all on loopback, and judged as if they were not.
func SeenAs(l net.Listener, addr netip.AddrPort) net.Listener { return seenAs{l, addr} }

type seenAs struct {
	net.Listener
	addr netip.AddrPort
}

// Accept implements [net.Listener].
func (l seenAs) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return seenConn{conn, l.addr}, nil
}

type seenConn struct {
	net.Conn
	addr netip.AddrPort
}

// RemoteAddr implements [net.Conn].
func (c seenConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.addr) }
