package desired

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/maildoctor/maildoctor/record"
)

// A Provider is who holds a zone, and where, as the file and --provider name it.
// It never holds a secret. The zero Provider was not said.
type Provider struct {
	Kind  string // one of ProviderKinds
	Where string // a path, HOST[:PORT] or a URL, as the kind wants it; empty for cloudflare
}

// The kinds of providers.
const (
	ByCloudflare = "cloudflare"
	ByZoneFile   = "zone"     // Where is the path of a zone file
	ByRFC2136    = "rfc2136"  // Where is HOST[:PORT] of a name server that takes dynamic updates
	ByPowerDNS   = "powerdns" // Where is the URL of the API
)

// ProviderKinds are the kinds that ParseProvider knows.
func ProviderKinds() []string { return []string{ByCloudflare, ByZoneFile, ByRFC2136, ByPowerDNS} }

// String is the provider as ParseProvider reads it.
func (p Provider) String() string {
	if p.Where == "" {
		return p.Kind
	}
	return p.Kind + ":" + p.Where
}

// ParseProvider reads "cloudflare", "zone:PATH", "rfc2136:HOST[:PORT]" or
// "powerdns:URL". What looks like a secret is refused, and no error quotes it.
func ParseProvider(text string) (Provider, error) {
	kind, where, given := strings.Cut(text, ":")
	p := Provider{kind, where}
	var err error
	switch {
	case !slices.Contains(ProviderKinds(), kind):
		return Provider{}, unknownProvider(kind)
	case kind == ByCloudflare && given:
		err = errors.New("cloudflare stands alone; the API token comes from CLOUDFLARE_API_TOKEN and never stands here")
	case kind == ByCloudflare:
	case strings.ContainsFunc(where, func(c rune) bool { return c < ' ' || c == 0x7f || c == 0xfffd }):
		err = fmt.Errorf("what follows %s: has control characters", kind)
	case kind == ByZoneFile:
		err = zonePath(where)
	case kind == ByRFC2136:
		err = hostPort(where)
	case kind == ByPowerDNS:
		err = apiURL(where)
	}
	if err != nil {
		return Provider{}, err
	}
	return p, nil
}

// unknownProvider quotes only what may be a mistyped kind: other words may be keys.
func unknownProvider(kind string) error {
	const longest = 16
	if !isWord(kind, "-_.") || len(kind) > longest {
		return errors.New("is no provider; write cloudflare, zone:PATH, rfc2136:HOST[:PORT] or powerdns:URL")
	}
	return fmt.Errorf("no provider %q%s", kind, meant(kind, ProviderKinds()))
}

func zonePath(path string) error {
	switch {
	case path == "":
		return errors.New("zone: wants the path of a zone file, as in zone:example.com.zone")
	case path == "-":
		return errors.New("zone: wants a file that can be written, not standard input")
	}
	return nil
}

// hostPort checks a host name or address, with or without a port; an IPv6
// address with a port stands in brackets.
func hostPort(text string) error {
	if strings.Contains(text, "@") {
		return errors.New("rfc2136: takes no user and no password; a TSIG key stands in the file that tsig-key names")
	}
	if at, err := netip.ParseAddrPort(text); err == nil && at.Port() != 0 {
		return nil
	}
	inner, _ := strings.CutPrefix(text, "[")
	if inner, bare := strings.CutSuffix(inner, "]"); bare == strings.HasPrefix(text, "[") {
		if _, err := netip.ParseAddr(inner); err == nil {
			return nil
		}
	}
	host, port, given := strings.Cut(text, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if !isHost(host) || given && (err != nil || n == 0) {
		return errors.New("rfc2136: wants a name server, as in rfc2136:ns1.example.net, rfc2136:192.0.2.53:5353 or rfc2136:[2001:db8::53]:53")
	}
	return nil
}

// isHost reports whether text is the name of a host, of one label too.
func isHost(text string) bool {
	name := strings.TrimSuffix(text, ".")
	_, err := record.ParseDomain(name + ".example") // a single label is a name here
	return name != "" && err == nil && isWord(name, "-._")
}

// apiURL checks the address of a PowerDNS server's API.
func apiURL(text string) error {
	const form = "powerdns: wants the URL of the API, as in powerdns:http://127.0.0.1:8081"
	u, err := url.Parse(text) // its error would quote all of it
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return errors.New(form)
	}
	switch {
	case u.User != nil || strings.Contains(u.Host, "@"):
		return errors.New("powerdns: has a user or a password in the URL; the API key comes from POWERDNS_API_KEY and never stands here")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return errors.New("powerdns: has a query or a fragment in the URL; the API key comes from POWERDNS_API_KEY and never stands here")
	}
	return nil
}

// provider reads who holds the zone.
func (r *reader) provider(n *yaml.Node, path string) Provider {
	text, ok := r.text(n, path)
	if !ok {
		return Provider{}
	}
	p, err := ParseProvider(text)
	if err != nil {
		r.wrong(n, path, "%v", err)
	}
	return p
}

// tsigKey reads the path of a key file. A key in its place is refused, and not
// quoted.
func (r *reader) tsigKey(n *yaml.Node, path string) string {
	text, ok := r.text(n, path)
	if !ok {
		return ""
	}
	switch folded := strings.ToLower(text); {
	case strings.HasPrefix(folded, "hmac-") && strings.Contains(text, ":"), strings.Contains(folded, "secret "), strings.HasSuffix(text, "="), strings.ContainsAny(text, "{}\"\n"):
		r.wrong(n, path, "is a key and not the path of one; secrets never stand in this file: write the key into a file of its own that only you can read, or give it in MAILDOCTOR_TSIG_KEY")
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f || c == 0xfffd }):
		r.wrong(n, path, "has control characters")
	default:
		return text
	}
	return ""
}

// providers is the form of provider. The patterns refuse what ParseProvider does,
// as far as that is to be seen at a glance.
const providers = `^(cloudflare|zone:.+|rfc2136:[^@/\s]+|powerdns:https?://[^@?#\s]+)$`
