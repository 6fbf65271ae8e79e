package mx

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Exists: the domain says where its mail goes.
var Exists = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.exists",
		Title:    "The domain publishes MX",
		Severity: diagnosis.Critical,
		Why:      "Without an MX record and without an address, no mail can be delivered to the domain. With an address alone, senders try the web server.",
		Doc: `The MX records of a domain name the hosts that take its mail. Where there is none, senders fall back to the A and AAAA records of the domain itself, the implicit MX: often a web server that listens on no mail port, so that mail waits for days and then bounces.

To fix it, publish one MX record that names the mail host: example.org. MX 10 mail.example.org. The host needs an A or AAAA record of its own. A domain that shall take no mail says so with a null MX: example.org. MX 0 .

Receivers look here too: many refuse a message whose sender domain has neither MX nor address, as no bounce could reach it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}, {Name: "RFC 7505"}},
	},
	Needs: []*checks.Check{dns.DomainExists, dns.CNAMECoexistence},
	Run:   exists,
})

func exists(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
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
	finding := diagnosis.Finding{Subject: domain, Evidence: seen(set)}
	switch {
	case set.ReceivesNothing():
		v.Seen = []diagnosis.Evidence{{Question: "MX", Answer: "null MX: the domain takes no mail"}}
		return v, nil
	case len(set.Answer.Records) > 0:
		v.Seen = []diagnosis.Evidence{{Question: "MX", Answer: list(set)}}
		return v, nil
	case !purpose.Sends:
		v.Skip = "the domain sends no mail, so it needs no MX"
		return v, nil
	case set.Implicit && len(set.Hosts[0].Addrs) == 0:
		return v, set.Hosts[0].Errs[0]
	case set.Implicit:
		finding.Severity = diagnosis.Advice
		finding.Message = fmt.Sprintf("%s has no MX record; senders use its own address %s instead", domain, set.Hosts[0].Addrs[0])
		finding.Remedy.Steps = []string{
			"If the mail server runs there, say so: `" + record.MX(env.Domain, 10, env.Domain).String() + "`",
			"If another host takes the mail, publish an MX record that names it instead.",
			"If the domain shall take no mail, publish the null MX: `" + record.MX(env.Domain, 0, ".").String() + "`",
		}
	default:
		finding.Severity = diagnosis.Critical
		finding.Message = fmt.Sprintf("%s has no MX record and no address: no mail can be delivered to it", domain)
		finding.Remedy.Steps = firstMX(ctx, env)
	}
	v.Findings = append(v.Findings, finding)
	return v, nil
}

// list is the MX set in a line: "10 mx1.example.org, 20 mx2.example.org".
func list(set facts.MXSet) string {
	var hosts []string
	for _, h := range set.Hosts {
		hosts = append(hosts, fmt.Sprintf("%d %s", h.Preference, record.Display(h.Name)))
	}
	if set.Null {
		hosts = append(hosts, "0 .")
	}
	return strings.Join(hosts, ", ")
}

// firstMX leads a domain without any to an MX record: of a subdomain, that may
// be the mail host of the domain above it.
func firstMX(ctx context.Context, env *checks.Env) []string {
	parent := dmarc.ListedOrganizational(env.Domain)
	if parent != env.Domain {
		answer, err := env.DNS.Resolve(ctx, resolve.Ask(parent, "MX"))
		for _, r := range answer.Records {
			preference, host, ok := r.MX()
			if err == nil && ok && host != "." {
				return []string{fmt.Sprintf("Let the mail host of %s take its mail, bounces above all, and tell that host of the domain; or name another host: `%s`",
					record.Display(parent), record.MX(env.Domain, preference, host))}
			}
		}
	}
	return []string{
		"If the domain has a mail host of its own, give that an A record, and an AAAA record if it has IPv6.",
		fmt.Sprintf("Publish an MX record that names the host, for instance `%s`", record.MX(env.Domain, 10, "mail."+env.Domain)),
	}
}
