package rdap

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// BootstrapURL is where IANA publishes which registry speaks RDAP for which
// domains (RFC 9224, 4).
const BootstrapURL = "https://data.iana.org/rdap/dns.json"

// MaxBootstrap is how many octets of it are read. It has about 100,000.
const MaxBootstrap = 1 << 20

// Bounds of a bootstrap file. The root zone has about 1,500 top-level domains.
const (
	maxEntries = 20_000
	maxURL     = 512
)

// A Bootstrap tells the RDAP service of a domain's registry.
type Bootstrap struct {
	bases map[string]string // by canonical name of the zone
}

// ParseBootstrap reads a bootstrap service registry of domains (RFC 9224, 3 and
// 4). Services that have no https URL are left out: what comes over http proves
// nothing. The error says why data is no such registry.
func ParseBootstrap(data []byte) (Bootstrap, error) {
	var file struct {
		Services []json.RawMessage `json:"services"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return Bootstrap{}, fmt.Errorf("no RDAP bootstrap registry: %w", fault(err))
	}
	b := Bootstrap{bases: make(map[string]string)}
	for _, raw := range file.Services {
		var service [][]string
		if json.Unmarshal(raw, &service) != nil || len(service) < 2 {
			continue // one entry that is wrong spoils no other
		}
		base := firstBase(service[1])
		for _, zone := range service[0] {
			if base == "" || len(b.bases) >= maxEntries {
				break
			}
			if zone = record.Canonical(zone); b.bases[zone] == "" {
				b.bases[zone] = base
			}
		}
	}
	if len(b.bases) == 0 {
		return Bootstrap{}, errors.New("no RDAP bootstrap registry: it names no service")
	}
	return b, nil
}

// firstBase is the first of the URLs that is a base to put a path behind.
func firstBase(urls []string) string {
	for _, s := range urls {
		u, err := url.Parse(s)
		if err != nil || len(s) > maxURL || u.Scheme != "https" || u.Host == "" || strings.ContainsAny(s, "?#@") {
			continue
		}
		s = u.String()
		if !strings.HasSuffix(s, "/") { // RFC 9224, 3: it has one
			s += "/"
		}
		return s
	}
	return ""
}

// Base is the base URL of the RDAP service for domain, with a final slash: that
// of the entry that has most labels in common with it (RFC 9224, 4). ok is false
// where the registry of the domain has none, as that of many country codes.
func (b Bootstrap) Base(domain string) (base string, ok bool) {
	for name := record.Canonical(domain); ; name = record.Parent(name) {
		if base, ok = b.bases[name]; ok || name == "." {
			return base, ok
		}
	}
}

// URL is where a service answers about domain (RFC 9082, 3.1.3): its name in
// A-labels, without the final dot. Octets that no host name has are escaped.
func URL(base, domain string) string {
	return base + "domain/" + url.PathEscape(record.Display(record.Canonical(domain)))
}
