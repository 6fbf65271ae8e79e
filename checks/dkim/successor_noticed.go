package dkim

import (
	"cmp"
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// SuccessorNoticed: keys of DKIM2 are named, and not taken for faulty ones.
var SuccessorNoticed = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.successor-noticed",
		Title:    "Keys of DKIM2, if any, are named",
		Severity: diagnosis.Advice,
		Why:      "DKIM2 is being worked out at the IETF. A key published for it helps no receiver of today, and does no harm beside one of DKIM.",
		Doc: `A record that begins with v=DKIM2 is looked at by verifiers of DKIM2 alone; those of DKIM ignore it. Such records are named here and not judged, as the drafts still change. Only the selectors that are looked at anyway are seen.

There is nothing to fix. Keep a key of DKIM under another selector.`,
		Refs: []diagnosis.Ref{{Name: "draft-ietf-dkim-dkim2-dns", URL: "https://datatracker.ietf.org/doc/draft-ietf-dkim-dkim2-dns/"}},
	},
	Needs: []*checks.Check{DomainkeyExists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judge(ctx, env, func(keys facts.DKIMKeys, v *diagnosis.Verdict) {
			answered := 0
			var failed error
			for _, s := range keys.Selectors {
				if s.Err != nil {
					failed = cmp.Or(failed, s.Err)
					continue
				}
				answered++
				if s.Successor() {
					v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(s.Domain), Answer: "a key of DKIM2"})
				}
			}
			switch {
			case answered == 0 && failed != nil:
				v.Doubts = []diagnosis.Doubt{{Subject: "_domainkey." + record.Display(env.Domain), Reason: failed.Error()}}
			case len(v.Seen) == 0:
				v.Seen = []diagnosis.Evidence{{Question: "keys of DKIM2", Answer: "none at the selectors that were tried"}}
			}
		})
	},
})
