package spf

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// PTRMechanism: the record does not lean on the reverse DNS.
var PTRMechanism = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.ptr-mechanism",
		Title:    "ptr is not used",
		Severity: diagnosis.Warning,
		Why:      "ptr is slow and unreliable, and some receivers skip it: senders that only ptr authorises pass here and fail there.",
		Doc: `The mechanism ptr looks up the names of the sending address in the reverse DNS and then their addresses, up to eleven questions, most of them to servers that are not yours. If one does not answer, ptr does not match. The standard asks not to use it.

To fix it, name the addresses that send as ip4: and ip6:, or their hosts as a:, and take ptr out.

In records of others it is advice: their owner has to change it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 5.5"}},
	},
	Needs: followable,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			for n := range r.Tree.Root.All() {
				if n.Term.Kind != spf.PTR {
					continue
				}
				f := finding(env, r, diagnosis.Warning, "%s uses %q, which receivers may skip", holder(env, n), n.Term)
				f.Remedy = withoutPTR(ctx, env)
				if !own(env, n) {
					f.Severity = diagnosis.Advice
					f.Remedy = diagnosis.Remedy{Steps: []string{fmt.Sprintf("Ask the owner of %s to name addresses in place of ptr.", display(n.In))}}
				}
				v.Findings = append(v.Findings, f)
			}
			followed(r, v)
		})
	},
})

// withoutPTR is the record without ptr where the owner has declared who sends.
func withoutPTR(ctx context.Context, env *checks.Env) diagnosis.Remedy {
	c, err := prescription.Of(ctx, env)
	if err != nil || len(c.left) > 0 || len(env.Want.Senders) == 0 {
		return diagnosis.Remedy{Steps: []string{
			"Name the addresses that send for the domain as ip4: and ip6:, or their hosts as a:, and take ptr out.",
			"Give --ip ADDRESS for each of them to get the record without ptr.",
		}}
	}
	rec := c.record
	for _, t := range rec.Terms {
		if t.Kind == spf.PTR {
			rec = rec.Without(t)
		}
	}
	for _, addr := range env.Want.Senders {
		rec = rec.WithIP(addr)
	}
	return diagnosis.Remedy{Edits: publish(env, rec)}
}
