package mx

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// ValidationLeftover: no MX record is left that only proved who owns the domain.
var ValidationLeftover = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.validation-leftover",
		Title:    "No validation MX remains",
		Severity: diagnosis.Advice,
		Why:      "The record names a host that can never exist. Senders try it when the others are down, and some bounce the mail at once because of it.",
		Doc: `Microsoft 365 once proved the ownership of a domain by an MX record of a name below msv1.invalid. It has served its purpose when the domain is verified, and nothing below .invalid ever resolves (RFC 6761).

To fix it, delete the record and leave the others. If it is the only MX record, name the hosts that take the mail first: without them nothing is delivered.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6761, 6.4"}, {Name: "RFC 5321, 5.1"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeSet(ctx, env, func(set facts.MXSet, v *diagnosis.Verdict) { validationLeftover(env, set, v) })
	},
})

// validation reports whether an MX host is one that only proves ownership.
func validation(host string) bool { return record.Within(host, "msv1.invalid") }

func validationLeftover(env *checks.Env, set facts.MXSet, v *diagnosis.Verdict) {
	left, real := "", 0
	for _, h := range set.Hosts {
		if validation(h.Name) {
			left = record.Display(h.Name)
		} else {
			real++
		}
	}
	v.Seen = []diagnosis.Evidence{{Question: "validation records among the MX", Answer: "none"}}
	if left == "" {
		return
	}
	f := diagnosis.Finding{
		Subject: left, Severity: diagnosis.Advice, Evidence: seen(set),
		Message: fmt.Sprintf("%s still has the MX %s, which once proved its ownership and can never take mail", record.Display(env.Domain), left),
	}
	if real > 0 {
		f.Remedy.Edits = []record.Edit{replace(env, set, func(name string) string {
			if validation(name) {
				return ""
			}
			return name
		})}
	} else {
		f.Severity = diagnosis.Critical
		f.Message = fmt.Sprintf("the only MX of %s is %s, which once proved its ownership and can never take mail: all mail to it is lost", record.Display(env.Domain), left)
		f.Remedy.Steps = []string{"Publish the MX records of the hosts that take the domain's mail; Microsoft 365 shows its own in the admin center, under the domain's DNS records.",
			"Then delete that of " + left + "."}
	}
	v.Findings = []diagnosis.Finding{f}
}
