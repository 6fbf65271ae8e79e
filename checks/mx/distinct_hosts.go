package mx

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// DistinctHosts: MX records are different machines.
var DistinctHosts = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.distinct-hosts",
		Title:    "MX entries are different machines",
		Severity: diagnosis.Advice,
		Why:      "Two MX records that lead to one machine look like a spare, but fail together.",
		Doc: `A second MX record is of use only if it names another machine. The same name twice, or two names with the same address, adds questions and no safety.

To fix it, delete the record that repeats the other. One MX record is quite right for one server: senders queue mail for days while it is down.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}},
	},
	Needs: []*checks.Check{Exists, Resolves},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) { distinctHosts(env, set, v) })
	},
})

func distinctHosts(env *checks.Env, set facts.MXSet, v *diagnosis.Verdict) {
	names := make(map[string]bool)
	owner := make(map[netip.Addr]string)
	reported := make(map[string]bool)
	report := func(name, message string) {
		if reported[name] {
			return
		}
		reported[name] = true
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: name, Severity: diagnosis.Advice, Message: message, Evidence: seen(set),
			Remedy: diagnosis.Remedy{Steps: []string{"Delete the MX record of " + name + " that repeats the other, or point it at another machine."}},
		})
	}
	for _, h := range set.Hosts {
		name := record.Display(h.Name)
		if names[h.Name] {
			report(name, fmt.Sprintf("MX host %s of %s stands in the set twice", name, record.Display(env.Domain)))
			continue
		}
		names[h.Name] = true
		if len(h.Addrs) == 0 && len(h.Errs) > 0 && len(set.Hosts) > 1 {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: h.Errs[0].Error()})
		}
		for _, addr := range h.Addrs {
			if other, ok := owner[addr]; ok && other != name {
				report(name, fmt.Sprintf("MX hosts %s and %s are one machine: both have the address %s", other, name, addr))
				continue
			}
			owner[addr] = name
		}
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: "hosts", Answer: fmt.Sprintf("%d, addresses: %d", len(names), len(owner))})
}
