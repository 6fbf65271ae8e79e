package ddns

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Flags of an IPv6 address, as Linux tells them (linux/if_addr.h).
const (
	flagTemporary  = 0x01
	flagDADFailed  = 0x08
	flagDeprecated = 0x20
	flagTentative  = 0x40

	// fleeting is the addresses that are not to be published: those that privacy
	// makes and forgets (RFC 8981), and those that are not to be used for anything
	// new, or not yet (RFC 4862, 2).
	fleeting = flagTemporary | flagDADFailed | flagDeprecated | flagTentative
)

// flags are those of the IPv6 addresses of this machine; empty where the system
// does not tell.
func (d *Detector) flags() map[netip.Addr]uint64 {
	open := d.IfInet6
	if open == nil {
		open = func() (io.ReadCloser, error) { return os.Open("/proc/net/if_inet6") }
	}
	f, err := open()
	if err != nil {
		return nil
	}
	defer f.Close()
	return parseIfInet6(io.LimitReader(f, 1<<20))
}

// parseIfInet6 reads lines of six fields: the address in 32 hexadecimal digits,
// the index, prefix length, scope and flags in hexadecimal, and the interface.
// An address on several interfaces has the flags of all.
func parseIfInet6(r io.Reader) map[netip.Addr]uint64 {
	flags := make(map[netip.Addr]uint64)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 6 || len(fields[0]) != 32 {
			continue
		}
		var octets [16]byte
		ok := true
		for i := range octets {
			n, err := strconv.ParseUint(fields[0][2*i:2*i+2], 16, 8)
			octets[i], ok = byte(n), ok && err == nil
		}
		n, err := strconv.ParseUint(fields[4], 16, 32)
		if ok && err == nil {
			flags[netip.AddrFrom16(octets)] |= n
		}
	}
	return flags
}

// systemInterface is the addresses of an interface of this machine.
func systemInterface(name string) ([]netip.Prefix, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("there is no interface of that name; this machine has %s", interfaceNames())
	}
	if i.Flags&net.FlagUp == 0 {
		return nil, fmt.Errorf("the interface is down")
	}
	addrs, err := i.Addrs()
	if err != nil {
		return nil, err
	}
	var list []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()))
		}
	}
	return list, nil
}

// interfaceNames is those of this machine, for a reader.
func interfaceNames() string {
	const most = 8
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		return "none that can be listed"
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	if len(names) > most {
		names = append(names[:most], "more")
	}
	return strings.Join(names, ", ")
}

// onInterface is the public address of an interface. Where it has several that
// last, it is one that is known, or that ends as a known one: a host keeps its
// interface identifier when the provider gives it another prefix.
func (d *Detector) onInterface(name string, f Family) (netip.Addr, error) {
	list := d.Interfaces
	if list == nil {
		list = systemInterface
	}
	prefixes, err := list(name)
	if err != nil {
		return netip.Addr{}, err
	}
	var all []netip.Addr
	for _, p := range prefixes {
		if a := p.Addr(); !a.IsLinkLocalUnicast() || a.Is4() { // every interface has one of IPv6
			all = append(all, a)
		}
	}
	all = f.only(all)
	if len(all) == 0 {
		return netip.Addr{}, &noneError{fmt.Sprintf("%s has no %s address", name, f)}
	}
	lasting, why := d.lasting(all, f)
	switch len(lasting) {
	case 0:
		return netip.Addr{}, why
	case 1:
		return lasting[0], nil
	}
	for _, fits := range []func(a, owned netip.Addr) bool{
		func(a, owned netip.Addr) bool { return a == owned },
		sameEnd,
	} {
		known := slices.DeleteFunc(slices.Clone(lasting), func(a netip.Addr) bool {
			return !slices.ContainsFunc(d.Owned, func(o netip.Addr) bool { return fits(a, o) })
		})
		if len(known) == 1 {
			return known[0], nil
		}
	}
	return netip.Addr{}, fmt.Errorf("it has several public %s addresses, %s; say which is meant, as in address:%s", f, joined(lasting), lasting[0])
}

// lasting is the addresses that can be published or, where there are none, why.
func (d *Detector) lasting(all []netip.Addr, f Family) (fit []netip.Addr, why error) {
	flags := d.flags()
	var first string
	for _, a := range all {
		reason := d.unfit(a, f, Interface)
		if bits := flags[a] & fleeting; reason == "" && bits != 0 {
			reason = fmt.Sprintf("%s does not last: it is temporary, deprecated or tentative (RFC 8981, RFC 4862)", a)
		}
		if reason == "" {
			fit = append(fit, a)
		} else if first == "" {
			first = reason
		}
	}
	return fit, fmt.Errorf("it has no %s address to publish: %s", f, first)
}

// sameEnd reports whether two IPv6 addresses have the same interface identifier.
func sameEnd(a, b netip.Addr) bool {
	if !a.Is6() || !b.Is6() {
		return false
	}
	x, y := a.As16(), b.As16()
	return [8]byte(x[8:]) == [8]byte(y[8:])
}
