package dnsbl

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// DomainListed: no name that the domain's mail uses is on a blocklist.
var DomainListed = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.domain-listed",
		Title:    "The domains used are on no list",
		Severity: diagnosis.Critical,
		Why:      "Receivers refuse mail that carries a listed domain in its sender, in EHLO or in a link, whatever address it comes from.",
		Doc: `The domain, its registrable domain, and the registrable domains of the EHLO name and of the senders' confirmed reverse names are asked of the lists of domains. Addresses are never sent to such a list: it answers those with an error code that looks like a listing.

A listing is critical on Spamhaus DBL, SURBL and URIBL black, a warning on the others of use, and advice for lists of domains that are merely young. A name that belongs to somebody else, such as the hoster's, is at most a warning.

A clean server on a listed domain changes nothing, nor does a new address: the domain itself has to be cleared. "Abused legitimate domain" means a hacked web site or a hijacked redirector; clean that first.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5782, 3"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return listed(ctx, env, dnsbl.Domain)
	},
})
