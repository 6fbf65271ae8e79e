package dmarc

import (
	"context"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
)

// maxFaults bounds the faults of one record that are told one by one, the gravest first.
const maxFaults = 8

// Syntax: the record parses.
var Syntax = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.syntax",
		Title:    "The policy record follows the grammar",
		Severity: diagnosis.Critical,
		Why:      "A tag that receivers cannot read falls back to its default; a policy that they cannot read takes the whole record out of force.",
		Doc: `A record is a list of tag=value pairs with semicolons between them, v=DMARC1 first. A value that is not valid leaves the default in force, and an unknown tag is ignored. But a p, sp or np that is none of none, quarantine and reject makes receivers act as on p=none if there is a valid report address, and apply no DMARC at all if there is none. A tag that stands twice makes the list invalid.

The most frequent faults are a missing semicolon, which makes a value swallow the next tag, and a misspelled tag.

To fix it, publish the corrected record; the one proposed keeps what can be understood and drops the rest.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 4.8"}, {Name: "RFC 9989, 4.10.1"}, {Name: "RFC 6376, 3.2"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, syntax)
	},
})

func syntax(s subject, v *diagnosis.Verdict) {
	v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: s.Text()}}
	problems := s.problems(dmarc.Grammar, dmarc.Value, dmarc.Unknown)
	slices.SortStableFunc(problems, func(a, b dmarc.Problem) int { return int(gravity(s, b) - gravity(s, a)) })
	for i, p := range problems {
		if i == maxFaults {
			v.Findings = append(v.Findings, s.finding(gravity(s, p), "%s has %d more faults", s.at(), len(problems)-i))
			return
		}
		f := s.finding(gravity(s, p), "%s, character %d: %s", s.at(), p.Offset+1, p.Message)
		if len(v.Findings) == 0 { // one record cures them all
			f.Remedy = corrected(s)
		}
		v.Findings = append(v.Findings, f)
	}
}

func gravity(s subject, p dmarc.Problem) diagnosis.Severity {
	switch {
	case p.Kind == dmarc.Unknown:
		return diagnosis.Advice
	case p.Effect == dmarc.Void && (p.Kind == dmarc.Grammar || !s.Policy.Record.Applies()):
		return diagnosis.Critical
	}
	return diagnosis.Warning
}

func corrected(s subject) diagnosis.Remedy {
	remedy := s.republish()
	switch _, ok := dmarc.Repair(s.Text()); {
	case !ok:
		remedy.Steps = []string{"Write the policy that was meant in place of p=none, if it was another one."}
	case !s.Policy.Record.Valid():
		remedy.Steps = awaken(s.cured())
	}
	return remedy
}
