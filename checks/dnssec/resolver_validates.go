package dnssec

import (
	"context"
	"errors"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/resolve"
)

// ResolverValidates: what DNSSEC says can be told from here.
//
// It asks about the root, which is signed: what fails there is nothing of the
// domain's.
var ResolverValidates = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnssec.resolver-validates",
		Title:    "Signatures of the DNS can be validated from here",
		Severity: diagnosis.Advice,
		Why:      "Behind a resolver that passes on no signatures nothing can be said of DNSSEC and DANE, neither good nor bad.",
		Doc: `Answers are validated here, by their signatures, from the key of the root down, whether or not the resolver does so itself. For that the resolver must pass on the signatures and the proofs of absence (DO), also of what it holds for bogus (CD). Many home routers, and some forwarders, do not.

Where it does not, the AD bit is all there is: the resolver's word that it has validated. It is believed of a resolver on this machine, and of another one only with --trust-ad, since anybody on the way could set it.

To fix it, run a validating resolver on this machine (Unbound, BIND and Knot Resolver validate as they are installed), or name another with --resolver, best one that is reached over tls:// or https://. A mail server that shall send by DANE needs such a resolver of its own.`,
		Refs: []diagnosis.Ref{{Name: "RFC 4035, 3.2.2"}, {Name: "RFC 4035, 4.9.3"}, {Name: "RFC 7672, 2.1.3"}},
	},
	Run: resolverValidates,
})

func resolverValidates(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	if env.Security == nil {
		v.Skip = "DNSSEC is not looked at here"
		return v, nil
	}
	q := resolve.Ask(".", "SOA")
	p, err := env.Security.Secure(ctx, q)
	switch {
	case err != nil:
		return v, err
	case p.Security != resolve.Secure:
		return v, errors.New("the root does not validate, so whoever answers is not to be believed: " + p.Why)
	}
	how := "validated here"
	if p.Why != "" {
		how = p.Why
	}
	v.Seen = []diagnosis.Evidence{{Question: q.String(), Answer: "the root is secure, " + how}}
	return v, nil
}
