package ip

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// Port25Outbound: this machine can reach mail hosts elsewhere.
var Port25Outbound = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ip.port25-outbound",
		Title:    "This host can reach port 25 elsewhere",
		Severity: diagnosis.Critical,
		Why:      "A mail host that cannot connect to port 25 of others delivers nothing. From any other machine, a closed way out only means that mail hosts cannot be examined from here.",
		Doc: `Mail goes from server to server over TCP port 25. Most providers of homes, and many of virtual servers, let no connection to it out, to keep spam in.

It is judged for IPv4 and for IPv6 by itself, where the domain has mail hosts. A mail host of the domain that accepts a connection settles it. Where none does, the mail hosts of several large receivers are asked, one connection each; only if all of them fail while the DNS works is the port taken to be closed here. A machine without IPv6 is not at fault.

It is a fault only of a machine that is itself a mail host or sender of the domain. Anywhere else it is a blind spot of this examination, and what depends on it is unknown.

To fix it on a mail host, ask the provider to open outbound port 25 (some do on request, some for a fee), look for a rule of your own firewall, or send through a smart host on port 465 or 587.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.5.4.2"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{mx.Exists, dns.RootKnown},
	Run:   port25Outbound,
})

func port25Outbound(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	outlets, err := facts.Port25.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = outlets.Off; v.Skip != "" {
		return v, nil
	}
	for _, o := range outlets.List {
		closed := o.Reach == probe.ReachClosed || o.Reach == probe.ReachNone
		switch {
		case o.Reach == probe.ReachOpen:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: "from here", Answer: "port 25 is open over " + o.Family.String()})
		case closed && len(o.Own) > 0:
			v.Findings = append(v.Findings, shutIn(ctx, env, o))
		default:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: o.Family.String(), Reason: blindSpot(o)})
		}
		v.Seen = append(v.Seen, o.Evidence...)
	}
	return v, nil
}

// blindSpot says why mail hosts cannot be examined from here over a family.
func blindSpot(o facts.Outlet) string {
	switch o.Reach {
	case probe.ReachNone:
		return fmt.Sprintf("this machine has no %s", o.Family)
	case probe.ReachClosed:
		return fmt.Sprintf("outbound port 25 over %s is closed here: none of %d well-known mail hosts could be reached", o.Family, o.Asked)
	}
	return fmt.Sprintf("no mail host was reached over %s, and too few well-known ones could be asked to tell why", o.Family)
}

func shutIn(ctx context.Context, env *checks.Env, o facts.Outlet) diagnosis.Finding {
	role := ""
	if env.Subject() == checks.Domains {
		role = " handles mail for the domain but"
	}
	message := fmt.Sprintf("this machine, %s,%s reaches no port 25 over %s: none of %d well-known mail hosts answered", o.Own[0], role, o.Family, o.Asked)
	if o.Reach == probe.ReachNone {
		message = fmt.Sprintf("this machine, %s,%s has no route out over %s", o.Own[0], role, o.Family)
	}
	return diagnosis.Finding{
		Subject: o.Family.String(), Severity: diagnosis.Critical, Message: message, Evidence: o.Evidence,
		Remedy: diagnosis.Remedy{Steps: wayOut(ctx, env, o)},
	}
}

// wayOut is the steps by which mail gets out. Where it is known who rents the
// machine out, the first is his; a machine without a route has no such gate yet.
func wayOut(ctx context.Context, env *checks.Env, o facts.Outlet) []string {
	open, relay := "Ask the provider of this machine to open outbound TCP port 25.", "on port 465 or 587"
	if hoster, ok := facts.HosterOf(ctx, env, o.Own[0]); ok && o.Reach == probe.ReachClosed && hoster.Port25.Known() {
		open = hoster.Step(o.Own[0], hoster.Port25)
		if hoster.Mute {
			relay = "that takes mail on another port than 25, 465 and 587, as many do on 2525"
		}
	}
	return []string{open, "Look for a firewall rule of your own that rejects or drops it.", "Until then, send through a smart host " + relay + "."}
}
