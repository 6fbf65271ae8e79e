package dkim

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// NotRevoked: the key in use is not withdrawn.
var NotRevoked = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.not-revoked",
		Title:    "The key in use is not revoked",
		Severity: diagnosis.Critical,
		Why:      "An empty p says that the key is withdrawn: every signature with that selector fails.",
		Doc: `A record with an empty p stands where a key was retired, so that old signatures fail for a known reason. That is right for a selector that is no longer used, and fatal for one that is.

A selector named with --selector counts as in use. One that was only guessed is most likely retired: it is no fault beside another key that works.

To fix it, publish the public key of the signing server again, or let the server sign with another selector.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.1"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeFrom(ctx, env, revokedStage, notRevoked)
	},
})

func notRevoked(s subject, v *diagnosis.Verdict) {
	switch {
	case !s.key().Revoked():
		s.saw(v, "%s", s.key().Describe())
		return
	case !s.Named && s.worksElsewhere():
		s.saw(v, "revoked; a key that works stands at another selector")
		return
	}
	severity, use := diagnosis.Advice, "if it is still in use, mail signed with it fails"
	if s.Named {
		severity, use = diagnosis.Critical, "mail signed with it fails"
	}
	f := s.finding(severity, "the key at %s is revoked (p is empty): %s", s.name(), use)
	f.Remedy.Steps = []string{
		fmt.Sprintf("If the server signs with selector %s, have it make a new key under a new selector, and publish that.", s.Name),
		"If the selector is retired, name the one in use with --selector.",
	}
	v.Findings = append(v.Findings, f)
}

// worksElsewhere reports whether another selector holds a key without fault.
func (s subject) worksElsewhere() bool {
	for _, other := range s.keys.Present() {
		if other.Domain != s.Domain && reached(other) == useStage {
			return true
		}
	}
	return false
}
