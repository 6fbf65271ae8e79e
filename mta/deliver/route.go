package deliver

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/record"
)

// Routes say which way mail goes.
type Routes struct {
	Relays map[string]Relay // by their names
	Rules  []Rule           // the first that fits counts; none: direct, without a fallback
	// ToSelf lets mail go to a host that is this one, or calls itself so: for who tries
	// the server beside by hand. Else such mail runs in a circle, and fails.
	ToSelf bool
}

// A Relay takes mail for every domain from those who log in.
type Relay struct {
	Host        string
	Port        uint16 // 0 is 587, with ImplicitTLS 465 (RFC 6409, RFC 8314)
	ImplicitTLS bool
	// User and Password log in with PLAIN or LOGIN, over verified TLS only. Empty: the
	// relay knows us by our address.
	User, Password string
	// Clear lets mail go to a relay without a login over TLS that is not verified, or
	// without TLS: one on the same machine, or on a network of one's own.
	Clear bool
}

// A Rule is which way mail for some destinations goes.
type Rule struct {
	// Domain is the destination: "example.org", ".example.org" for what is below it,
	// empty for any. Provider, if it is not empty, is who receives: see ProviderOf.
	Domain, Provider string

	Relay string // its name; empty: direct

	// Fallback is the relay to which mail goes that cannot be delivered directly: where
	// After attempts failed for now (0: never for that), or, with OnBlock, where a host
	// says that we are blocked.
	Fallback string
	After    int
	OnBlock  bool
}

// fits reports whether a rule is about a domain, which is canonical.
func (r Rule) fits(domain string, provider func() string) bool {
	if r.Domain != "" {
		parent, below := strings.CutPrefix(r.Domain, ".")
		own := record.Canonical(parent)
		if below && (domain == own || !record.Within(domain, own)) || !below && domain != own {
			return false
		}
	}
	return r.Provider == "" || r.Provider == provider()
}

// A choice is the way that mail goes, and why.
type choice struct {
	rule  Rule
	relay string // empty: direct
	why   string
}

// choose finds the way for a destination after so many failures.
func (r Routes) choose(domain string, failures int, provider func() string) choice {
	i := slices.IndexFunc(r.Rules, func(rule Rule) bool { return rule.fits(domain, provider) })
	if i < 0 {
		return choice{why: "no rule says otherwise"}
	}
	rule := r.Rules[i]
	switch {
	case rule.Relay != "":
		return choice{rule, rule.Relay, fmt.Sprintf("rule %d", i+1)}
	case rule.Fallback != "" && rule.After > 0 && failures >= rule.After:
		return choice{rule, rule.Fallback, fmt.Sprintf("rule %d, after %d attempts that failed for now", i+1, failures)}
	}
	return choice{rule, "", fmt.Sprintf("rule %d", i+1)}
}

// providers is who runs hosts under a domain, where that is not to be seen from it.
var providers = []struct{ domain, name string }{
	{"google.com.", "google"}, {"googlemail.com.", "google"}, {"outlook.com.", "microsoft"}, {"mx.microsoft.", "microsoft"}, {"hotmail.com.", "microsoft"},
	{"yahoodns.net.", "yahoo"}, {"icloud.com.", "apple"}, {"gmx.net.", "gmx"}, {"web.de.", "gmx"}, {"kundenserver.de.", "ionos"}, {"t-online.de.", "t-online"},
	{"comcast.net.", "comcast"}, {"messagingengine.com.", "fastmail"}, {"protonmail.ch.", "proton"}, {"pphosted.com.", "proofpoint"}, {"mimecast.com.", "mimecast"},
	{"zoho.com.", "zoho"}, {"zoho.eu.", "zoho"}, {"yandex.net.", "yandex"}, {"yandex.ru.", "yandex"}, {"mail.ru.", "mail.ru"}, {"ovh.net.", "ovh"},
}

// Providers is the names of those whom ProviderOf knows.
func Providers() []string {
	var names []string
	for _, p := range providers {
		if !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// ProviderOf names who receives mail at a host: "google", "microsoft", and so on,
// else the organisational domain of the host. Reputation is with those.
func ProviderOf(host string) string {
	host = record.Canonical(host)
	for _, p := range providers {
		if record.Within(host, p.domain) {
			return p.name
		}
	}
	name := record.Display(host)
	if domain, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return domain
	}
	return name
}
