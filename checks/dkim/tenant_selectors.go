package dkim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// TenantSelectors: a Microsoft 365 tenant's keys are reached. It never fails:
// a gateway behind Microsoft may sign in its place.
var TenantSelectors = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.tenant-selectors",
		Title:    "The selectors of a Microsoft 365 tenant resolve",
		Severity: diagnosis.Warning,
		Why:      "Until its two selectors are published Microsoft 365 signs with the tenant's onmicrosoft.com name, which is not aligned: DMARC then rests on SPF alone.",
		Doc: `A domain at Microsoft 365 signs with selector1 and selector2, two aliases of names in the tenant, whose keys Microsoft renews in turn. Both must be there before signing can be switched on for the domain. What they lead to differs from tenant to tenant, so it is shown and never derived: the admin center names the targets.

That they are missing is no proof that mail is unsigned: another service may sign what leaves through it. So the result is unknown then.

To fix it, open the Defender portal, Email authentication settings, DKIM; choose the domain, publish the two CNAME records that it shows, and switch signing on.`,
		Refs: []diagnosis.Ref{{Name: "Microsoft, Use DKIM for email in your custom domain", URL: "https://learn.microsoft.com/en-us/defender-office-365/email-authentication-dkim-configure"}},
	},
	Needs: []*checks.Check{DomainkeyExists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judge(ctx, env, func(keys facts.DKIMKeys, v *diagnosis.Verdict) { tenantSelectors(env, keys, v) })
	},
})

const microsoft = "Microsoft 365"

func tenantSelectors(env *checks.Env, keys facts.DKIMKeys, v *diagnosis.Verdict) {
	i := slices.IndexFunc(keys.Providers, func(p facts.Provider) bool { return p.Name == microsoft })
	if i < 0 {
		v.Seen = []diagnosis.Evidence{{Question: microsoft, Answer: "not in use, as far as SPF and MX tell"}}
		return
	}
	var missing []string
	for _, name := range keys.Providers[i].Selectors {
		at := slices.IndexFunc(keys.Selectors, func(s facts.DKIMSelector) bool { return s.Name == name })
		if at < 0 {
			continue
		}
		s := keys.Selectors[at]
		switch {
		case s.Err != nil:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(s.Domain), Reason: s.Err.Error()})
		case s.Mine() && !s.Dangling():
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(s.Domain), Answer: describe(s)})
		default:
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && len(v.Seen) == 0 {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(env.Domain), Reason: fmt.Sprintf(
			"%s signs with %s once DKIM is switched on there, and neither is published; its mail may be signed with the tenant's own name, which is not aligned", microsoft, strings.Join(missing, " and "))})
	}
}
