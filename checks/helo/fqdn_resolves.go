package helo

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// FQDNResolves: the name in EHLO is a host's, and leads to it.
var FQDNResolves = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "helo.fqdn-resolves",
		Title:    "The EHLO name is a full host name that resolves to the sending address",
		Severity: diagnosis.Warning,
		Why:      "Receivers refuse or mark down clients that call themselves localhost, a bare address, or a name that does not exist.",
		Doc: `A client names itself in EHLO by its fully qualified host name, one that resolves to its address. Postfix' reject_non_fqdn_helo_hostname and reject_unknown_helo_hostname, and every spam filter, look at that.

The name is taken from --helo (held against the addresses of --ip), else from what the MX hosts that also send say of themselves in their answer to EHLO. Servers as a rule send under that name; as some do not (Exchange has a name for each connector), it is advice then. Names with an underscore, of a single label, bare addresses and names such as server.lan are faults. A full name that does not resolve, or resolves to other addresses, is one where it lies in the domain or was given with --helo; hosts of a provider are pools, and answer under inside names.

To fix it, set the server's host name to one with an A and, if it sends over IPv6, an AAAA record for the addresses that it sends from. Postfix: myhostname (or smtp_helo_name). Mailu: the first name in HOSTNAMES. mailcow: MAILCOW_HOSTNAME. Exim: primary_hostname.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.1.1.1"}, {Name: "RFC 5321, 2.3.5"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run:   fqdnResolves,
})

func fqdnResolves(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	all, err := callers(ctx, env)
	if err != nil {
		return v, err
	}
	for _, c := range all {
		c.judge(ctx, env, &v)
	}
	if len(all) == 0 {
		v.Skip = "no EHLO name of a sending host is known; give it with --helo NAME"
	}
	return v, nil
}

// judge holds one name to the rule.
func (c caller) judge(ctx context.Context, env *checks.Env, v *diagnosis.Verdict) {
	name, fault := facts.HostName(c.word)
	if fault != "" {
		c.find(v, fmt.Sprintf("the EHLO name of %s is %q, which %s", c.subject(), c.word, fault), nil,
			"Set the server's host name to its full name in the DNS, as in mail.example.com; in Postfix: myhostname.")
		return
	}
	shown := record.Display(name)
	if !c.declared && !record.Within(name, registrable(env.Domain)) {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: c.subject(), Answer: shown + ", a host of somebody else"})
		return
	}
	found := facts.Addresses(ctx, env, name)
	var evidence []diagnosis.Evidence
	for _, answer := range found.Answers {
		evidence = append(evidence, diagnosis.Evidence{Question: answer.Question.String(), Answer: answer.String()})
	}
	missing := slices.DeleteFunc(slices.Clone(c.addrs), func(a addr) bool { return slices.Contains(found.Addrs, a) })
	switch {
	case len(found.Addrs) > 0 && len(missing) == 0:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: c.subject(), Answer: shown + " leads to " + listed(found.Addrs)})
	case !found.Known():
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: c.subject(), Reason: found.Errs[0].Error()})
	case len(found.Addrs) == 0:
		c.find(v, fmt.Sprintf("the EHLO name of %s is %s, a name without an address", c.subject(), shown), evidence,
			fmt.Sprintf("Publish the address of the host at %s, or set the server's host name to one that has it.", shown))
	default:
		c.find(v, fmt.Sprintf("the EHLO name of %s is %s, which leads to %s instead", listed(missing), shown, listed(found.Addrs)), evidence,
			fmt.Sprintf("Add %s to the addresses of %s, or set the server's host name to one that leads there.", listed(missing), shown))
	}
}

func (c caller) find(v *diagnosis.Verdict, message string, evidence []diagnosis.Evidence, steps ...string) {
	severity := diagnosis.Advice // what it answers need not be what it sends under
	if c.declared {
		severity = diagnosis.Warning
	}
	v.Findings = append(v.Findings, diagnosis.Finding{
		Subject: c.subject(), Severity: severity, Message: message,
		Evidence: append([]diagnosis.Evidence{{Question: "EHLO " + c.subject(), Answer: c.word}}, evidence...),
		Remedy:   diagnosis.Remedy{Steps: steps},
	})
}

// registrable is the domain that the owner of a name has registered.
func registrable(name string) string {
	if domain, err := publicsuffix.EffectiveTLDPlusOne(record.Display(name)); err == nil {
		return record.Canonical(domain)
	}
	return name
}
