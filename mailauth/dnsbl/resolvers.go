package dnsbl

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// publicResolvers are the well-known addresses of public resolvers, which
// Spamhaus, URIBL and SURBL do not answer.
var publicResolvers = []struct {
	name     string
	prefixes []string
	hosts    []string // for DNS over TLS and HTTPS
}{
	{"Google Public DNS", []string{"8.8.8.8/32", "8.8.4.4/32", "2001:4860:4860::/48"}, []string{"dns.google", "dns.google.com", "8888.google"}},
	{"Cloudflare 1.1.1.1", []string{"1.1.1.0/24", "1.0.0.0/24", "2606:4700:4700::/48"}, []string{"cloudflare-dns.com", "one.one.one.one", "1dot1dot1dot1.cloudflare-dns.com", "mozilla.cloudflare-dns.com"}},
	{"Quad9", []string{"9.9.9.0/24", "149.112.112.0/24", "2620:fe::/48"}, []string{"dns.quad9.net", "dns9.quad9.net", "dns10.quad9.net", "dns11.quad9.net"}},
	{"OpenDNS", []string{"208.67.222.0/24", "208.67.220.0/24", "2620:119:35::/48", "2620:119:53::/48"}, []string{"dns.opendns.com", "doh.opendns.com", "dns.umbrella.com"}},
	{"AdGuard DNS", []string{"94.140.14.0/24", "94.140.15.0/24", "2a10:50c0::/32"}, []string{"dns.adguard-dns.com", "dns.adguard.com", "unfiltered.adguard-dns.com"}},
	{"DNS4EU", []string{"86.54.11.0/24", "2a13:1001::/32"}, []string{"unfiltered.joindns4.eu", "protective.joindns4.eu"}},
	{"DNS.SB", []string{"185.222.222.222/32", "45.11.45.11/32", "2a09::/48", "2a11::/48"}, []string{"dot.sb", "doh.dns.sb"}},
	{"Verisign Public DNS", []string{"64.6.64.6/32", "64.6.65.6/32", "2620:74:1b::/48", "2620:74:1c::/48"}, nil},
	{"CleanBrowsing", []string{"185.228.168.0/24", "185.228.169.0/24", "2a0d:2a00:1::/48", "2a0d:2a00:2::/48"}, []string{"doh.cleanbrowsing.org"}},
	{"Level 3", []string{"4.2.2.0/29", "209.244.0.3/32", "209.244.0.4/32"}, nil},
	{"AliDNS", []string{"223.5.5.5/32", "223.6.6.6/32", "2400:3200::/32"}, []string{"dns.alidns.com"}},
	{"Yandex DNS", []string{"77.88.8.0/24", "2a02:6b8::feed:0/112"}, []string{"common.dot.dns.yandex.net"}},
}

// PublicResolver names the public resolver behind server, which is in the form
// of resolve.Answer.Server ("udp://8.8.8.8:53") or a bare address. A resolver
// that only forwards to a public one is not recognized by its address; the
// lists' refusals tell.
func PublicResolver(server string) (name string, ok bool) {
	host := server
	if u, err := url.Parse(server); err == nil && u.Host != "" {
		host = u.Hostname()
	}
	addr, _ := netip.ParseAddr(host) // a host name is the zero Addr, which no prefix contains
	addr = addr.Unmap().WithZone("")
	for _, r := range publicResolvers {
		if slices.Contains(r.hosts, strings.ToLower(strings.TrimSuffix(host, "."))) {
			return r.name, true
		}
		for _, p := range r.prefixes {
			if netip.MustParsePrefix(p).Contains(addr) {
				return r.name, true
			}
		}
	}
	return "", false
}
