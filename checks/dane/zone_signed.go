package dane

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dnssec"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// ZoneSigned: TLSA records stand where they count.
var ZoneSigned = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dane.zone-signed",
		Title:    "TLSA records stand in signed zones",
		Severity: diagnosis.Warning,
		Why:      "TLSA records in a zone without DNSSEC do nothing: no sender looks at them, and the protection that somebody set up is not there.",
		Doc: `A TLSA record counts only if DNSSEC secures it, the addresses of the host and, for the full effect, the MX records that lead to it (RFC 7672, 2.2). Without that it is not wrong but inert, so it harms no delivery, and nothing is held against a host that has none.

Judged are the TLSA records and the addresses of each MX host. At hosts of a provider's a breach is advice: its operator is the one to sign.

To fix it, sign the zone of the host (at most DNS providers that is one switch, and a DS record to hand to the registrar), or delete the TLSA records.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7672, 2.2"}, {Name: "RFC 7672, 2.2.2"}, {Name: "RFC 6698, 4.1"}},
	},
	Needs: []*checks.Check{mx.Exists, dnssec.ResolverValidates},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return eachHost(ctx, env, func(v *diagnosis.Verdict, _ facts.DANESet, h facts.DANEHost) { zoneSigned(env, v, h) })
	},
})

func zoneSigned(env *checks.Env, v *diagnosis.Verdict, h facts.DANEHost) {
	if h.Err != nil { // whether there are any is not known
		if h.Addrs.Secure() || h.TLSA.Secure() {
			note(v, h, "its zone is signed")
			return
		}
		doubt(v, h, h.Err)
		return
	}
	if len(h.Records) == 0 {
		note(v, h, "no TLSA record")
		return
	}
	for _, s := range []facts.Signing{h.TLSA, h.Addrs} {
		switch {
		case s.Err != nil:
			doubt(v, h, s.Err)
			return
		case s.Proof.Security == resolve.Insecure:
			v.Findings = append(v.Findings, inert(env, h, s))
			return
		}
	}
	note(v, h, "%s", h.Answer.String())
}

func inert(env *checks.Env, h facts.DANEHost, s facts.Signing) diagnosis.Finding {
	zone := record.Display(s.Proof.Zone)
	f := diagnosis.Finding{
		Subject: record.Display(h.Name), Severity: diagnosis.Warning,
		Message:  fmt.Sprintf("the TLSA records at %s do nothing: %s is not secured by DNSSEC (%s)", record.Display(h.TLSA.Name), s.Question, s.Proof.Why),
		Evidence: []diagnosis.Evidence{evidence(h)},
		Remedy:   diagnosis.Remedy{Steps: []string{fmt.Sprintf("Sign the zone %s, and have its registrar publish the DS; or delete the TLSA records.", zone)}},
	}
	if !owned(env, h) {
		f.Severity = diagnosis.Advice
		f.Remedy.Steps = []string{fmt.Sprintf("Ask the operator of %s to sign its zone; delivery does not suffer meanwhile.", record.Display(h.Name))}
	}
	return f
}
