package facts

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// DKIMKeys is where keys of a domain were looked for, and what is there. A
// selector can have any name, so that none was found proves nothing.
type DKIMKeys struct {
	Selectors []DKIMSelector // the named ones, then those of providers, then the common ones
	Providers []Provider     // told from SPF and MX

	// Random is the answer at a selector that nobody uses; records there mean
	// that a wildcard answers for every selector.
	Random    resolve.Answer
	RandomErr error

	Tree DomainKeyTree
}

// A DKIMSelector is one selector and what stands there.
type DKIMSelector struct {
	Name     string
	Named    bool   // the owner says that it is in use
	Provider string // whose selector it is; empty if common or named
	Domain   string // <selector>._domainkey.<domain>, canonical
	Answer   resolve.Answer
	Err      error
	Wildcard bool // the answer is the wildcard's, so it says nothing
	Keys     []DKIMKey
}

// A DKIMKey is one TXT record at a selector.
type DKIMKey struct {
	dkim.Key
	Text     string
	Problems []dkim.Problem
}

// Mine reports whether what stands at the selector is the owner's doing: a key,
// or an alias that shall lead to one. Of a named selector every record of its
// own counts, and a wildcard's if it is a key that is not revoked.
func (s DKIMSelector) Mine() bool {
	key := slices.ContainsFunc(s.Keys, func(k DKIMKey) bool { return dkim.IsKey(k.Text) })
	switch {
	case s.Err != nil || s.Successor() && !s.Named:
		return false
	case s.Wildcard:
		return s.Named && slices.ContainsFunc(s.Keys, func(k DKIMKey) bool { return dkim.IsKey(k.Text) && !k.Revoked() })
	}
	return key || len(s.Answer.Chain) > 0 || s.Named && len(s.Keys) > 0
}

// Successor reports whether keys of DKIM2 alone stand at the selector, which
// verifiers of DKIM do not look at.
func (s DKIMSelector) Successor() bool {
	return len(s.Keys) > 0 && !slices.ContainsFunc(s.Keys, func(k DKIMKey) bool { return !dkim.IsSuccessor(k.Text) })
}

// Dangling reports whether an alias stands at the selector that leads to no record.
func (s DKIMSelector) Dangling() bool {
	return s.Err == nil && len(s.Answer.Chain) > 0 && len(s.Keys) == 0
}

// Present is the selectors at which something of the owner's stands.
func (k DKIMKeys) Present() []DKIMSelector {
	return slices.DeleteFunc(slices.Clone(k.Selectors), func(s DKIMSelector) bool { return !s.Mine() })
}

// Named is the selectors that the owner has named.
func (k DKIMKeys) Named() []DKIMSelector {
	return slices.DeleteFunc(slices.Clone(k.Selectors), func(s DKIMSelector) bool { return !s.Named })
}

// WildcardKey is the key that a wildcard gives for every selector; ok is false
// where there is no wildcard or no key in it.
func (k DKIMKeys) WildcardKey() (key dkim.Key, ok bool) {
	for _, text := range slices.Sorted(slices.Values(k.Random.Texts())) {
		if dkim.IsKey(text) {
			key, _ = dkim.ParseKey(text)
			return key, true
		}
	}
	return dkim.Key{}, false
}

// DKIM is the fact of the domain's keys. It has no error but that of the run;
// what could not be asked stands where it was asked.
//
// The common selectors, the named ones, a selector that nobody uses and the name
// _domainkey are asked for at once; those of a provider when SPF and MX have
// told which it is.
var DKIM = checks.NewFact("the DKIM keys", func(ctx context.Context, env *checks.Env) (DKIMKeys, error) {
	var k DKIMKeys
	var wg sync.WaitGroup
	var extra []DKIMSelector
	wg.Go(func() { k.Random, k.RandomErr = env.DNS.Resolve(ctx, resolve.Ask(randomSelector(env.Domain), "TXT")) })
	wg.Go(func() { k.Tree = gatherTree(ctx, env) })
	asked := firstSelectors(env)
	taken := make([]string, len(asked))
	for i, s := range asked {
		taken[i] = s.Name
	}
	wg.Go(func() { askSelectors(ctx, env, asked) })
	wg.Go(func() {
		k.Providers = askProviders(ctx, env)
		extra = providerSelectors(env, k.Providers, taken)
		askSelectors(ctx, env, extra)
	})
	wg.Wait()
	named := len(namedSelectors(env))
	k.Selectors = slices.Concat(asked[:named], extra, asked[named:])
	for i := range k.Selectors {
		k.Selectors[i].Wildcard = fromWildcard(k.Selectors[i].Answer, k.Random)
	}
	k.nameProviders()
	return k, ctx.Err()
})

