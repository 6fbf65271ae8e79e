package ddns

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

// refuse is what the program refuses, in short.
func refuse(addr netip.Addr) string {
	switch {
	case addr.IsPrivate():
		return "private (RFC 1918)"
	case carrier.Contains(addr):
		return "shared by a carrier's customers (RFC 6598)"
	}
	return ""
}

func source(t *testing.T, text string) Source {
	t.Helper()
	s, err := ParseSource(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

const ifInet6 = `00000000000000000000000000000001 01 80 10 80       lo
20010db8000100020000000000000025 02 40 00 80     eth0
20010db8000100021111222233334444 02 40 00 01     eth0
20010db800010002aaaabbbbccccdddd 02 40 00 20     eth0
20010db800010002aaaabbbbccccdd 02 40 00 20     eth0
nonsense
fe80000000000000021122fffe334455 02 40 20 80     eth0
`

func TestInterface(t *testing.T) {
	flags := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(ifInet6)), nil }
	noFlags := func() (io.ReadCloser, error) { return nil, os.ErrNotExist }
	for name, test := range map[string]struct {
		addrs string
		f     Family
		owned string
		blind bool // the system tells no flags
		want  string
	}{
		"IPv4":                  {"192.0.2.25/24 fe80::1/64", IPv4, "", false, "192.0.2.25"},
		"behind NAT":            {"192.168.1.5/24", IPv4, "", false, "error: behind NAT"},
		"private beside":        {"192.168.1.5/24 192.0.2.25/24", IPv4, "", false, "192.0.2.25"},
		"carrier":               {"100.64.3.4/10", IPv4, "", false, "error: no mail from outside reaches"},
		"none":                  {"fe80::1/64", IPv4, "", false, "none: eth0 has no IPv4 address"},
		"link-local only":       {"192.0.2.25/24 fe80::1/64", IPv6, "", false, "none: eth0 has no IPv6 address"},
		"link-local IPv4":       {"169.254.3.4/16", IPv4, "", false, "error: not a public address"},
		"lasting":               {"2001:db8:1:2:1111:2222:3333:4444/64 2001:db8:1:2::25/64 2001:db8:1:2:aaaa:bbbb:cccc:dddd/64 fe80::1/64", IPv6, "", false, "2001:db8:1:2::25"},
		"temporary":             {"2001:db8:1:2:1111:2222:3333:4444/64", IPv6, "", false, "error: does not last"},
		"ULA":                   {"fd00::25/64", IPv6, "", false, "error: private"},
		"ULA beside":            {"fd00::25/64 2001:db8:1:2::25/64", IPv6, "", false, "2001:db8:1:2::25"},
		"several":               {"192.0.2.25/24 192.0.2.26/24", IPv4, "", false, "error: several public IPv4 addresses, 192.0.2.25, 192.0.2.26"},
		"several, one known":    {"192.0.2.25/24 192.0.2.26/24", IPv4, "192.0.2.26", false, "192.0.2.26"},
		"several, blind":        {"2001:db8:1:2::25/64 2001:db8:1:2::26/64", IPv6, "", true, "error: several"},
		"another prefix":        {"2001:db8:9:9::25/64 2001:db8:9:9::26/64", IPv6, "2001:db8:1:2::26", true, "2001:db8:9:9::26"},
		"two prefixes, one end": {"2001:db8:9:9::25/64 2001:db8:8:8::25/64", IPv6, "2001:db8:1:2::25", true, "error: several"},
		"6to4":                  {"2002:c000:219::1/64", IPv6, "", false, "error: tunnel over IPv4"},
		"not global":            {"64:ff9b::1/64", IPv6, "", false, "error: not a global unicast"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Detector{
				Sources: []Source{source(t, "interface:eth0")}, Refuse: refuse, IfInet6: flags,
				Interfaces: func(name string) ([]netip.Prefix, error) {
					var list []netip.Prefix
					for text := range strings.FieldsSeq(test.addrs) {
						list = append(list, netip.MustParsePrefix(text))
					}
					return list, nil
				},
			}
			if test.blind {
				d.IfInet6 = noFlags
			}
			if test.owned != "" {
				d.Owned = []netip.Addr{netip.MustParseAddr(test.owned)}
			}
			checkReading(t, d.Detect(t.Context(), test.f), test.want)
		})
	}
}

