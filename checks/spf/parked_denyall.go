package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// ParkedDenyall: a domain without mail says so plainly.
var ParkedDenyall = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.parked-denyall",
		Title:    "A domain that sends no mail publishes exactly v=spf1 -all",
		Severity: diagnosis.Warning,
		Why:      "Forgers like domains that nobody watches. Anything softer than -all lets receivers deliver what they send in its name.",
		Doc: `A domain that sends no mail has nothing to lose by the strictest record: v=spf1 -all, and no other term. ~all and ?all ask receivers to let forged mail in; a redirect or an explanation beside -all only invites mistakes.

That a domain sends no mail is concluded from "v=spf1 -all" itself, or from a null MX beside an SPF record that authorises nobody. Name senders with --ip or --selector where that is wrong.

To fix it, publish the record. Beside it belong a null MX and DMARC with p=reject.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 10.1.2"}, {Name: "M3AAWG, Protecting Parked Domains", URL: "https://www.m3aawg.org/sites/default/files/m3aawg_parked_domains_bp-2015-12.pdf"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		purpose, err := facts.Intent.Of(ctx, env)
		if err != nil {
			return diagnosis.Verdict{}, err
		}
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			switch {
			case purpose.Sends:
				v.Seen = []diagnosis.Evidence{{Question: "sends mail", Answer: "yes, as far as can be told"}}
			case r.Record.String() == spf.Deny().String():
				v.Seen = evidence(r)
			default:
				f := finding(env, r, diagnosis.Warning, "%s sends no mail (%s), but its SPF record is %q and not %q", name(env), purpose.Why, clip(r.Texts[0]), spf.Deny())
				f.Remedy = remedy(ctx, env)
				v.Findings = []diagnosis.Finding{f}
			}
		})
	},
})
