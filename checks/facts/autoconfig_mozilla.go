package facts

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// A Lookup is a document that mail programs look for, and what came of it.
type Lookup struct {
	URL     string
	Fetches []probe.Fetch // the first of URL, the others of where it redirected
}

// Last is the fetch that ended it.
func (l Lookup) Last() probe.Fetch {
	if len(l.Fetches) == 0 {
		return probe.Fetch{URL: l.URL}
	}
	return l.Fetches[len(l.Fetches)-1]
}

// Served reports whether a document came from where mail programs take one: of
// status 200, whole, and from hosts with valid certificates.
func (l Lookup) Served() bool {
	f := l.Last()
	return f.Err == nil && f.Status == http.StatusOK && !f.Truncated && !slices.ContainsFunc(l.Fetches, func(f probe.Fetch) bool { return !Vouched(f) })
}

// Vouched reports whether a fetch was from a host with a valid certificate.
func Vouched(f probe.Fetch) bool {
	return f.TLS != nil && f.TLS.Trusted() && f.TLS.NameFault == ""
}

const (
	settingsRedirects = 2 // redirects that are followed
	maxSettings       = 128 << 10
	maxServers        = 8 // of a document, that are looked for
)

// How long a lookup waits for each fetch: for a host that is there for it, and for
// one that may know nothing of it.
var (
	patient = probe.FetchTimeouts{Total: 15 * time.Second}
	hasty   = probe.FetchTimeouts{Connect: 5 * time.Second, Total: 10 * time.Second}
)

// lookup fetches a document and follows redirects to https, as mail programs do.
func lookup(ctx context.Context, env *checks.Env, at string, limits probe.FetchTimeouts) Lookup {
	l := Lookup{URL: at}
	for range settingsRedirects + 1 {
		f := Fetch(ctx, env, probe.Request{URL: at, MaxBody: maxSettings, Limits: limits})
		l.Fetches = append(l.Fetches, f)
		location, redirects := f.Redirect()
		if f.Err != nil || !redirects || !Vouched(f) {
			break
		}
		base, err := url.Parse(at)
		if err != nil {
			break
		}
		next, err := base.Parse(location)
		if err != nil || next.Scheme != "https" {
			break
		}
		if at = next.String(); slices.ContainsFunc(l.Fetches, func(f probe.Fetch) bool { return f.URL == at }) {
			break // a loop
		}
	}
	return l
}

// Settings is what a domain publishes for Thunderbird and those that do as it
// does.
type Settings struct {
	Off  string // why nothing was fetched; empty if something was
	Host string // autoconfig.<domain>, canonical
	HostAddrs
	// ByWildcard tells a host that is there because every name is.
	ByWildcard bool

	Tries []Lookup // in the order in which Thunderbird prefers them; the last decides
	Found bool     // the last served a document for mail programs

	// The rest is of that document.
	Config   autoconfig.Config
	Problems []autoconfig.Problem
	Servers  []ConfiguredServer
}

// A ConfiguredServer is a server that the document names, one of the first, for
// this domain.
type ConfiguredServer struct {
	autoconfig.Server
	Name string // canonical; empty where it is no host name
	HostAddrs
}

// SettingsURLs is where Thunderbird looks, as Thunderbird asks.
func SettingsURLs(domain string) (host, wellKnown string) {
	const query = "/mail/config-v1.1.xml?emailaddress="
	domain = record.Display(domain)
	address := url.QueryEscape("postmaster@" + domain) // which every domain has (RFC 5321, 4.5.1)
	return "https://autoconfig." + domain + query + address, "https://" + domain + "/.well-known/autoconfig" + query + address
}

// MozillaSettings is the fact of the settings that are published the way of
// Thunderbird. It has no error; what came of the fetches is in Tries.
var MozillaSettings = checks.NewFact("the settings for mail programs", func(ctx context.Context, env *checks.Env) (Settings, error) {
	var s Settings
	host, ok := record.Below("autoconfig", env.Domain)
	if !ok {
		s.Off = "the name of the domain is too long for a host of settings"
		return s, nil
	}
	s.Host = host
	var wg sync.WaitGroup
	wg.Go(func() { s.HostAddrs = Addresses(ctx, env, host) })
	wg.Go(func() { s.ByWildcard = byWildcard(ctx, env, host) })
	why := TakesNoMail(ctx, env)
	wg.Wait()
	switch {
	case env.HTTP == nil:
		s.Off = "HTTPS fetches are turned off"
		return s, nil
	case why != "":
		s.Off = why
		return s, nil
	}
	first, second := SettingsURLs(env.Domain)
	if !s.ByWildcard && (len(s.Addrs) > 0 || !s.Known()) {
		s.try(ctx, env, first, patient)
	}
	if !s.Found {
		s.try(ctx, env, second, hasty)
	}
	return s, ctx.Err()
})

// byWildcard reports whether a name exists only because every name does.
func byWildcard(ctx context.Context, env *checks.Env, name string) bool {
	w, err := ZoneWildcard.Of(ctx, env)
	return err == nil && slices.ContainsFunc(w.Clients, func(g WildcardGuest) bool { return g.Name == name })
}

func (s *Settings) try(ctx context.Context, env *checks.Env, at string, limits probe.FetchTimeouts) {
	l := lookup(ctx, env, at, limits)
	s.Tries = append(s.Tries, l)
	if !l.Served() || autoconfig.Root(string(l.Last().Body)) != "clientConfig" {
		return
	}
	s.Found = true
	s.Config, s.Problems = autoconfig.Parse(string(l.Last().Body))
	servers := s.Config.Servers[:min(len(s.Config.Servers), maxServers)]
	s.Servers = make([]ConfiguredServer, len(servers))
	var wg sync.WaitGroup
	for i, server := range servers {
		c := &s.Servers[i]
		c.Server = server
		name, fault := HostName(strings.ToLower(autoconfig.Expand(server.Host, "postmaster@"+record.Display(env.Domain))))
		if fault != "" {
			continue
		}
		c.Name = name
		wg.Go(func() { c.HostAddrs = Addresses(ctx, env, name) })
	}
	wg.Wait()
}

// hostOf is the host of a URL that was fetched.
func hostOf(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	return u.Hostname()
}
