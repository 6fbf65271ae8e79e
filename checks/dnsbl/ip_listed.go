package dnsbl

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// IPListed: no IPv4 address of the domain's mail is on a blocklist.
var IPListed = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnsbl.ip-listed",
		Title:    "Sending and MX IPv4 are on no list",
		Severity: diagnosis.Critical,
		Why:      "Receivers that ask a blocklist refuse mail from an address on it, or file it as spam.",
		Doc: `Every IPv4 address that sends or receives mail for the domain is asked of each blocklist that anybody may ask, once the list has shown by its test entries that it works from here. Only codes that the list itself defines count. An answer that is a refusal, a rewritten one or a code without a known meaning is no listing; other checks of this topic name those. Policy lists such as the PBL have a check of their own.

A listing is critical on lists on which large receivers reject (Spamhaus, SpamCop), a warning on the others of use, and advice where few receivers look. An address that receives and is not known to send is at most a warning: nobody looks up where mail goes to. The MX hosts of a large provider are such addresses.

To fix it, find and stop the cause first, then follow the list's own page. Removal is free of charge on every list worth asking. Where an entry ends by itself, a request does not make it faster.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5782, 2.1"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return listed(ctx, env, dnsbl.IPv4)
	},
})
