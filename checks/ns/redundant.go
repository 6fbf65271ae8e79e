package ns

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Redundant: one server, or one network, can fail.
var Redundant = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ns.redundant",
		Title:    "Two or more name servers in separate networks",
		Severity: diagnosis.Warning,
		Why:      "If the only name server, or the only network that all of them are in, is down, nobody finds the domain: mail to it is deferred, and mail from it fails SPF, DKIM and DMARC wherever nothing is cached.",
		Doc: `The NS records of the zone must name two servers or more, and their addresses must not all be in one network: one /24 of IPv4 and, where they have IPv6, one /48. Servers that are far apart in one of the families are apart. That several servers are run by one provider is fine: those of the large ones are each in many places (anycast). Servers that are all the one machine that is the mail host as well, as Mail-in-a-Box sets itself up, are advice only: while it is down, mail waits at the senders anyway.

To fix it, add a second server that somebody else runs, or that is at another hoster: most DNS providers and many registrars serve as secondary. Then name it at the registrar too. A provider that hosts the zone gives out two or more names; set all of them.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2182, 3.1"}, {Name: "RFC 2182, 5"}, {Name: "RFC 1034, 4.1"}},
	},
	Needs: []*checks.Check{dns.DomainExists, dns.CNAMECoexistence},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeServers(ctx, env, func(set facts.NameServerSet, v *diagnosis.Verdict) { redundant(ctx, env, set, v) })
	},
})

func redundant(ctx context.Context, env *checks.Env, set facts.NameServerSet, v *diagnosis.Verdict) {
	zone := of(env, set.Zone)
	v.Seen = seen(set)
	nets := networks(env, set.List)
	for _, n := range set.List {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(n.Name), Answer: joinAddrs(n.Addrs)})
	}
	severity := diagnosis.Warning
	find := func(format string, args ...any) {
		f := diagnosis.Finding{
			Subject: record.Display(set.Zone), Severity: severity, Evidence: v.Seen, Message: fmt.Sprintf(format, args...),
			Remedy: diagnosis.Remedy{Steps: []string{
				"Add a name server in another network: a secondary at another hoster, or the service of a DNS provider.",
				fmt.Sprintf("Name it in the NS records of %s, and at the registrar.", record.Display(set.Zone)),
			}},
		}
		v.Findings = append(v.Findings, f)
	}
	switch {
	case len(set.Servers) == 1 && len(set.List) > 1: // RFC 1034, 4.2.2: who comes from the parent finds one
		find("%s is delegated to one name server, %s, though it has %d", zone, display(set.Servers), len(set.List))
	case slices.ContainsFunc(nets, func(f []netip.Prefix) bool { return len(f) > 1 }):
	case len(set.List) == 0:
	case unknown(set.List, v):
	case len(set.List) == 1:
		find("%s has one name server, %s", zone, record.Display(set.List[0].Name))
	case len(slices.Concat(nets...)) == 0: // none has an address: ns.valid-hosts
		v.Skip = "no name server of " + record.Display(set.Zone) + " has a public address; see ns.valid-hosts"
	case len(machines(set.List)) == 1 && takesMail(ctx, env, set.List[0]):
		severity = diagnosis.Advice
		find("the %d name servers of %s are one machine, %s, which is the mail host too: while it is down, mail that it has sent fails SPF, DKIM and DMARC", len(set.List), zone, machines(set.List)[0])
	case len(machines(set.List)) == 1:
		find("the %d name servers of %s are one machine, %s", len(set.List), zone, machines(set.List)[0])
	default:
		find("the %d name servers of %s are in one network, %s", len(set.List), zone, joinNets(nets))
	}
}

// takesMail reports whether a machine is every mail host of the domain: while it is
// down, mail waits at the senders whatever the DNS says.
func takesMail(ctx context.Context, env *checks.Env, server facts.NameServer) bool {
	mx, err := facts.MX.Of(ctx, env)
	if err != nil || len(mx.Hosts) == 0 {
		return false
	}
	for _, h := range mx.Hosts {
		if !slices.ContainsFunc(h.Addrs, func(a netip.Addr) bool { return slices.Contains(server.Addrs, a) }) {
			return false
		}
	}
	return true
}

// unknown doubts the servers whose addresses are not known.
func unknown(list []facts.NameServer, v *diagnosis.Verdict) bool {
	any := false
	for _, n := range list {
		if len(n.Errs) > 0 {
			any = true
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(n.Name), Reason: n.Errs[0].Error()})
		}
	}
	return any
}

// networks is the networks that the servers are in, of IPv4 and of IPv6.
func networks(env *checks.Env, list []facts.NameServer) [][]netip.Prefix {
	nets := make([][]netip.Prefix, 2)
	for _, n := range list {
		addrs := n.Addrs
		if len(addrs) == 0 {
			addrs = n.Glue
		}
		for _, addr := range addrs {
			if facts.OffLimits(env, addr) != "" {
				continue
			}
			family, bits := 0, 24
			if facts.FamilyOf(addr) == facts.IPv6 {
				family, bits = 1, 48
			}
			net, err := addr.Unmap().Prefix(bits)
			if err == nil && !slices.Contains(nets[family], net) {
				nets[family] = append(nets[family], net)
			}
		}
	}
	return nets
}

// machines is the addresses of each server, each set once.
func machines(list []facts.NameServer) []string {
	var sets []string
	for _, n := range list {
		if set := joinAddrs(n.Addrs); len(n.Addrs) > 0 && !slices.Contains(sets, set) {
			sets = append(sets, set)
		}
	}
	return sets
}

func joinNets(nets [][]netip.Prefix) string {
	text := ""
	for _, net := range slices.Concat(nets...) {
		if text != "" {
			text += " and "
		}
		text += net.String()
	}
	return text
}
