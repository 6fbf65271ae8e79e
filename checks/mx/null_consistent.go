package mx

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// NullConsistent: a null MX is alone and meant.
var NullConsistent = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.null-consistent",
		Title:    "A null MX, if used, stands alone and is meant",
		Severity: diagnosis.Critical,
		Why:      "A null MX tells senders to give up at once. Beside real MX records each sender decides for itself which of the two it believes.",
		Doc: `The MX record "0 ." says that the domain takes no mail; senders return the message at once instead of trying for days. It must be the only MX record of the domain.

To fix a mixed set, delete the null MX if the domain takes mail, or all others if it does not. A domain that has an address, no MX and an SPF record that authorises nobody is better off with a null MX: otherwise senders try its web server.

A domain that sends mail should not publish a null MX: bounces and replies cannot reach it, and some receivers refuse its mail for that.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7505, 3"}, {Name: "RFC 7505, 4.2"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   nullConsistent,
})

func nullConsistent(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	set, err := facts.MX.Of(ctx, env)
	if err != nil {
		return v, err
	}
	purpose, err := facts.Intent.Of(ctx, env)
	if err != nil {
		return v, err
	}
	domain := record.Display(env.Domain)
	finding := diagnosis.Finding{Subject: domain, Severity: diagnosis.Advice, Evidence: seen(set)}
	null := record.Set(record.MXSet(env.Domain), record.MX(env.Domain, 0, "."))
	switch {
	case set.Null && len(set.Hosts) > 0:
		finding.Severity = diagnosis.Critical
		finding.Message = fmt.Sprintf("%s has a null MX beside %s: it says that it takes mail and that it does not", domain, list(facts.MXSet{Hosts: set.Hosts}))
		finding.Remedy.Edits = []record.Edit{replace(env, set, func(name string) string { return name })}
	case set.Null && purpose.Sends:
		if _, err := facts.SPF.Of(ctx, env); err != nil {
			return v, err // then it is only presumed to send
		}
		finding.Message = fmt.Sprintf("%s has a null MX but is set up to send mail: replies and bounces cannot reach it", domain)
		finding.Remedy.Steps = []string{"If the domain sends mail, publish an MX record for a host that takes the replies.",
			"If it sends none, publish `" + record.TXT(env.Domain, "v=spf1 -all").String() + "`."}
	case set.Implicit && !purpose.Sends && len(set.Hosts[0].Addrs) > 0:
		finding.Message = fmt.Sprintf("%s sends no mail and has no MX, but an address: senders will try to deliver to %s", domain, set.Hosts[0].Addrs[0])
		finding.Remedy.Edits = []record.Edit{null}
		finding.Remedy.Steps = []string{fmt.Sprintf("If mail to the domain shall arrive at that address, publish this instead: `%s`", record.MX(env.Domain, 10, env.Domain))}
		reports, err := reportsHere(ctx, env)
		if err != nil {
			return v, err
		}
		if reports != "" {
			finding.Remedy = diagnosis.Remedy{Steps: []string{
				fmt.Sprintf("DMARC reports go to %s, a mailbox of this domain. If mail to it arrives, name the host that takes it: `%s`", reports, record.MX(env.Domain, 10, env.Domain)),
				fmt.Sprintf("Else name a mailbox of another domain in rua, then publish the null MX: `%s`", record.MX(env.Domain, 0, ".")),
			}}
		}
	case set.Null:
		v.Seen = []diagnosis.Evidence{{Question: "MX", Answer: "the null MX stands alone"}}
		return v, nil
	default:
		v.Seen = []diagnosis.Evidence{{Question: "MX", Answer: "no null MX"}}
		return v, nil
	}
	v.Findings = append(v.Findings, finding)
	return v, nil
}

// reportsHere is the address below the domain to which its DMARC reports go, if
// there is one: after a null MX they would be lost.
func reportsHere(ctx context.Context, env *checks.Env) (string, error) {
	hosts, err := facts.DMARCReportHosts.Of(ctx, env)
	if err != nil {
		return "", err
	}
	for _, h := range hosts.List {
		if h.Name == env.Domain {
			return h.Addresses[0].Address, nil
		}
	}
	return "", nil
}
