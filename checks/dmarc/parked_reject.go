package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// ParkedReject: a domain without mail has everything refused.
var ParkedReject = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.parked-reject",
		Title:    "A domain that sends no mail says p=reject",
		Severity: diagnosis.Warning,
		Why:      "All mail in the name of such a domain is forged. With less than reject some of it is delivered, if only to the spam folder, and there is no mail of one's own to be careful about.",
		Doc: `Where a domain sends no mail there is no risk in the strictest policy, and no reason to begin with anything else. Neither sp nor np may be weaker: the names below send no mail either.

That a domain sends no mail is concluded from "v=spf1 -all", or from a null MX beside an SPF record that authorises nobody. Name senders with --ip or --selector where that is wrong.

To fix it, publish the record below.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "M3AAWG, Protecting Parked Domains", URL: "https://www.m3aawg.org/sites/default/files/m3aawg_parked_domains_bp-2015-12.pdf"}},
	},
	Needs: []*checks.Check{Exists, PolicyNone},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgePolicy(ctx, env, parkedReject)
	},
})

func parkedReject(s subject, v *diagnosis.Verdict) {
	if s.purpose.Sends {
		v.Seen = []diagnosis.Evidence{{Question: "sends mail", Answer: "yes, as far as can be told"}}
		return
	}
	if v.Skip = s.unreadable(); v.Skip != "" {
		return
	}
	r := s.Policy.Record
	weak := ""
	for _, relation := range []dmarc.Relation{dmarc.NonExistent, dmarc.Subdomain, s.Relation} {
		if policy, tag := r.Stated(relation); policy != dmarc.Reject && (relation == s.Relation || s.Relation == dmarc.Self && s.Policy.Domain == s.Organizational) {
			weak = fmt.Sprintf("%s=%s", tag, policy)
		}
	}
	if weak == "" {
		v.Seen = s.seen()
		return
	}
	f := s.finding(diagnosis.Warning, "%s sends no mail, but %s has %s: forged mail%s is still let in", s.name, s.at(), weak, s.from())
	f.Remedy.Edits = []record.Edit{publish(s.Here(), s.denial())}
	v.Findings = []diagnosis.Finding{f}
}

// denial is the record at the domain itself that has everything refused.
func (s subject) denial() dmarc.Record {
	if s.Relation == dmarc.Self {
		return s.cured()
	}
	return dmarc.Record{RUA: s.cured().RUA}.WithPolicy(dmarc.Reject)
}
