package local

import (
	"context"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"time"
)

// A System is the ways in which a host can be looked at. The zero value of any
// field means that there is no such way here.
type System struct {
	Files fs.FS  // rooted at /
	Run   Runner // commands that only look
	Now   func() time.Time

	// Addrs is the addresses of the interfaces.
	Addrs []netip.Addr
	// Route is the address from which packets to another address would leave.
	Route func(to netip.Addr) (netip.Addr, error)
	// Room is the space on the file system that holds path; its Path need not be set.
	Room func(path string) (Disk, error)
}

// A Runner runs a command, given by its bare name, and returns what it prints.
// fs.ErrNotExist means that there is no such command. It ends with ctx.
type Runner interface {
	Run(ctx context.Context, name string, args ...string) ([]byte, error)
}

// This is the machine on which the program runs.
func This() System {
	return System{Files: os.DirFS("/"), Run: programs{}, Now: time.Now, Addrs: interfaces(), Route: route, Room: room}
}

func interfaces() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var addrs []netip.Addr
	for _, a := range list {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, prefix.Addr().Unmap())
		}
	}
	return addrs
}

// route asks the system: to connect a UDP socket chooses an address and sends
// nothing.
func route(to netip.Addr) (netip.Addr, error) {
	const discard = 9
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, discard)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	from := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	return from.Unmap().WithZone(""), nil
}
