package facts

import (
	"context"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Lifetime is how long resolvers keep one set of records on which the domain's
// mail depends.
type Lifetime struct {
	What string // "the MX"
	Name string // canonical
	Type string

	TTL uint32 // in seconds: of the records or, at an alias, of the alias; 0 where none is given
	// Published is whether a server of the zone gave it. Elsewhere it is what a
	// resolver had left of it, so that more may be published, and not less.
	Published bool
	Answer    resolve.Answer
	Err       error // it is not known whether there is something
}

// Lifetimes is the fact of how long the records of the domain's mail are kept:
// MX, SPF, DMARC, the DKIM keys that were found, and the addresses of MX hosts in
// the domain's zone. What is not there is left out. It has no error but that of
// the run.
var Lifetimes = checks.NewFact("how long the records of mail are kept", func(ctx context.Context, env *checks.Env) ([]Lifetime, error) {
	list := []Lifetime{
		{What: "the MX", Name: env.Domain, Type: "MX"},
		{What: "the SPF record", Name: env.Domain, Type: "TXT"},
	}
	if name, ok := record.Below("_dmarc", env.Domain); ok {
		list = append(list, Lifetime{What: "the DMARC record", Name: name, Type: "TXT"})
	}
	var keys, hosts []Lifetime
	var wg sync.WaitGroup
	wg.Go(func() { askAll(ctx, env, list) })
	wg.Go(func() {
		keys = keyLifetimes(ctx, env)
		askAll(ctx, env, keys)
	})
	wg.Go(func() {
		hosts = hostLifetimes(ctx, env)
		askAll(ctx, env, hosts)
	})
	wg.Wait()
	list = slices.Concat(list, keys, hosts)
	var there []Lifetime
	for _, l := range list {
		if l.Err != nil || l.What != "" {
			there = append(there, l)
		}
	}
	return there, ctx.Err()
})

// keyLifetimes is the DKIM keys that were found, to be asked about.
func keyLifetimes(ctx context.Context, env *checks.Env) []Lifetime {
	keys, _ := DKIM.Of(ctx, env)
	var list []Lifetime
	for _, s := range keys.Present() {
		list = append(list, Lifetime{What: "the DKIM key " + s.Name, Name: s.Domain, Type: "TXT"})
	}
	return list
}

// hostLifetimes is the addresses of the MX hosts in the domain's zone; of others
// whoever runs them decides.
func hostLifetimes(ctx context.Context, env *checks.Env) []Lifetime {
	var soa SOA
	var wg sync.WaitGroup
	wg.Go(func() { soa, _ = ZoneSOA.Of(ctx, env) })
	mx, _ := MX.Of(ctx, env)
	wg.Wait()
	var list []Lifetime
	for _, host := range hostNames(mx) {
		if soa.Apex != "" && record.Within(host, soa.Apex) {
			list = append(list, Lifetime{What: "the A records", Name: host, Type: "A"}, Lifetime{What: "the AAAA records", Name: host, Type: "AAAA"})
		}
	}
	return list
}

func askAll(ctx context.Context, env *checks.Env, list []Lifetime) {
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() { list[i].ask(ctx, env) })
	}
	wg.Wait()
}

// ask fills l in from a server of the zone or, where none answers, from the
// resolver; it empties What where there is nothing.
func (l *Lifetime) ask(ctx context.Context, env *checks.Env) {
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(l.Name, l.Type))
	if err != nil {
		l.Err = err
		return
	}
	ttl, there := l.own(answer)
	if !there {
		l.What = ""
		return
	}
	l.TTL, l.Answer = ttl, answer
	published, err := Authoritative(ctx, env, l.Name, l.Type)
	if err != nil {
		return
	}
	if ttl, there := l.own(published); there {
		l.TTL, l.Answer, l.Published = ttl, published, true
	}
}

// own is the TTL of what stands at the name itself: of the alias if it is one,
// else of the records that are meant.
func (l *Lifetime) own(answer resolve.Answer) (ttl uint32, there bool) {
	if len(answer.Chain) > 0 {
		return answer.Chain[0].TTL, answer.Chain[0].Name == l.Name
	}
	for _, r := range answer.Records {
		if !l.means(r) {
			continue
		}
		if !there || r.TTL < ttl { // a set has one TTL, the least counts (RFC 2181, 5.2)
			ttl = r.TTL
		}
		there = true
	}
	return ttl, there
}

func (l *Lifetime) means(r record.Record) bool {
	switch l.What {
	case "the SPF record":
		return spf.IsSPF(r.Data)
	case "the DMARC record":
		return dmarc.IsRecord(r.Data)
	}
	return true
}
