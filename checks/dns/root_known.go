package dns

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/resolve"
)

// RootKnown is, in an examination of addresses, what DomainExists is in one of a
// domain: where the resolver does not speak for the internet, that it denies a
// name means nothing. It never fails.
var RootKnown = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.root-known",
		Title:    "The resolver knows the root of the DNS",
		Severity: diagnosis.Advice,
		Why:      "A resolver that does not speak for the internet denies every name: the address would seem to have no reverse DNS, and to be on no list.",
		Doc: `The name servers of the root are asked for before anything is concluded from a name that does not exist. Everybody on the internet has them. A resolver that does not know them serves an inner network only, or a network without a way out; from what it denies nothing follows.

To fix it, check the network, or name another resolver with --resolver.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9609, 3"}},
	},
	Of:  checks.Addresses,
	Run: rootKnown,
})

func rootKnown(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	root, err := env.DNS.Resolve(ctx, resolve.Ask(".", "NS"))
	reason := ""
	switch {
	case err != nil:
		reason = fmt.Sprintf("the resolver does not answer (%v): check the network, or name another with --resolver", err)
	case root.Void():
		reason = "the resolver does not know the root of the DNS, so it does not speak for the internet: name another with --resolver"
	default:
		v.Seen = []diagnosis.Evidence{{Question: root.Question.String(), Answer: "the resolver knows the root of the DNS"}}
		return v, nil
	}
	for _, addr := range env.Want.Senders { // nothing is known of any of them
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: addr.Unmap().String(), Reason: reason})
	}
	return v, nil
}
