package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// IPFamily: addresses and prefix lengths are right.
var IPFamily = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.ip-family",
		Title:    "ip4 holds IPv4, ip6 holds IPv6, and prefix lengths are valid",
		Severity: diagnosis.Critical,
		Why:      "An address of the wrong family or a prefix length out of range is a syntax error: receivers answer permerror for all mail of the domain.",
		Doc: `ip4: takes an IPv4 address in four decimal parts without leading zeros, and a prefix length of 0 to 32. ip6: takes an IPv6 address and a length of 0 to 128. Ports, netmasks, host names and shortened addresses such as 192.0.2 are errors. On a and mx the length for IPv6 follows two slashes: a/24//64.

An IPv4 address written as ::ffff:192.0.2.1 behind ip6: is no error, but matches nobody, because receivers take such a sender for IPv4.

To fix it, correct the term that is marked.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 5.6"}, {Name: "RFC 7208, 12"}},
	},
	Needs: []*checks.Check{Exists, SingleRecord},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeProblems(ctx, env, byEffect, spf.BadFamily, spf.BadAddress, spf.BadPrefix)
	},
})
