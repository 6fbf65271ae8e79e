package dane

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/record"
)

// RolloverRecord: the next key does not stop mail.
var RolloverRecord = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dane.rollover-record",
		Title:    "TLSA records leave room for the next key",
		Severity: diagnosis.Advice,
		Why:      "With a record of the current key alone, the day the key changes is the day on which mail from senders that go by DANE stops, for as long as caches hold the old record.",
		Doc: `A new certificate with a new key matches no TLSA record until the record has changed and every cache has forgotten the old one. So the record of the next key is published first, beside that of the current one, and at least two TTLs before the key is used (RFC 7671, 8.1). A record of usage 2, for what issues the certificates, does the same: it outlives the host's keys.

Passed are hosts with two or more usable records, or one of usage 2. One record of usage 3 with selector 1 is in order as long as renewals keep the key; with selector 0 it is of the certificate as a whole, and every renewal breaks it.

To fix it, make the next key now, keep it aside, and publish its 3 1 1 record too; or publish beside the 3 1 1 a 2 1 1 of the authority that issues your certificates, if the host presents its certificate too.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7671, 8.1"}, {Name: "RFC 7671, 8.4"}, {Name: "RFC 7672, 8.1"}},
	},
	Needs: []*checks.Check{Published},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return eachHost(ctx, env, func(v *diagnosis.Verdict, _ facts.DANESet, h facts.DANEHost) { rollover(env, v, h) })
	},
})

func rollover(env *checks.Env, v *diagnosis.Verdict, h facts.DANEHost) {
	if undecided(v, h) {
		return
	}
	usable := h.Usable()
	switch {
	case len(usable) == 0:
		note(v, h, "no TLSA record that SMTP uses")
	case len(usable) > 1 || usable[0].Usage == dane.TA:
		note(v, h, "%s", h.Answer.String())
	case !owned(env, h):
		note(v, h, "one record of usage 3; the keys are its operator's matter")
	default:
		f := diagnosis.Finding{
			Subject: record.Display(h.Name), Severity: diagnosis.Advice,
			Message:  fmt.Sprintf("%s has one TLSA record, %d %d %d of its current key: a new key would stop mail", record.Display(h.TLSA.Name), usable[0].Usage, usable[0].Selector, usable[0].Matching),
			Evidence: []diagnosis.Evidence{evidence(h)},
			Remedy: diagnosis.Remedy{Steps: []string{
				"Make the next key now, and publish at " + record.Display(h.TLSA.Name) + " its record TLSA 3 1 1 beside the current one.",
			}},
		}
		if usable[0].Selector == dane.Whole {
			f.Message = fmt.Sprintf("%s has one TLSA record, %d 0 %d of its current certificate: the next renewal would stop mail", record.Display(h.TLSA.Name), usable[0].Usage, usable[0].Matching)
		}
		v.Findings = append(v.Findings, f)
	}
}
