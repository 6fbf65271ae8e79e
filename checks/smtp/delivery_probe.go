package smtp

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// DeliveryProbe: a mail would arrive.
var DeliveryProbe = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.delivery-probe",
		Title:    "A delivery goes through, from the MX question to RCPT",
		Severity: diagnosis.Critical,
		Why:      "Each stage can be right by itself, and mail be lost between them: a policy that does not fit the certificate, a host that is first in line and refuses. What counts is whether a sender gets to the point where the host says yes.",
		Doc: `The way of a mail to postmaster@ the domain is followed as a sender goes it: the MX records, the policies about encryption (MTA-STS, TLSA; and who gets reports about them), then each address of each mail host in the order of preference: connect, greeting, EHLO, STARTTLS, TLS, EHLO, MAIL, RCPT, each with the milliseconds it took from here, and QUIT. DATA is never sent. The first host that takes the recipient settles it.

The policy in force is that of the strictest sender: where TLSA records that are secured by DNSSEC can be used the host must show a certificate that they name (DANE), else under an MTA-STS policy in mode enforce it must be named there and show a certificate that is valid; else TLS is tried and not insisted on. A host that does not keep to it is passed over like one that does not answer. A refusal for good (5yz) to MAIL or RCPT ends the delivery; a temporary one (4yz), or one that may be meant for this machine alone, leaves the question open.

What is found names the stage at which the delivery stops. What to do about it stands with the check of that stage, of which this one is the sum: smtp.port25-inbound, smtp.starttls, smtp.certificate, smtp.postmaster-accepts, dane.chain-match, mtasts.mx-covered, mtasts.enforce-cert. Without DNSSEC, or with HTTPS turned off, the policies that are then not known are left out.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}, {Name: "RFC 7672, 2.2"}, {Name: "RFC 8461, 5"}, {Name: "RFC 7435, 3"}},
	},
	Needs: []*checks.Check{Port25Inbound, EHLOExtensions, STARTTLS, Certificate, PostmasterAccepts},
	Run:   deliveryProbe,
})

func deliveryProbe(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	sessions, err := facts.Sessions.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = sessions.Off; v.Skip != "" {
		return v, nil
	}
	route, err := newRoute(ctx, env)
	if err != nil {
		return v, err
	}
	var list []remark
	var unpoliced []stop
	refused := "" // by this host for good: no other one is tried
	for _, s := range sessions.List {
		if refused != "" && s.Host.Name != refused {
			break
		}
		end := route.follow(s)
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: route.to + " by " + record.Display(s.Host.Name) + " [" + s.Target.Addr.String() + "]", Answer: route.table(s) + "\n" + end.String()})
		a := assessor{s, &list}
		switch {
		case end.delivered && refused != "":
		case end.delivered: // what the hosts before it did costs the mail some seconds
			return v, nil
		case !s.Greeted(): // the matter of Port25Inbound
		case end.doubt:
			a.doubt("stops a delivery at %s, and might not another one: it %s", end.stage, end.why)
		case end.policy:
			unpoliced = append(unpoliced, stop{end, s})
		default:
			a.fault(end.severity, fmt.Sprintf("stops a delivery at %s: it %s", end.stage, end.why), []string{"See " + end.see + ", which says what to do about it."}, end.proof...)
		}
		if end.final {
			refused = s.Host.Name
		}
	}
	tables := v.Seen
	sayAll(env, &v, list, sessions)
	v.Seen = tables // they say more
	v.Findings = append(v.Findings, policed(env, unpoliced)...)
	if len(v.Findings)+len(v.Doubts) == 0 {
		v.Doubts = []diagnosis.Doubt{{Reason: "no mail host was reached"}}
	}
	return v, nil
}

// A stop is where a delivery ends over one address.
type stop struct {
	end
	session facts.HostSession
}

// policed is the findings of hosts that do not keep to a policy, each fault once,
// whoever has it: where it stops all of them, the policy is the likely culprit.
func policed(env *checks.Env, stops []stop) []diagnosis.Finding {
	var findings []diagnosis.Finding
	for len(stops) > 0 {
		first := stops[0]
		var hosts []string
		var rest []stop
		for _, s := range stops {
			switch host := record.Display(s.session.Host.Name); {
			case s.stage != first.stage || s.why != first.why:
				rest = append(rest, s)
			case !slices.Contains(hosts, host):
				hosts = append(hosts, host)
			}
		}
		findings = append(findings, diagnosis.Finding{
			Subject: record.Display(env.Domain), Severity: diagnosis.Critical,
			Message:  fmt.Sprintf("a delivery to %s by %s stops at %s: the host %s", record.Display(env.Domain), listed(hosts), first.stage, first.why),
			Evidence: []diagnosis.Evidence{first.session.Evidence(first.proof...)},
			Remedy:   diagnosis.Remedy{Steps: []string{"See " + first.see + ", which says what to do about it."}},
		})
		stops = rest
	}
	return findings
}
