package ns

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// ValidHosts: the names of the name servers lead to machines on the internet.
var ValidHosts = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ns.valid-hosts",
		Title:    "NS names resolve to public addresses, and are no aliases",
		Severity: diagnosis.Warning,
		Why:      "A name server that cannot be found is one that does not exist: the load and the risk are on the others, and some lookups of your MX, SPF and DKIM records take seconds or fail.",
		Doc: `Every name that the NS records of the zone or the parent zone name must have an A or AAAA record of its own. It may not be an alias (CNAME): some resolvers then do not find the server, and BIND does not even load a zone whose NS record leads to an alias in it. An address of a private or otherwise special network can be reached by nobody outside.

To fix it, publish the address of the host, name the host that the alias leads to, or take the name out of the NS records, and at the registrar out of the delegation.

A name server whose name is in the zone itself is found by the address at the parent (glue), and still needs the same address in the zone.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2181, 10.3"}, {Name: "RFC 1912, 2.4"}, {Name: "RFC 1918, 5"}},
	},
	Needs: []*checks.Check{dns.DomainExists, dns.CNAMECoexistence},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeServers(ctx, env, func(set facts.NameServerSet, v *diagnosis.Verdict) {
			for _, n := range set.List {
				validHost(env, set, n, v)
			}
		})
	},
})

func validHost(env *checks.Env, set facts.NameServerSet, n facts.NameServer, v *diagnosis.Verdict) {
	host, zone := record.Display(n.Name), of(env, set.Zone)
	find := func(severity diagnosis.Severity, step, format string, args ...any) {
		f := diagnosis.Finding{
			Subject: host, Severity: severity, Message: fmt.Sprintf("name server %s of %s ", host, zone) + fmt.Sprintf(format, args...),
			Evidence: seen(set), Remedy: diagnosis.Remedy{Steps: []string{step}},
		}
		for _, a := range n.Answers {
			f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: a.Question.String(), Answer: a.String()})
		}
		v.Findings = append(v.Findings, f)
	}
	takeOut := fmt.Sprintf("or take %s out of the NS records of %s, and at the registrar out of the delegation.", host, record.Display(set.Zone))
	before := len(v.Findings)
	switch {
	case len(n.Errs) > 0 && len(n.Addrs) == 0:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: host, Reason: n.Errs[0].Error()})
		return
	case len(n.Chain) > 0: // RFC 2181, 10.3
		find(diagnosis.Warning, fmt.Sprintf("Name %s in the NS record instead, if that is the server, and at the registrar too.", record.Display(n.Chain[len(n.Chain)-1].Data)),
			"is an alias of %s", record.Display(n.Chain[len(n.Chain)-1].Data))
	case len(n.Addrs) == 0 && len(n.Glue) > 0:
		find(diagnosis.Warning, fmt.Sprintf("Publish the A or AAAA record of %s, %s.", host, joinAddrs(n.Glue)),
			"has no A or AAAA record in the zone, only the address %s at the parent", joinAddrs(n.Glue))
	case len(n.Addrs) == 0 && !n.Exists:
		find(diagnosis.Warning, "Correct the name, "+takeOut, "does not exist (NXDOMAIN)")
	case len(n.Addrs) == 0:
		find(diagnosis.Warning, "Publish the A or AAAA record of "+host+", "+takeOut, "has no A or AAAA record")
	}
	for _, addr := range n.Addrs {
		if why := facts.OffLimits(env, addr); why != "" {
			find(diagnosis.Warning, fmt.Sprintf("Publish the public address of %s in place of %s, %s", host, addr, takeOut),
				"has the address %s, which is %s", addr, why)
		}
	}
	if len(v.Findings) == before {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: host, Answer: joinAddrs(n.Addrs)})
	}
}
