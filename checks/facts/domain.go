package facts

import (
	"context"
	"errors"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Presence is what the DNS says of the domain's name as such.
type Presence struct {
	Exists  bool
	Answers []resolve.Answer // the conclusive ones that show it
	Errs    []error          // questions about the domain without a conclusive answer

	Root    resolve.Answer // the name servers of the root, which everybody has
	RootErr error
}

// Domain is the fact of whether the domain exists, told by the questions that
// are asked about it anyway. It has no error.
var Domain = checks.NewFact("whether the domain exists", func(ctx context.Context, env *checks.Env) (Presence, error) {
	var p Presence
	var wg sync.WaitGroup
	wg.Go(func() { p.Root, p.RootErr = env.DNS.Resolve(ctx, resolve.Ask(".", "NS")) })
	types := []string{"MX", "TXT", "A"}
	answers := make([]resolve.Answer, len(types))
	errs := make([]error, len(types))
	for i, typ := range types {
		wg.Go(func() { answers[i], errs[i] = env.DNS.Resolve(ctx, resolve.Ask(env.Domain, typ)) })
	}
	wg.Wait()
	for i, answer := range answers {
		if errs[i] != nil {
			p.Errs = append(p.Errs, errs[i])
			continue
		}
		p.Answers = append(p.Answers, answer)
		// A CNAME to nowhere is NXDOMAIN too, but the name exists.
		p.Exists = p.Exists || answer.Exists || len(answer.Chain) > 0
	}
	return p, nil
})

// errRootless is why nothing follows from what a resolver denies.
var errRootless = errors.New("the resolver does not know the root of the DNS, so it does not speak for the internet")

// heeded is nil for an answer from which something follows. One that denies the
// domain does not count where the resolver denies the root too: then the domain
// has neither no mail host nor no record, and it is not known what it has.
func heeded(ctx context.Context, env *checks.Env, answer resolve.Answer) error {
	if answer.Exists || len(answer.Chain) > 0 || env.Subject() == checks.Addresses {
		return nil
	}
	if root, err := env.DNS.Resolve(ctx, resolve.Ask(".", "NS")); err == nil && root.Void() {
		return errRootless
	}
	return nil
}