// checkReading compares a reading with "ADDRESS", "none: WHY", "error: PART" or "not asked".
func checkReading(t *testing.T, r Reading, want string) {
	t.Helper()
	kind, part, _ := strings.Cut(want, ": ")
	ok := false
	switch kind {
	case "error":
		ok = r.Err != nil && !r.Addr.IsValid() && r.None == "" && strings.Contains(r.Err.Error(), part)
	case "none":
		ok = r.Err == nil && !r.Addr.IsValid() && r.None == part
	case "not asked":
		ok = !r.Told() && r.Err == nil
	default:
		ok = r.Err == nil && r.None == "" && r.Addr.IsValid() && r.Addr.String() == want
	}
	if !ok {
		t.Errorf("%+v, want %s", r, want)
	}
	if r.Err != nil && strings.ContainsFunc(r.Err.Error(), func(c rune) bool { return c < ' ' && c != '\n' }) {
		t.Errorf("control octets in %q", r.Err)
	}
}

// TestOrder: the first source that knows counts, and that there is none only if all say so.
func TestOrder(t *testing.T) {
	noRoute := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
	}
	for name, test := range map[string]struct {
		sources string
		f       Family
		want    string
	}{
		"said":                      {"address:192.0.2.25", IPv4, "192.0.2.25"},
		"the other family was said": {"address:192.0.2.25", IPv6, "not asked"},
		"private, said":             {"address:10.0.0.1", IPv4, "error: not a public address: private"},
		"carrier, said":             {"address:100.64.0.1", IPv4, "error: ask the provider for a public address"},
		"multicast":                 {"address:ff02::1", IPv6, "error: not a public address"},
		"mapped":                    {"address:::ffff:192.0.2.25", IPv4, "192.0.2.25"},
		"the second knows":          {"interface:eth0 address:192.0.2.25", IPv4, "192.0.2.25"},
		"the first counts":          {"address:192.0.2.25 address:192.0.2.26", IPv4, "192.0.2.25"},
		"no route":                  {"stun:192.0.2.1 interface:none", IPv4, "none: none has no IPv4 address"},
		"no route, and a fault":     {"stun:192.0.2.1 interface:eth0", IPv4, "error: interface:eth0: it is broken"},
		"no source of this family":  {"stun:192.0.2.1", IPv6, "error: an IPv4 address cannot tell the IPv6 address"},
		"no route by https":         {"https://192.0.2.1/", IPv4, "none: this machine has no route to the internet by IPv4"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Detector{Refuse: refuse, Dial: noRoute, Interfaces: func(name string) ([]netip.Prefix, error) {
				if name == "none" {
					return nil, nil
				}
				return nil, errors.New("it is broken")
			}}
			for text := range strings.FieldsSeq(test.sources) {
				d.Sources = append(d.Sources, source(t, text))
			}
			checkReading(t, d.Detect(t.Context(), test.f), test.want)
		})
	}
}

// TestTemporary: what a server outside sees may be a privacy address, which is another tomorrow.
func TestTemporary(t *testing.T) {
	d := &Detector{IfInet6: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(ifInet6)), nil }}
	addr := netip.MustParseAddr("2001:db8:1:2:1111:2222:3333:4444")
	if why := d.unfit(addr, IPv6, STUN); !strings.Contains(why, "temporary address") {
		t.Errorf("a temporary address is fit: %q", why)
	}
	if why := d.unfit(addr, IPv6, Said); why != "" {
		t.Errorf("what the owner says is not: %s", why)
	}
}

func TestThisMachine(t *testing.T) {
	if _, err := systemInterface("no such interface"); err == nil || !strings.Contains(err.Error(), "this machine has") {
		t.Errorf("an interface that is not: %v", err)
	}
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		t.Skip("no interfaces")
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			if addrs, err := systemInterface(i.Name); err != nil || len(addrs) == 0 {
				t.Errorf("%s: %v %v", i.Name, addrs, err)
			}
		}
	}
}
