package mtasts

import (
	"context"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
)

// MXUnused: the policy has no leftovers.
var MXUnused = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mtasts.mx-unused",
		Title:    "Every host name in the policy is an MX host",
		Severity: diagnosis.Advice,
		Why:      "A name that is no MX host is a typing error or a leftover: the policy lets mail go to a host that need not be yours any more.",
		Doc: `Each mx line without a wildcard is compared with the MX records. A name that is not among them is either misspelled, and then mtasts.mx-covered names the host that it was meant for, or it was an MX host before a move. Whoever can forge the domain's DNS and holds a certificate for that name can still receive its mail.

To fix it, take the line out and change the id. Before a move, when the new host is named in the policy and not in the MX records yet, this is as it should be.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 4.1"}},
	},
	Needs: []*checks.Check{mx.Exists, PolicySyntax},
	Run:   mxUnused,
})

func mxUnused(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	set, err := facts.MX.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	return judgePolicy(ctx, env, func(s subject, v *diagnosis.Verdict) {
		names := hosts(set)
		var unused []string
		for _, pattern := range s.Policy.MX {
			if !strings.HasPrefix(pattern, "*.") && !slices.ContainsFunc(names, func(name string) bool { return mtasts.Covers(pattern, name) }) {
				unused = append(unused, pattern)
			}
		}
		v.Seen = []diagnosis.Evidence{{Question: s.host, Answer: "mx: " + listed(s.Policy.MX)}}
		if len(unused) == 0 {
			return
		}
		f := s.finding(diagnosis.Advice, "the policy of %s names %s, which is no MX host of the domain", s.host, listed(unused))
		if len(unused) > 1 {
			f.Message = strings.Replace(f.Message, "which is no MX host", "which are no MX hosts", 1)
		}
		f.Remedy.Steps = republish(env, s.Policy.WithoutMX(unused...).WithMX(names...))
		v.Findings = append(v.Findings, f)
	})
}
