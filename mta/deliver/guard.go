package deliver

import "net/netip"

// special is the blocks beside those that netip knows in which no mail host of the
// internet stands (RFC 6890).
var special = map[netip.Prefix]string{
	netip.MustParsePrefix("0.0.0.0/8"):       `"this network" (RFC 1122)`,
	netip.MustParsePrefix("100.64.0.0/10"):   "shared by a carrier's customers (RFC 6598)",
	netip.MustParsePrefix("192.0.2.0/24"):    "reserved for documentation (RFC 5737)",
	netip.MustParsePrefix("198.51.100.0/24"): "reserved for documentation (RFC 5737)",
	netip.MustParsePrefix("203.0.113.0/24"):  "reserved for documentation (RFC 5737)",
	netip.MustParsePrefix("198.18.0.0/15"):   "reserved for benchmarks (RFC 2544)",
	netip.MustParsePrefix("240.0.0.0/4"):     "reserved (RFC 1112)",
	netip.MustParsePrefix("100::/64"):        "discarded on purpose (RFC 6666)",
	netip.MustParsePrefix("2001:db8::/32"):   "reserved for documentation (RFC 3849)",
	netip.MustParsePrefix("3fff::/20"):       "reserved for documentation (RFC 9637)",
}

// Special says why no domain can have its mail sent to an address: that of a
// private network, of this machine, and so on. Without it, whoever publishes an MX
// record, and has mail bounced to its domain, talks to hosts behind our firewall.
func Special(addr netip.Addr) string {
	addr = addr.Unmap()
	switch {
	case addr.IsLoopback():
		return "loopback"
	case addr.IsPrivate():
		return "private (RFC 1918, RFC 4193)"
	case addr.IsUnspecified():
		return "the unspecified address"
	case addr.IsMulticast():
		return "multicast"
	case addr.IsLinkLocalUnicast():
		return "link-local"
	}
	for prefix, what := range special {
		if prefix.Contains(addr) {
			return what
		}
	}
	return ""
}