// randomSelector is a selector that nobody uses. It depends on the domain
// alone, so that a recorded examination can be played again.
func randomSelector(domain string) string {
	sum := sha256.Sum256([]byte(domain))
	return selectorDomain(fmt.Sprintf("nobody-%x", sum[:6]), domain)
}

func selectorDomain(selector, domain string) string {
	return record.Canonical(selector + "._domainkey." + domain)
}

func namedSelectors(env *checks.Env) []string {
	var names []string
	for _, name := range env.Want.Selectors {
		name = strings.Trim(strings.ToLower(name), ".")
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// localSelectors is those with which the mail host signs, seen from within. That
// their keys are published is the matter of dkim.matches-private.
func localSelectors(env *checks.Env) []string {
	if env.Local == nil {
		return nil
	}
	var names []string
	for _, k := range env.Local.KeysOf(env.Domain) {
		if !slices.Contains(names, k.Selector) && len(names) < maxLocal {
			names = append(names, k.Selector)
		}
	}
	return names
}

// maxLocal bounds the selectors of the mail host.
const maxLocal = 16

// firstSelectors is what is asked for at time zero: named, those of the mail
// host, then common.
func firstSelectors(env *checks.Env) []DKIMSelector {
	var list []DKIMSelector
	names := namedSelectors(env)
	for _, name := range names {
		list = append(list, DKIMSelector{Name: name, Named: true, Domain: selectorDomain(name, env.Domain)})
	}
	for _, name := range append(localSelectors(env), commonSelectors(env.Now())...) {
		if !slices.ContainsFunc(list, func(s DKIMSelector) bool { return s.Name == name }) {
			list = append(list, DKIMSelector{Name: name, Domain: selectorDomain(name, env.Domain)})
		}
	}
	return list
}

func askSelectors(ctx context.Context, env *checks.Env, list []DKIMSelector) {
	var wg sync.WaitGroup
	for i := range list {
		s := &list[i]
		wg.Go(func() {
			s.Answer, s.Err = env.DNS.Resolve(ctx, resolve.Ask(s.Domain, "TXT"))
			for _, text := range slices.Sorted(slices.Values(s.Answer.Texts())) {
				key, problems := dkim.ParseKey(text)
				s.Keys = append(s.Keys, DKIMKey{key, text, problems})
			}
		})
	}
	wg.Wait()
}

func askProviders(ctx context.Context, env *checks.Env) []Provider {
	var txt, mx resolve.Answer
	var wg sync.WaitGroup
	wg.Go(func() { txt, _ = env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "TXT")) })
	wg.Go(func() { mx, _ = env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "MX")) })
	wg.Wait()
	return inferProviders(txt, mx)
}

// providerSelectors is the selectors of providers that are not taken yet.
func providerSelectors(env *checks.Env, providers []Provider, taken []string) []DKIMSelector {
	var list []DKIMSelector
	taken = slices.Clone(taken)
	for _, p := range providers {
		for _, name := range p.Selectors {
			if !slices.Contains(taken, name) {
				taken = append(taken, name)
				list = append(list, DKIMSelector{Name: name, Provider: p.Name, Domain: selectorDomain(name, env.Domain)})
			}
		}
	}
	return list
}

// nameProviders says of common selectors too whose they are.
func (k *DKIMKeys) nameProviders() {
	for i := range k.Selectors {
		s := &k.Selectors[i]
		for _, p := range k.Providers {
			if !s.Named && s.Provider == "" && slices.Contains(p.Selectors, s.Name) {
				s.Provider = p.Name
			}
		}
	}
}

// fromWildcard reports whether an answer is what random, the answer at a name
// that nobody uses, is too: the same records, or an alias of the same target
// that leads to none.
func fromWildcard(a, random resolve.Answer) bool {
	if len(a.Records) != len(random.Records) {
		return false
	}
	if len(a.Records) == 0 {
		return len(a.Chain) > 0 && len(random.Chain) > 0 && a.Chain[0].Data == random.Chain[0].Data
	}
	return !slices.ContainsFunc(a.Records, func(r record.Record) bool {
		return !slices.ContainsFunc(random.Records, func(o record.Record) bool { return o.Data == r.Data })
	})
}
