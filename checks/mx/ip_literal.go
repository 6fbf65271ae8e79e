package mx

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// IPLiteral: MX records name hosts.
var IPLiteral = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.ip-literal",
		Title:    "MX names hosts, not addresses",
		Severity: diagnosis.Critical,
		Why:      "An MX record holds a host name. An address there, or a name to which the zone was added twice, is a name that does not exist: mail does not arrive.",
		Doc: `An MX record consists of a preference and a host name. An IP address in its place is taken for a name ("192.0.2.25." in the top-level domain "25") and leads nowhere. The same happens where the final dot is missing in a zone file: "mail.example.org" becomes "mail.example.org.example.org".

To fix it, give the mail host a name with an A or AAAA record, and write that name, with a final dot in zone files.

A few senders accept an address here. Most do not, and return the mail.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 3.3.9"}, {Name: "RFC 5321, 5.1"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) { ipLiteral(env, set, v) })
	},
})

func ipLiteral(env *checks.Env, set facts.MXSet, v *diagnosis.Verdict) {
	for _, h := range set.Hosts {
		name := record.Display(h.Name)
		finding := diagnosis.Finding{Subject: name, Severity: diagnosis.Critical, Evidence: seen(set)}
		once, doubled := withoutZone(h, env.Domain)
		switch {
		case h.Literal:
			finding.Message = fmt.Sprintf("MX %d of %s is the address %s, not a host name", h.Preference, record.Display(env.Domain), name)
			finding.Remedy.Steps = []string{"Publish an A or AAAA record for the mail host, for example `mail." + env.Domain + "`, and name that host in the MX record."}
		case doubled:
			finding.Message = fmt.Sprintf("MX %d of %s is %s: the zone's name stands in it twice, because the final dot is missing", h.Preference, record.Display(env.Domain), name)
			finding.Remedy.Edits = []record.Edit{replace(env, set, func(n string) string {
				if n == h.Name {
					return once
				}
				return n
			})}
		default:
			continue
		}
		v.Findings = append(v.Findings, finding)
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: "MX", Answer: list(set)})
}

// withoutZone reports the name that was meant where a host without any address
// ends in the domain twice.
func withoutZone(h facts.Host, domain string) (string, bool) {
	head, ok := strings.CutSuffix(h.Name, "."+domain)
	if !ok || len(h.Addrs) > 0 || !h.Known() {
		return "", false
	}
	head = record.Canonical(head)
	return head, record.Within(head, domain)
}
