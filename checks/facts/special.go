package facts

import (
	"net/netip"

	"github.com/maildoctor/maildoctor/checks"
)

// A block is an address block that does not lead across the internet.
type block struct {
	prefix        netip.Prefix
	what          string
	documentation bool
}

// blocks is the special-purpose address registries (RFC 6890), as far as a mail
// host cannot stand there.
var blocks = []block{
	{netip.MustParsePrefix("0.0.0.0/8"), "\"this network\" (RFC 1122)", false},
	{netip.MustParsePrefix("10.0.0.0/8"), "private (RFC 1918)", false},
	{netip.MustParsePrefix("172.16.0.0/12"), "private (RFC 1918)", false},
	{netip.MustParsePrefix("192.168.0.0/16"), "private (RFC 1918)", false},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a carrier's customers (RFC 6598)", false},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback", false},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local", false},
	{netip.MustParsePrefix("192.0.2.0/24"), "reserved for documentation (RFC 5737)", true},
	{netip.MustParsePrefix("198.51.100.0/24"), "reserved for documentation (RFC 5737)", true},
	{netip.MustParsePrefix("203.0.113.0/24"), "reserved for documentation (RFC 5737)", true},
	{netip.MustParsePrefix("198.18.0.0/15"), "reserved for benchmarks (RFC 2544)", false},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast", false},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved (RFC 1112)", false},
	{netip.MustParsePrefix("::/128"), "the unspecified address", false},
	{netip.MustParsePrefix("::1/128"), "loopback", false},
	{netip.MustParsePrefix("::ffff:0:0/96"), "an IPv4 address in IPv6 form", false},
	{netip.MustParsePrefix("100::/64"), "discarded on purpose (RFC 6666)", false},
	{netip.MustParsePrefix("2001:db8::/32"), "reserved for documentation (RFC 3849)", true},
	{netip.MustParsePrefix("3fff::/20"), "reserved for documentation (RFC 9637)", true},
	{netip.MustParsePrefix("fc00::/7"), "private (RFC 4193)", false},
	{netip.MustParsePrefix("fe80::/10"), "link-local", false},
	{netip.MustParsePrefix("ff00::/8"), "multicast", false},
}

// SpecialUse says why addr cannot be reached across the internet: "private
// (RFC 1918)"; empty for a public address. In a lab, documentation space is public.
func SpecialUse(addr netip.Addr, lab bool) string {
	for _, b := range blocks {
		if b.prefix.Contains(addr) && !(lab && b.documentation) {
			return b.what
		}
	}
	return ""
}

// own is the blocks that a network of one's own may use, in a lab: what is
// private, shared behind a carrier, or on this machine. Link-local addresses are
// none of them: clouds keep their secrets there.
var own = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7"),
}

// OffLimits says why nobody is to be sent to addr, as SpecialUse does; it lets
// the owner's own network pass where the owner wants it so.
func OffLimits(env *checks.Env, addr netip.Addr) string {
	if env.Want.Private {
		for _, prefix := range own {
			if prefix.Contains(addr) {
				return ""
			}
		}
	}
	return SpecialUse(addr, env.Lab)
}
