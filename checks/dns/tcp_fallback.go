package dns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// TCPFallback: answers too large for a datagram arrive as well.
var TCPFallback = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.tcp-fallback",
		Title:    "Large answers arrive: the name servers answer over TCP",
		Severity: diagnosis.Warning,
		Why:      "A DKIM key of 2048 bits with its DNSSEC signature, or a domain with many TXT records, does not fit a UDP answer. Resolvers then ask over TCP; where that is closed, the SPF record or the key is missing, and mail fails.",
		Doc: `Every server of the zone that answers over UDP is asked for the zone's SOA record over TCP port 53. TCP is not an option: name servers must support it. A firewall that lets only UDP through is the usual cause, put there in the belief that TCP is for zone transfers alone.

Here a UDP answer may have 1232 octets, the value that resolvers agreed on with the DNS flag day of 2020; a larger one comes truncated, with the TC bit set, and is asked for over TCP.

To fix it, open TCP port 53 to the name server in the firewall, and let the server listen on it.

If nobody at all is reached over TCP port 53, the servers of the parent zone included, it is closed on the way out of this network, and nothing can be told.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7766, 5"}, {Name: "RFC 2181, 9"}, {Name: "RFC 9210, 3"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		var v diagnosis.Verdict
		set, err := facts.Streams.Of(ctx, env)
		switch {
		case err != nil:
			return v, err
		case set.Off != "":
			v.Skip = set.Off
		case len(set.Serving()) == 0:
			v.Skip = "no name server of " + record.Display(set.Zone) + " answers for it; see ns.delegation-consistent"
		default:
			overTCP(set, &v)
		}
		return v, nil
	},
})

func overTCP(set facts.StreamSet, v *diagnosis.Verdict) {
	serving := set.Serving()
	for _, stream := range set.Streams {
		i := slices.IndexFunc(serving, func(view facts.View) bool { return view.Addr == stream.Addr })
		if i < 0 {
			continue // ns.delegation-consistent
		}
		family := facts.FamilyOf(stream.Addr)
		zone := record.Display(set.Zone)
		switch {
		case stream.SOA.Err == nil:
			v.Seen = append(v.Seen, stream.SOA.Evidence())
		case !set.Open(family):
			closed := diagnosis.Doubt{Subject: zone, Reason: fmt.Sprintf("no name server of %s is reached over TCP and %s from here: port 53 may be closed on the way out", zone, family)}
			if !slices.Contains(v.Doubts, closed) {
				v.Doubts = append(v.Doubts, closed)
			}
		default:
			v.Findings = append(v.Findings, noTCP(set, stream, serving[i]))
		}
	}
}

// noTCP is the finding about a server that answers over UDP only.
func noTCP(set facts.StreamSet, stream facts.Stream, view facts.View) diagnosis.Finding {
	host := record.Display(stream.Name)
	f := diagnosis.Finding{
		Subject: host, Severity: diagnosis.Warning,
		Message:  fmt.Sprintf("name server %s (%s) of %s does not answer over TCP%s", host, stream.Addr, record.Display(set.Zone), how(stream.SOA.Err)),
		Evidence: []diagnosis.Evidence{view.SOA.Evidence(), stream.SOA.Evidence()},
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Open TCP port 53 to %s in its firewall, beside UDP, and let the name server listen on it.", stream.Addr),
		}},
	}
	var lost []string
	for _, s := range []facts.Said{view.NS, view.MX, view.TXT, view.DMARC} {
		if resolve.KindOf(s.Err) == resolve.Truncated {
			lost = append(lost, resolve.Ask(s.Inquiry.Name, s.Inquiry.Type).String())
			f.Evidence = append(f.Evidence, s.Evidence())
		}
	}
	if len(lost) > 0 {
		f.Message += fmt.Sprintf("; its answer to %s is too large for UDP, and is lost", strings.Join(lost, " and "))
	}
	return f
}

// how is in which way TCP fails, as far as it is known.
func how(err error) string {
	switch resolve.KindOf(err) {
	case resolve.Unreachable:
		return ": connections are refused or broken off"
	case resolve.Timeout:
		return ": connections time out, while UDP is answered"
	}
	return ": " + facts.Why(err)
}
