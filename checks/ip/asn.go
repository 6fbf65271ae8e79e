package ip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// ASN: the network that announces the address is one that others talk to.
var ASN = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ip.asn",
		Title:    "The network is known, and not a refused one",
		Severity: diagnosis.Warning,
		Why:      "Spamhaus advises everybody to drop all traffic of networks that criminals run or have hijacked: mail from there gets no connection, however clean it is. From an address that no network announces nothing can be sent at all.",
		Doc: `The origin of an address is the network (autonomous system) that announces it on the internet. Team Cymru tells it by DNS, with the announced prefix and the operator's name; the country is that of the registration, not the place of the machine. Of the address only its /24 or /64 is told to them.

The network is then looked up in ASN-DROP, Spamhaus' list of networks that are run by spammers or criminals, or hijacked. The list is free of charge, but not to be fetched more than once an hour: so only examinations of addresses (maildoctor ip) fetch it, and keep it for a day.

An address that no network announces is found too: nothing can be sent from it. The view is some hours old, so that an announcement of today may be missing in it.

Nobody but the operator gets a network off the list, and hardly ever: rent elsewhere.`,
		Refs: []diagnosis.Ref{
			{Name: "Spamhaus, DROP lists", URL: "https://www.spamhaus.org/blocklists/do-not-route-or-peer/"},
			{Name: "Team Cymru, IP to ASN mapping", URL: "https://www.team-cymru.com/ip-asn-mapping"},
		},
	},
	Of:    checks.Addresses,
	Needs: []*checks.Check{dns.RootKnown},
	Run:   asn,
})

func asn(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	var list facts.Refused
	var errList error
	var wg sync.WaitGroup
	wg.Go(func() { list, errList = facts.RefusedNetworks.Of(ctx, env) })
	networks, err := facts.Networks.Of(ctx, env)
	operators, errNames := facts.Operators.Of(ctx, env)
	wg.Wait()
	if err := cmp.Or(err, errNames); err != nil {
		return v, err
	}
	for _, n := range networks {
		subject := n.Addrs[0].String()
		if errors.Is(n.Err, facts.ErrNoRoute) {
			v.Findings = append(v.Findings, unannounced(n))
			continue
		}
		if n.Err != nil {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: subject, Reason: subject + ": " + n.Err.Error()})
			continue
		}
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: subject, Answer: n.Route.By(operators) + " announces " + n.Route.Prefix.String()})
		judgeOrigins(n, operators, list, &v)
	}
	switch {
	case len(networks) == 0:
		v.Skip = "there is no public address"
	case errList != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Reason: errList.Error()})
	case list.Off != "":
		v.Skip = list.Off + ", so it is not known whether Spamhaus lists " + networks[0].Route.By(operators)
	case len(v.Findings)+len(v.Doubts) == 0:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: "Spamhaus ASN-DROP" + asOf(list), Answer: fmt.Sprintf("none of its %d networks", len(list.By))})
	}
	return v, nil
}

func unannounced(n facts.Network) diagnosis.Finding {
	return diagnosis.Finding{
		Subject: n.Addrs[0].String(), Severity: diagnosis.Warning,
		Message:  fmt.Sprintf("%s leads nowhere: %v", n.Addrs[0], n.Err),
		Evidence: []diagnosis.Evidence{{Question: n.Question.String(), Answer: n.Answer.String()}},
		Remedy: diagnosis.Remedy{Steps: []string{
			"Check the address: nothing can be sent from it, and nothing reaches it, while no network announces it.",
			"If it is right, ask the hoster since when its network is announced; one announced today is seen here some hours later.",
		}},
	}
}

// judgeOrigins finds the networks of one route that are on the list.
func judgeOrigins(n facts.Network, operators map[facts.ASN]facts.Operator, list facts.Refused, v *diagnosis.Verdict) {
	for _, origin := range n.Route.Origins {
		if _, bad := list.By[origin]; !bad {
			continue
		}
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: n.Addrs[0].String(), Severity: diagnosis.Warning,
			Message: fmt.Sprintf("%s stands in %s, a network that Spamhaus advises to drop all traffic of (ASN-DROP)", n.Addrs[0], operators[origin]),
			Evidence: []diagnosis.Evidence{
				{Question: n.Question.String(), Answer: n.Answer.String()},
				{Question: "Spamhaus ASN-DROP" + asOf(list), Answer: list.By[origin].String()},
			},
			Remedy: diagnosis.Remedy{Steps: []string{
				"Do not rent here for mail: no address of this network is better, and a customer cannot get it off the list.",
				"If you have the address already, send through a relay (smart host) elsewhere until you have moved.",
			}},
		})
	}
}

// asOf is " of 2026-11-21", where the list says of when it is.
func asOf(list facts.Refused) string {
	if list.AsOf.IsZero() {
		return ""
	}
	return " of " + list.AsOf.Format("2006-01-02")
}
