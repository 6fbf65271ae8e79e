package ddns

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Family is IPv4 or IPv6.
type Family int

const (
	IPv4 Family = iota
	IPv6
)

// String is "IPv4" or "IPv6".
func (f Family) String() string {
	if f == IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// Type is the type of the address records: A or AAAA.
func (f Family) Type() string {
	if f == IPv6 {
		return "AAAA"
	}
	return "A"
}

// of reports whether an address is of the family.
func (f Family) of(addr netip.Addr) bool { return addr.IsValid() && addr.Is4() == (f == IPv4) }

// network is that of package net: "udp6".
func (f Family) network(transport string) string {
	if f == IPv6 {
		return transport + "6"
	}
	return transport + "4"
}

// A Reading is what is known of the address of one family. One that says nothing
// at all was not asked for.
type Reading struct {
	Addr netip.Addr // the public address; not valid where there is none, or none is known
	None string     // why there certainly is none: "eth0 has no IPv6 address"
	Err  error      // why it could not be told; never the same as that there is none
	From string     // the source
}

// Told reports whether the reading is conclusive.
func (r Reading) Told() bool { return r.Addr.IsValid() || r.None != "" }

// same reports whether two readings say the same.
func (r Reading) same(o Reading) bool {
	return r.Addr == o.Addr && (r.None != "") == (o.None != "") && (r.Err != nil) == (o.Err != nil)
}

// A Found is a reading of each family.
type Found [2]Reading

// Told reports whether the reading of any family is conclusive.
func (f Found) Told() bool { return f[IPv4].Told() || f[IPv6].Told() }

// Err joins what could not be told; nil if there is nothing of that.
func (f Found) Err() error { return errors.Join(f[IPv4].Err, f[IPv6].Err) }

// A Detector finds out public addresses.
type Detector struct {
	// Sources are asked in their order, until one knows.
	Sources []Source
	// Refuse says why an address must not be published, as "private (RFC 1918)";
	// nothing of one that may be.
	Refuse func(netip.Addr) string
	// Owned are addresses that were published before: of several on an interface
	// the one that is known, or that ends as a known one, is meant.
	Owned []netip.Addr

	// What follows is for tests; the zero values are the system's.
	Lookup     func(ctx context.Context, network, host string) ([]netip.Addr, error)
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	Interfaces func(name string) ([]netip.Prefix, error)
	IfInet6    func() (io.ReadCloser, error) // Linux' /proc/net/if_inet6
	RootCAs    *x509.CertPool
	Random     io.Reader
}

// Detect asks for the public address of the family. The first source that knows
// one counts. Where none does, there is none only if all that were asked say so.
func (d *Detector) Detect(ctx context.Context, f Family) Reading {
	var errs []error
	none := Reading{}
	for i, s := range d.Sources {
		part, cancel := share(ctx, len(d.Sources)-i)
		r, asked := d.ask(part, s, f)
		cancel()
		switch {
		case !asked:
		case r.Addr.IsValid():
			return r
		case r.Err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", s, r.Err))
		default:
			none = r
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) > 0 {
		return Reading{Err: errors.Join(errs...)}
	}
	return none
}

// share is ctx for the first of n that are asked one after the other: the time that
// is left is for all of them.
func share(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || n < 2 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(n))
}

// ask asks one source; asked is false of an address of the other family that was said.
func (d *Detector) ask(ctx context.Context, s Source, f Family) (r Reading, asked bool) {
	var addr netip.Addr
	var err error
	switch s.kind {
	case Said:
		if !f.of(s.addr) {
			return r, false
		}
		addr = s.addr
	case Interface:
		addr, err = d.onInterface(s.name, f)
	case STUN:
		addr, err = d.bySTUN(ctx, s, f)
	case Web:
		addr, err = d.byWeb(ctx, s, f)
	}
	r.From = s.String()
	var none *noneError
	switch {
	case errors.As(err, &none):
		r.None = none.why
	case err != nil:
		r.Err = err
	default:
		if why := d.unfit(addr, f, s.kind); why != "" {
			r.Err = errors.New(why)
			break
		}
		r.Addr = addr
	}
	return r, true
}

// A noneError is the fact that there is no address.
type noneError struct{ why string }

func (e *noneError) Error() string { return e.why }

var (
	carrier   = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	global    = netip.MustParsePrefix("2000::/3")      // RFC 4291, 2.4 and IANA: all that is global unicast
	teredo    = netip.MustParsePrefix("2001::/32")     // RFC 4380
	sixToFour = netip.MustParsePrefix("2002::/16")     // RFC 3056
)

// unfit is why an address that was told is not published.
func (d *Detector) unfit(addr netip.Addr, f Family, kind Kind) string {
	if !f.of(addr) || addr.Zone() != "" {
		return fmt.Sprintf("%s is not a public %s address", addr, f)
	}
	why := ""
	if d.Refuse != nil {
		why = d.Refuse(addr)
	}
	switch {
	case why != "" && carrier.Contains(addr):
		return fmt.Sprintf("%s is %s: no mail from outside reaches a host behind such a NAT; ask the provider for a public address", addr, why)
	case why != "" && addr.Is4() && addr.IsPrivate() && kind == Interface:
		return fmt.Sprintf("%s is %s, so this machine is behind NAT; a source outside sees the public address, as in stun:stun.example.net", addr, why)
	case why != "":
		return fmt.Sprintf("%s is not a public address: %s", addr, why)
	case addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() || addr.IsLinkLocalUnicast():
		return fmt.Sprintf("%s is not a public address", addr)
	case addr.Is4():
		return ""
	case teredo.Contains(addr), sixToFour.Contains(addr):
		return fmt.Sprintf("%s is that of a tunnel over IPv4 (Teredo or 6to4), which mail servers elsewhere do not reach reliably", addr)
	case !global.Contains(addr) && !addr.IsPrivate(): // what is private was let pass by Refuse
		return fmt.Sprintf("%s is not a global unicast address (RFC 4291, 2.4)", addr)
	case (kind == STUN || kind == Web) && d.flags()[addr]&fleeting != 0:
		return fmt.Sprintf("%s is a temporary address of this machine (RFC 8981), soon another; name the interface in place, as in interface:eth0, or switch temporary addresses off", addr)
	}
	return ""
}

// lookup is the addresses of a host of one family, at most a few.
func (d *Detector) lookup(ctx context.Context, host string, f Family) ([]netip.Addr, error) {
	const most = 3
	if addr, err := netip.ParseAddr(host); err == nil {
		if !f.of(addr) {
			return nil, fmt.Errorf("an %s address cannot tell the %s address of a host", otherFamily(f), f)
		}
		return []netip.Addr{addr}, nil
	}
	look := d.Lookup
	if look == nil {
		look = net.DefaultResolver.LookupNetIP
	}
	found, err := look(ctx, f.network("ip"), host)
	var gone *net.DNSError
	if err != nil && !(errors.As(err, &gone) && gone.IsNotFound) {
		return nil, fmt.Errorf("its addresses could not be looked up: %w", err)
	}
	var addrs []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); f.of(a) && len(addrs) < most {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("it has no %s address, so that it cannot tell ours", f)
	}
	return addrs, nil
}

func otherFamily(f Family) Family { return IPv6 - f }

func (d *Detector) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.Dial != nil {
		return d.Dial(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// shared is the address of this machine's end of a connection, if it is one that a
// carrier's customers share: then what a server sees is the carrier's.
func shared(conn net.Conn) error {
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil || !carrier.Contains(local.Addr().Unmap()) {
		return nil
	}
	return fmt.Errorf("this machine has %s, which is shared by a carrier's customers (RFC 6598): no mail from outside reaches a host behind such a NAT; ask the provider for a public address", local.Addr().Unmap())
}

// noRoute reports whether an error of connecting tells that this machine has no
// way to the family: neither an address nor a route.
func noRoute(err error) bool {
	for _, no := range []error{syscall.ENETUNREACH, syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// only is the addresses of one family, sorted, each once.
func (f Family) only(addrs []netip.Addr) []netip.Addr {
	var list []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); f.of(a) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

// joined is addresses for a reader.
func joined(addrs []netip.Addr) string {
	names := make([]string, len(addrs))
	for i, a := range addrs {
		names[i] = a.String()
	}
	return strings.Join(names, ", ")
}
