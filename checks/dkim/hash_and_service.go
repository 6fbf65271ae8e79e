package dkim

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
)

// HashAndService: the key may be used for e-mail with SHA-256.
var HashAndService = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.hash-and-service",
		Title:    "The key allows sha256 and e-mail",
		Severity: diagnosis.Critical,
		Why:      "A key that allows sha1 only, or another service only, verifies no mail: sha1 is dead, and receivers obey h= and s=.",
		Doc: `h= lists the hash algorithms with which the key may be used; without it all are allowed. Verifiers no longer accept sha1, so a list without sha256 makes the key useless. s= lists services; it must hold email or *, or be left out. g= is a leftover of RFC 4871 that ties the key to local parts; verifiers of today ignore it, old ones obey.

To fix it, publish the record without these tags, or with h=sha256 and s=email.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.1"}, {Name: "RFC 8301, 3.1"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeFrom(ctx, env, useStage, hashAndService)
	},
})

func hashAndService(s subject, v *diagnosis.Verdict) {
	told := false
	for _, p := range s.key().Problems {
		if p.Kind != dkim.Scope && p.Kind != dkim.Legacy {
			continue
		}
		severity := diagnosis.Critical
		if p.Kind == dkim.Legacy {
			severity = diagnosis.Advice
		}
		f := s.finding(severity, "%s, character %d: %s", s.name(), p.Offset+1, p.Message)
		if key, ok := s.cured(); ok && !told { // one record cures them all
			f.Remedy = s.remedy(key)
		}
		told = true
		v.Findings = append(v.Findings, f)
	}
	if !told {
		s.saw(v, "sha256 and e-mail are allowed")
	}
}
