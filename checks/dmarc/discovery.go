package dmarc

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// Discovery: old and new receivers find the same policy.
var Discovery = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.discovery",
		Title:    "Tree walk and public suffix list find the same policy",
		Severity: diagnosis.Advice,
		Why:      "Where receivers of RFC 9989 and of RFC 7489 find different records, the same message passes here and is refused there.",
		Doc: `RFC 9989 looks for the record by a walk up the DNS tree: at the domain, and then at its parents, at most eight names. RFC 7489 looks at the exact name and then at the organizational domain by the public suffix list, and nowhere between. The two differ where a record stands between these names, where psd=n or psd=y ends the walk early, at a public suffix with a policy, and where a domain has more than eight labels.

To fix it, publish at _dmarc of the domain itself the record that shall apply: both find that one first.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.10"}, {Name: "RFC 7489, 6.6.3"}},
	},
	Needs: []*checks.Check{Exists},
	Run:   discovery,
})

func discovery(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	return judgePolicy(ctx, env, func(s subject, v *diagnosis.Verdict) {
		v.Seen = []diagnosis.Evidence{
			{Question: "RFC 9989", Answer: found(s.DMARCPolicy.Discovery)},
			{Question: "RFC 7489", Answer: found(s.Listed)},
		}
		switch {
		case s.Listed.Policy != nil && s.Listed.Policy.Domain == s.Policy.Domain:
			return
		case len(s.Listed.Undecided) > 0:
			v.Doubts = []diagnosis.Doubt{{Subject: s.name, Reason: s.Listed.Undecided[0].Error()}}
			return
		}
		f := s.finding(diagnosis.Advice, "receivers of RFC 9989 apply to %s the record of %s, those of RFC 7489 %s", s.name, record.Display(s.Policy.Domain), found(s.Listed))
		if s.Listed.Policy != nil {
			f.Evidence = append(f.Evidence, answer(*s.Listed.Policy))
		}
		if s.Own {
			f.Remedy.Edits = []record.Edit{publish(s.Here(), inherited(s.DMARCPolicy))}
		} else {
			policy, _ := s.Policy.Record.Stated(s.Relation)
			f.Remedy.Steps = []string{"To keep the policy in force, publish it as a record of your own: " + line(env.Domain, dmarc.Record{}.WithPolicy(policy).WithReports(postmaster(env.Domain))) + "."}
		}
		v.Findings = []diagnosis.Finding{f}
	})
}

func found(d dmarc.Discovery) string {
	switch {
	case d.Policy != nil:
		return "that of " + record.Display(d.Policy.Domain)
	case len(d.Undecided) > 0:
		return "not known"
	}
	return "none"
}

// inherited is the record that says at the domain itself what that of its
// parent says of it.
func inherited(p facts.DMARCPolicy) dmarc.Record {
	r := p.Policy.Record.Clean()
	policy, _ := p.Policy.Record.Stated(p.Relation)
	r.Subdomains, r.NonExistent, r.PSD = "", "", ""
	return r.WithPolicy(policy)
}
