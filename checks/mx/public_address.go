package mx

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// PublicAddress: the world can reach the MX hosts' addresses.
var PublicAddress = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.public-address",
		Title:    "MX hosts have public addresses",
		Severity: diagnosis.Critical,
		Why:      "A private, loopback or reserved address leads senders nowhere, or to a machine of their own.",
		Doc: `The addresses of MX hosts must be reachable from the whole internet: not private (10/8, 172.16/12, 192.168/16, fc00::/7), not loopback, not link-local, not the shared space of carriers (100.64/10), not reserved for documentation.

To fix it, publish the public address in the public DNS. A different answer inside your own network (split DNS) is fine there, and is also the usual cause of a false alarm here: run the examination from outside, or with --resolver and a resolver that sees the public zone. In a lab of your own, --allow-private lets private and loopback addresses count as public ones; the examination then connects to them.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6890"}, {Name: "RFC 6598"}},
	},
	Needs: []*checks.Check{Exists, Resolves},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) { publicAddress(env, set, v) })
	},
})

func publicAddress(env *checks.Env, set facts.MXSet, v *diagnosis.Verdict) {
	for _, h := range set.Hosts {
		name := record.Display(h.Name)
		for _, addr := range h.Addrs {
			what := facts.SpecialUse(addr, env.Lab)
			if facts.OffLimits(env, addr) == "" {
				seen := diagnosis.Evidence{Question: name, Answer: addr.String()}
				if what != "" {
					seen.Answer += ", " + what + ", as wanted"
				}
				v.Seen = append(v.Seen, seen)
				continue
			}
			v.Findings = append(v.Findings, diagnosis.Finding{
				Subject: addr.String(), Severity: diagnosis.Critical,
				Message:  fmt.Sprintf("MX host %s has the address %s, which is %s", name, addr, what),
				Evidence: []diagnosis.Evidence{{Question: name, Answer: addr.String()}},
				Remedy: diagnosis.Remedy{Steps: []string{
					"Publish the public address of " + name + " in its place.",
					"If your own network answers with private addresses on purpose, run maildoctor with --resolver and a resolver outside it; in a lab, with --allow-private.",
				}},
			})
		}
		if len(h.Addrs) == 0 && len(h.Errs) > 0 {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: h.Errs[0].Error()})
		}
	}
}

func joinAddrs(addrs []netip.Addr) string {
	var list []string
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return strings.Join(list, ", ")
}
