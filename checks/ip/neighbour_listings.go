package ip

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// NeighbourListings: the address stands among others that are not known for spam.
var NeighbourListings = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ip.neighbour-listings",
		Title:    "The neighbourhood is not widely listed",
		Severity: diagnosis.Advice,
		Why:      "Large receivers judge whole networks: among neighbours that send spam an address starts with a bad name, and is listed with them one day.",
		Doc: `Twelve addresses spread over the /24 around the address are asked of three blocklists that are free for everybody and any use: SpamCop, PSBL and DroneBL. Of IPv6 the twelve addresses next to it in its /64 are asked of DroneBL and blocklist.de; where the hoster gives every customer a /64 they are your own. Lists that count questions, such as those of Spamhaus, are not asked about strangers.

A quarter of them listed is taken for widely. It is a sample: a clean one proves little, a bad one says what kind of customers the hoster has.

Before you rent, ask for an address in another network, or rent elsewhere. With a server that you have, watch whether its mail is deferred, above all by Microsoft, and keep a relay in reserve.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5782, 2.1"}},
	},
	Of:    checks.Addresses,
	Needs: []*checks.Check{dns.RootKnown},
	Run:   neighbourListings,
})

func neighbourListings(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	hoods, err := facts.Neighbourhoods.Of(ctx, env)
	if err != nil {
		return v, err
	}
	for _, h := range hoods {
		judgeHood(h, &v)
	}
	if len(hoods) == 0 {
		v.Skip = "there is no public address"
	}
	return v, nil
}

// widely is the part of a sample from which a network is widely listed: one in four.
const widely = 4

func judgeHood(h facts.Neighbourhood, v *diagnosis.Verdict) {
	subject := h.Addr.String()
	listed, entries := h.Listed()
	answered := h.Answered()
	switch {
	case answered == 0:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: subject, Reason: fmt.Sprintf("no list gave an answer about the neighbours of %s%s", h.Addr, silent(h))})
	case len(listed)*widely >= answered:
		f := diagnosis.Finding{
			Subject: subject, Severity: diagnosis.Advice,
			Message: fmt.Sprintf("%d of %d addresses around %s, in %s, are on a blocklist: %s", len(listed), answered, h.Addr, h.Network, joined(listed)),
			Remedy: diagnosis.Remedy{Steps: []string{
				"Before you rent: ask for an address in another network, or rent elsewhere.",
				"With a server that you have: warm it up slowly, watch the log for deferrals, and keep a relay in reserve.",
			}},
		}
		for _, e := range entries {
			f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: e.Question.String(), Answer: e.Answer.String()})
		}
		v.Findings = append(v.Findings, f)
	default:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: subject, Answer: few(h, listed, answered)})
	}
}

// few is what was seen of a neighbourhood that is in order.
func few(h facts.Neighbourhood, listed []netip.Addr, answered int) string {
	var names []string
	for _, z := range h.Lists {
		names = append(names, z.Title)
	}
	s := fmt.Sprintf("%d of %d neighbours in %s listed by %s", len(listed), answered, h.Network, strings.Join(names, ", "))
	if len(listed) > 0 {
		s += ": " + joined(listed)
	}
	return s + silent(h)
}

// silent names the lists that are of no use, and why.
func silent(h facts.Neighbourhood) string {
	var dead []string
	for _, s := range h.Dead {
		dead = append(dead, s.Zone.String()+" "+s.Use.String())
	}
	if len(dead) == 0 {
		return ""
	}
	return " (" + strings.Join(dead, "; ") + ")"
}
