package dnsbl

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// IPv6Listed: no IPv6 address of the domain's mail is on a blocklist.
var IPv6Listed = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.ipv6-listed",
		Title:    "Sending and MX IPv6 are on no list",
		Severity: diagnosis.Critical,
		Why:      "A dual-stack server that is clean over IPv4 and listed over IPv6 loses just the mail that goes to dual-stack receivers.",
		Doc: `As dnsbl.ip-listed, for IPv6. The address is asked of the lists that hold IPv6, reversed by nibble: 32 labels of one hexadecimal digit. Tools that reverse the groups of four digits ask for a name that no list has, and always see a clean address.

Not every list that takes IPv6 questions holds the IPv6 test entry that RFC 5782 wants. What such a list does not list proves nothing, and the count says so.

Lists hold whole networks in IPv6, often a /64: a neighbour's deeds count as yours where a hoster gives several customers one /64. Ask for a /64 of your own, or send over IPv4 only.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5782, 2.4"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return listed(ctx, env, dnsbl.IPv6)
	},
})
