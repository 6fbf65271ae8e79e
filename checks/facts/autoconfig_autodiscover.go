package facts

import (
	"context"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
)

// An Autodiscovery is where Outlook finds a domain's mailboxes.
type Autodiscovery struct {
	Host string // autodiscover.<domain>, canonical
	HostAddrs
	ByWildcard bool      // the host is there because every name is
	SRV        Announced // asked by Outlook where the host does not answer

	Asked string // the host that was asked, canonical; empty if none was
	Off   string // why none was
	Lookup
}

// There reports whether the domain has a host for Autodiscover of its own, or an
// alias for one.
func (a Autodiscovery) There() bool {
	return !a.ByWildcard && (len(a.Addrs) > 0 || len(a.Chain) > 0)
}

// Published reports whether anything leads Outlook anywhere.
func (a Autodiscovery) Published() bool { return a.There() || a.SRV.Offered() }

// autodiscoverPath is the path at which Autodiscover answers.
const autodiscoverPath = "/autodiscover/autodiscover.xml"

// Autodiscovered is the fact of where Outlook is led. It has no error; what came
// of the fetch is in Fetches. Microsoft's own hosts are not asked: they answer
// everybody alike.
var Autodiscovered = checks.NewFact("Autodiscover", func(ctx context.Context, env *checks.Env) (Autodiscovery, error) {
	var a Autodiscovery
	host, ok := record.Below("autodiscover", env.Domain)
	if !ok {
		a.Off = "the name of the domain is too long for a host of Autodiscover"
		return a, nil
	}
	a.Host = host
	var wg sync.WaitGroup
	wg.Go(func() { a.HostAddrs = Addresses(ctx, env, host) })
	wg.Go(func() { a.ByWildcard = byWildcard(ctx, env, host) })
	services, err := SRVServices.Of(ctx, env)
	wg.Wait()
	a.SRV = services.Autodiscover
	if err != nil {
		return a, err
	}
	switch {
	case env.HTTP == nil:
		a.Off = "HTTPS fetches are turned off"
		return a, nil
	case !a.Published():
		a.Off = "no Autodiscover is published"
		return a, nil
	}
	a.Asked = a.ask()
	if p, ok := ServesClients(a.Target()); ok && p == Microsoft {
		a.Off, a.Asked = "Microsoft answers there under its own name, and leads Outlook on by HTTP", ""
	}
	if a.Asked == "" {
		return a, nil
	}
	a.Lookup = lookup(ctx, env, "https://"+record.Display(a.Asked)+autodiscoverPath, patient)
	return a, ctx.Err()
})

// ask is whom to ask: the host of the domain, or that of the SRV record.
func (a Autodiscovery) ask() string {
	if a.There() {
		return a.Host
	}
	for _, t := range a.SRV.Targets {
		if !t.Broken && !t.Absent() && t.Port == a.SRV.Service.Port && !t.IsLiteral() {
			return t.Target
		}
	}
	return ""
}

// Target is the name at the end of what leads Outlook.
func (a Autodiscovery) Target() string {
	if a.There() {
		if n := len(a.Chain); n > 0 {
			return a.Chain[n-1].Data
		}
		return a.Host
	}
	return a.ask()
}
