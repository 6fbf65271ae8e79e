package facts

import (
	"context"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/resolve"
)

// A SigningSet is what DNSSEC makes of the names that mail for the domain
// depends on.
type SigningSet struct {
	Off   string    // why nothing is known of it; empty if it may be
	Names []Signing // the domain's MX question first, then the addresses of each MX host
}

// A Signing is what DNSSEC makes of one question.
type Signing struct {
	Name     string // the domain or the host
	Question resolve.Question
	Proof    resolve.Proof
	Err      error // it could not be told
}

// Secure reports whether the answer is secure.
func (s Signing) Secure() bool { return s.Err == nil && s.Proof.Security == resolve.Secure }

// Host returns the least that is known of the addresses of a host: bogus before
// unknown before insecure before secure.
func (s SigningSet) Host(name string) Signing {
	var worst Signing
	for i, n := range s.Names {
		if i > 0 && n.Name == name && (worst.Name == "" || rank(n) > rank(worst)) {
			worst = n
		}
	}
	return worst
}

func rank(s Signing) int {
	switch {
	case s.Err != nil:
		return 2
	case s.Proof.Security == resolve.Bogus:
		return 3
	case s.Proof.Security == resolve.Insecure:
		return 1
	}
	return 0
}

// DNSSEC is the fact of what is signed. It has no error: what could not be told
// is that of each name.
var DNSSEC = checks.NewFact("what is signed by DNSSEC", func(ctx context.Context, env *checks.Env) (SigningSet, error) {
	var set SigningSet
	if env.Security == nil {
		set.Off = "DNSSEC is not looked at here"
		return set, nil
	}
	set.Names = []Signing{{Name: env.Domain, Question: resolve.Ask(env.Domain, "MX")}}
	var wg sync.WaitGroup
	prove := func(s *Signing) {
		wg.Go(func() { s.Proof, s.Err = env.Security.Secure(ctx, s.Question) })
	}
	own := set.Names[0]
	prove(&own) // at time zero
	mx, err := MX.Of(ctx, env)
	if err == nil {
		for _, name := range hostNames(mx) {
			for _, typ := range []string{"A", "AAAA"} {
				set.Names = append(set.Names, Signing{Name: name, Question: resolve.Ask(name, typ)})
			}
		}
		for i := range set.Names[1:] {
			prove(&set.Names[i+1])
		}
	}
	wg.Wait()
	set.Names[0] = own
	return set, nil
})

// hostNames is the names of the MX hosts, each once, without address literals.
func hostNames(mx MXSet) []string {
	var names []string
	seen := make(map[string]bool)
	for _, h := range mx.Hosts {
		if !seen[h.Name] && !h.Literal {
			seen[h.Name] = true
			names = append(names, h.Name)
		}
	}
	return names
}
