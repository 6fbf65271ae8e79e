package ptr

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// Exists: sending addresses have names.
var Exists = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ptr.exists",
		Title:    "Every sending IPv4 and IPv6 has a PTR",
		Severity: diagnosis.Critical,
		Why:      "Gmail, Yahoo and many others refuse mail from an address without reverse DNS, or file it as spam.",
		Doc: `The PTR record of an address gives its name. It stands in a zone that belongs to whoever owns the address block: the hoster or the access provider, never in the zone of your own domain.

To fix it, set the reverse DNS in the hoster's panel, for IPv4 and for IPv6, to the name by which the mail server greets. Where the provider sets no PTR for IPv6, let the server send over IPv4 only. Where it sets none at all, as on most home connections, send through a relay.

Gmail answers 550 5.7.25 to mail without a PTR; Yahoo defers it; Postfix sites reject it with reject_unknown_reverse_client_hostname.`,
		Refs: []diagnosis.Ref{
			{Name: "Gmail sender guidelines", URL: "https://support.google.com/mail/answer/81126"},
			{Name: "RFC 1912, 2.1"},
		},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return eachSender(ctx, env, func(s facts.Sender, r facts.Reverse, v *diagnosis.Verdict) { exists(ctx, env, s, r, v) })
	},
})

func exists(ctx context.Context, env *checks.Env, s facts.Sender, r facts.Reverse, v *diagnosis.Verdict) {
	if len(r.Names) > 0 {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: s.Addr.String(), Answer: names(r)})
		return
	}
	why := ""
	if s.Why != "" {
		why = " (" + s.Why + ")"
	}
	steps := setPTR(ctx, env, s.Addr, wantedName(env, s))
	if s.Addr.Is6() {
		steps = append(steps, "If no PTR can be had for IPv6, let the mail server send over IPv4 only (Postfix: inet_protocols = ipv4, or smtp_address_preference = ipv4).")
	}
	v.Findings = append(v.Findings, diagnosis.Finding{
		Subject: s.Addr.String(), Severity: diagnosis.Critical, Evidence: evidence(r),
		Message: fmt.Sprintf("the sending %s address %s has no PTR record%s", family(s.Addr), s.Addr, why),
		Remedy:  diagnosis.Remedy{Steps: steps},
	})
}
