package facts

import (
	"context"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// An Alias is whether a name on which the domain's mail depends is an alias, and
// what stands beside the CNAME record.
type Alias struct {
	Name  string         // canonical
	CNAME resolve.Answer // of the resolver
	Err   error          // why it is not known

	// The rest is empty where the name is no alias.

	// Beside is answers with records of the name itself, from the resolver or from
	// a server of the zone: each type once.
	Beside []resolve.Answer
	// Apex is whether a zone begins at the name, so that SOA and NS records stand
	// beside the CNAME whoever shows them.
	Apex bool
	Led  HostAddrs // the addresses to which the alias leads
}

// Target is where the alias leads; empty where there is none.
func (a Alias) Target() string {
	for _, r := range a.CNAME.Records {
		if r.Name == a.Name {
			return r.Data
		}
	}
	return ""
}

// Aliases is the fact of the names on which the domain's mail depends and that
// may be aliases: the domain first, its _dmarc name, then the MX hosts in its
// zone and the DKIM selectors that were found. It has no error but that of the run.
var Aliases = checks.NewFact("aliases beside other records", func(ctx context.Context, env *checks.Env) ([]Alias, error) {
	list := []Alias{{Name: env.Domain}}
	types := [][]string{{"MX", "TXT", "A", "AAAA", "NS", "SOA"}}
	if name, ok := record.Below("_dmarc", env.Domain); ok {
		list, types = append(list, Alias{Name: name}), append(types, []string{"TXT"})
	}
	first := len(list)
	var hosts []string
	var keys DKIMKeys
	var wg sync.WaitGroup
	wg.Go(func() {
		mx, _ := MX.Of(ctx, env)
		hosts = hostNames(mx)
	})
	wg.Go(func() { keys, _ = DKIM.Of(ctx, env) })
	for i := range list {
		wg.Go(func() { list[i].gather(ctx, env, types[i]) })
	}
	wg.Wait()
	org := dmarc.ListedOrganizational(env.Domain)
	for _, host := range hosts {
		if record.Within(host, org) && host != env.Domain {
			list, types = append(list, Alias{Name: host}), append(types, []string{"A", "AAAA"})
		}
	}
	for _, s := range keys.Present() {
		list, types = append(list, Alias{Name: s.Domain}), append(types, []string{"TXT"})
	}
	for i := first; i < len(list); i++ {
		wg.Go(func() { list[i].gather(ctx, env, types[i]) })
	}
	wg.Wait()
	return list, ctx.Err()
})

// gather asks whether the name is an alias and, where it is, what stands beside
// it: the resolver, which may give what it asked for first, and a server of the
// zone, which has both.
func (a *Alias) gather(ctx context.Context, env *checks.Env, types []string) {
	a.CNAME, a.Err = env.DNS.Resolve(ctx, resolve.Ask(a.Name, "CNAME"))
	if a.Err != nil || a.Target() == "" {
		return
	}
	a.Apex = registered(a.Name)
	found := make([][]resolve.Answer, len(types))
	var wg sync.WaitGroup
	for i, typ := range types {
		wg.Go(func() {
			own, err := env.DNS.Resolve(ctx, resolve.Ask(a.Name, typ))
			if err == nil && beside(own) {
				found[i] = []resolve.Answer{own}
				return
			}
			if own, err = Authoritative(ctx, env, a.Name, typ); err == nil && beside(own) {
				found[i] = []resolve.Answer{own}
			}
		})
	}
	wg.Go(func() { a.Led = Addresses(ctx, env, a.Name) })
	wg.Wait()
	for _, answers := range found {
		a.Beside = append(a.Beside, answers...)
	}
}

// registered reports whether a name is one that a registry delegates, so that a
// zone begins there. Private suffixes hand out names in zones of their own too.
func registered(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(record.Display(name))
	return record.Parent(name) == record.Canonical(suffix) && (icann || !strings.Contains(suffix, "."))
}

// beside reports whether an answer has records of the name asked itself.
func beside(answer resolve.Answer) bool { return len(answer.Chain) == 0 && len(answer.Records) > 0 }
