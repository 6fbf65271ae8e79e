package mx

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// DualStack: mail arrives by both families.
var DualStack = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.dual-stack",
		Title:    "MX hosts are reachable by IPv4 and by IPv6",
		Severity: diagnosis.Advice,
		Why:      "A sender that has only the other family cannot deliver. For IPv6 alone that is most of the world still; for IPv4 alone it is few, and hardly anybody on the internet of mail.",
		Doc: `At least one MX host should have an A record and at least one an AAAA record. It is asked of domains that use IPv6 elsewhere: for the web, or for another MX host. A domain that uses IPv4 throughout is not told to change; nor is the customer of a mail service, whose hosts are not his.

To fix it, give the mail host an address of the other family, and before that its PTR record and its place in the SPF record: large receivers refuse mail from IPv6 addresses without either. Whether the addresses answer is the matter of smtp.port25-inbound.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.2"}, {Name: "RFC 3974, 3"}},
	},
	Needs: []*checks.Check{Exists, IPLiteral, Resolves},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		web := facts.Addresses(ctx, env, env.Domain)
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) { dualStack(env, set, web, v) })
	},
})

func dualStack(env *checks.Env, set facts.MXSet, web facts.HostAddrs, v *diagnosis.Verdict) {
	var four, six, hosted bool
	var doubt error
	for _, h := range set.Hosts {
		four = four || slices.ContainsFunc(h.Addrs, netip.Addr.Is4)
		six = six || slices.ContainsFunc(h.Addrs, netip.Addr.Is6)
		_, known := facts.HostedBy(h.Name)
		hosted = hosted || known
		if len(h.Errs) > 0 {
			doubt = h.Errs[0]
		}
	}
	v.Seen = []diagnosis.Evidence{{Question: "MX hosts", Answer: "by " + families(four, six)}}
	missing := ""
	switch {
	case four == six: // both, or no address at all, which is the matter of Resolves
		return
	case hosted:
		v.Seen[0].Answer += ", as the mail service has it"
		v.Seen[0].Absent = true
		return
	case doubt != nil:
		v.Doubts = []diagnosis.Doubt{{Subject: record.Display(env.Domain), Reason: doubt.Error()}}
		return
	case six:
		missing = "IPv4, which most senders still have alone"
	case slices.ContainsFunc(web.Addrs, netip.Addr.Is6) && !set.Implicit:
		missing = "IPv6, though its own name has an IPv6 address"
	default:
		v.Seen[0].Answer += ", as the domain does throughout"
		v.Seen[0].Absent = true
		return
	}
	first := set.Hosts[0]
	typ := "AAAA"
	if six {
		typ = "A"
	}
	v.Findings = []diagnosis.Finding{{
		Subject: record.Display(env.Domain), Severity: diagnosis.Advice, Evidence: seen(set),
		Message: fmt.Sprintf("no MX host of %s can be reached by %s", record.Display(env.Domain), missing),
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Give %s an address of that family, with a PTR record that leads back to its name, and a place in the SPF record if it sends from there.", record.Display(first.Name)),
			fmt.Sprintf("When mail arrives there, publish the address as %s record of %s.", typ, record.Display(first.Name)),
		}},
	}}
}

func families(four, six bool) string {
	switch {
	case four && six:
		return "IPv4 and IPv6"
	case four:
		return "IPv4"
	case six:
		return "IPv6"
	}
	return "neither family"
}
