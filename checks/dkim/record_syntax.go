package dkim

import (
	"context"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
)

// maxFaults bounds the faults of one record that are told one by one, the gravest first.
const maxFaults = 8

// RecordSyntax: the key record parses.
var RecordSyntax = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.record-syntax",
		Title:    "The key record parses",
		Severity: diagnosis.Critical,
		Why:      "A key that receivers cannot read is no key: every signature with that selector fails.",
		Doc: `A key record is a list of tag=value pairs with semicolons between them, in any order; v=DKIM1 may be left out but stands first if it is there. p holds the public key in base64: for k=rsa the SubjectPublicKeyInfo that openssl writes with -pubout, for k=ed25519 the 32 octets of the key alone. No tag may stand twice.

To fix it, publish the record that the signing server shows. Where the key can be read in spite of the fault, the corrected record is proposed.

A faulty key at a selector that is only guessed may be an abandoned one; it counts less if there are others.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.2"}, {Name: "RFC 6376, 3.6.1"}, {Name: "RFC 8463, 4"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeFrom(ctx, env, syntaxStage, recordSyntax)
	},
})

func recordSyntax(s subject, v *diagnosis.Verdict) {
	s.saw(v, "%s", s.key().Describe())
	problems := slices.DeleteFunc(slices.Clone(s.key().Problems), func(p dkim.Problem) bool { return p.Kind != dkim.Grammar })
	slices.SortStableFunc(problems, func(a, b dkim.Problem) int { return int(b.Effect - a.Effect) })
	for i, p := range problems {
		severity := diagnosis.Warning
		if p.Effect == dkim.Void && s.inUse() {
			severity = diagnosis.Critical
		}
		if i == maxFaults {
			v.Findings = append(v.Findings, s.finding(severity, "%s has %d more faults", s.name(), len(problems)-i))
			return
		}
		f := s.finding(severity, "%s, character %d: %s", s.name(), p.Offset+1, p.Message)
		if i == 0 { // one record cures them all
			f.Remedy = rewritten(s)
		}
		v.Findings = append(v.Findings, f)
	}
}

// rewritten is the record that was meant, where the key can be read.
func rewritten(s subject) diagnosis.Remedy {
	if key, ok := s.cured(); ok {
		return s.remedy(key)
	}
	return diagnosis.Remedy{Steps: []string{"Have the server that signs with selector " + s.Name + " show its public key, and publish that."}}
}
