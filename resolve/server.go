package resolve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// A Server is a DNS server to ask. Servers are comparable.
type Server struct {
	Network string // "udp" (with TCP on truncation), "tcp", "tls" (RFC 7858) or "https" (RFC 8484)
	Host    string // an IP address; for tls and https also a host name
	Port    uint16
	Path    string // of an https server: "/dns-query"
}

// Standard ports by network.
var standardPorts = map[string]uint16{"udp": 53, "tcp": 53, "tls": 853, "https": 443}

// String is the server as ParseServer reads it, port included:
// "udp://192.0.2.53:53", "https://dns.example:443/dns-query".
func (s Server) String() string { return s.Network + "://" + s.address() + s.Path }

func (s Server) address() string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) }

// ParseServer reads a DNS server as people write one: an IP address with or
// without port ("1.1.1.1", "1.1.1.1:5353", "::1", "[::1]:5300"), or a URL with the
// scheme udp, tcp, tls or https ("tls://dns.example", "https://dns.example/dns-query").
// The error is for that person and names the next step.
func ParseServer(input string) (Server, error) {
	text := strings.TrimSpace(input)
	if text == "" {
		return Server{}, fmt.Errorf("an empty DNS server; give an address, as in 192.0.2.53 or tls://dns.example.com")
	}
	network, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		network, rest = "udp", text
	}
	network = strings.ToLower(network)
	port, known := standardPorts[network]
	if !known {
		return Server{}, fmt.Errorf("DNS server %q: unknown scheme %q; use udp://, tcp://, tls:// or https://", input, network)
	}
	s := Server{Network: network, Port: port}
	if network == "https" {
		var err error
		if rest, s.Path, err = splitPath(rest); err != nil {
			return Server{}, fmt.Errorf("DNS server %q: %w", input, err)
		}
	} else {
		rest = strings.TrimSuffix(rest, "/")
	}
	host, portText, err := splitPort(rest)
	if err != nil {
		return Server{}, fmt.Errorf("DNS server %q: %w", input, err)
	}
	if portText != "" {
		n, err := strconv.ParseUint(portText, 10, 16)
		if err != nil || n == 0 {
			return Server{}, fmt.Errorf("DNS server %q: %q is not a port; use 1 to 65535", input, portText)
		}
		s.Port = uint16(n)
	}
	if s.Host, err = serverHost(host, network); err != nil {
		return Server{}, fmt.Errorf("DNS server %q: %w", input, err)
	}
	return s, nil
}

// splitPath takes the path off an https URL; RFC 8484, 4.1.1 makes it part of the template.
func splitPath(rest string) (authority, path string, err error) {
	authority, path, _ = strings.Cut(rest, "/")
	path = "/" + strings.TrimSuffix(path, "{?dns}")
	if path == "/" {
		path = "/dns-query"
	}
	u, err := url.Parse("https://h" + path)
	if err != nil || u.Host != "h" || u.Fragment != "" {
		return "", "", fmt.Errorf("the path %q is not one of a URL; use https://HOST/dns-query", path)
	}
	return authority, u.RequestURI(), nil
}

// splitPort splits an authority in host and port; an IPv6 address may stand
// without brackets if no port follows.
func splitPort(s string) (host, port string, err error) {
	if strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "[") {
		return s, "", nil
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, rest, closed := strings.Cut(inner, "]")
		if !closed || rest != "" && !strings.HasPrefix(rest, ":") {
			return "", "", fmt.Errorf("brackets do not match; write [2001:db8::53]:53")
		}
		if !strings.Contains(host, ":") {
			return "", "", fmt.Errorf("brackets are for IPv6 addresses; write [2001:db8::53]:53")
		}
		if rest == ":" {
			return "", "", fmt.Errorf("the port after the colon is missing")
		}
		return host, strings.TrimPrefix(rest, ":"), nil
	}
	host, port, found := strings.Cut(s, ":")
	if found && port == "" {
		return "", "", fmt.Errorf("the port after the colon is missing")
	}
	return host, port, nil
}

// serverHost checks the host of a server.
func serverHost(host, network string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if strings.ContainsFunc(addr.Zone(), func(r rune) bool { return !isZoneRune(r) }) {
			return "", fmt.Errorf("%q is not the name of an interface; write fe80::53%%eth0", addr.Zone())
		}
		return addr.String(), nil
	}
	if host == "" {
		return "", fmt.Errorf("no host; give an address, as in 192.0.2.53")
	}
	if strings.Contains(host, ":") || network == "udp" || network == "tcp" {
		if name, err := hostName(host); err == nil && strings.ContainsAny(name, "abcdefghijklmnopqrstuvwxyz") {
			return "", fmt.Errorf("%s needs an IP address, since a name would itself need a resolver; give an address, or tls://%s or https://%s/dns-query", network, name, name)
		}
		return "", fmt.Errorf("%q is not an IP address; give one, as in 192.0.2.53 or 2001:db8::53", host)
	}
	name, err := hostName(host)
	if err != nil {
		return "", fmt.Errorf("%q is neither an IP address nor a host name; give one, as in tls://dns.example.com", host)
	}
	return name, nil
}

// isZoneRune reports whether r may stand in the zone of an IPv6 address, the
// name or number of an interface (RFC 4007, 11).
func isZoneRune(r rune) bool {
	return r == '-' || r == '.' || r == '_' || r == '~' ||
		'0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func hostName(host string) (string, error) {
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil {
		return "", err
	}
	// What IDNA makes of a name is a name that it leaves alone.
	if again, err := idna.Lookup.ToASCII(name); err != nil || again != name || name == "" || nameFault(name+".") != "" {
		return "", errors.New("not a host name")
	}
	return name, nil
}
