package mx

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Resolves: every MX host has an address.
var Resolves = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.resolves",
		Title:    "Every MX host has A or AAAA",
		Severity: diagnosis.Critical,
		Why:      "Senders cannot reach a host without an address. If it is the only one, mail bounces; if not, it is delayed.",
		Doc: `Each host that an MX record names needs an A record, an AAAA record, or both. IPv6 alone is legal, but senders without IPv6 cannot reach it.

To fix it, publish the address of the host, correct the name in the MX record, or delete the MX record of a host that is gone.

Where the name is an alias whose target does not exist, mend the chain or name the real host.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}},
	},
	Needs: []*checks.Check{Exists, IPLiteral},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) { resolves(env, set, v) })
	},
})

func resolves(env *checks.Env, set facts.MXSet, v *diagnosis.Verdict) {
	for _, h := range set.Hosts {
		name := record.Display(h.Name)
		switch {
		case validation(h.Name):
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: "never meant to resolve; see mx.validation-leftover"})
		case len(h.Addrs) > 0:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: joinAddrs(h.Addrs)})
		case len(h.Errs) > 0:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: h.Errs[0].Error()})
		default:
			v.Findings = append(v.Findings, unresolved(env, set, h))
		}
	}
}

func unresolved(env *checks.Env, set facts.MXSet, h facts.Host) diagnosis.Finding {
	name := record.Display(h.Name)
	f := diagnosis.Finding{Subject: name, Severity: diagnosis.Critical}
	for _, a := range h.Answers {
		f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: a.Question.String(), Answer: a.String()})
	}
	what := "has no A or AAAA record"
	if !h.Exists {
		what = "does not exist (NXDOMAIN)"
	}
	if len(h.Chain) > 0 {
		what = fmt.Sprintf("is an alias of %s, which leads to no address", record.Display(h.Chain[len(h.Chain)-1].Data))
	}
	f.Message = fmt.Sprintf("MX host %s of %s %s", name, record.Display(env.Domain), what)
	if len(set.Hosts) > 1 {
		f.Remedy.Steps = []string{"If the host exists, publish its A or AAAA record.",
			"If it is gone, delete its MX record and keep the others."}
		return f
	}
	f.Remedy.Steps = []string{"Publish the A or AAAA record of " + name + ", or name the real mail host in the MX record."}
	return f
}
