package dkim

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
)

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
	Needs: []*checks.Check{SingleTXT},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeFrom(ctx, env, syntaxStage, recordSyntax)
	},
})

func recordSyntax(s subject, v *diagnosis.Verdict) {
	s.saw(v, "%s", s.key().Describe())
	repaired := false
	for _, p := range s.key().Problems {
		if p.Kind != dkim.Grammar {
			continue
		}
		severity := diagnosis.Warning
		if p.Effect == dkim.Void && s.inUse() {
			severity = diagnosis.Critical
		}
		f := s.finding(severity, "%s, character %d: %s", s.name(), p.Offset+1, p.Message)
		if key, ok := dkim.Repair(s.key().Text); ok && !repaired {
			f.Remedy, repaired = s.remedy(key), true
		} else if !repaired {
			f.Remedy.Steps = []string{"Have the server that signs with selector " + s.Name + " show its public key, and publish that."}
		}
		v.Findings = append(v.Findings, f)
	}
}
