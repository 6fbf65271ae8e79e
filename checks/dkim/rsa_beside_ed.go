package dkim

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// RSABesideEd: where there is an Ed25519 key, there is an RSA key too.
var RSABesideEd = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.rsa-beside-ed",
		Title:    "An RSA key stands beside any Ed25519 key",
		Severity: diagnosis.Warning,
		Why:      "Many receivers do not verify Ed25519: mail signed with nothing else counts as unsigned there.",
		Doc: `Ed25519 keys are valid and strong, but only part of the receivers can verify them. Mail should carry two signatures, one of each kind, under two selectors.

Whether there is an RSA key can be told only where all selectors are named with --selector, as one that was not guessed may hold it.

To fix it, make an RSA key of 2048 bits under a second selector, and sign with both.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8463, 3"}, {Name: "RFC 8301, 3.1"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run:   rsaBesideEd,
})

func rsaBesideEd(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var ed []subject
	rsaKeys := 0
	v, err := judgeFrom(ctx, env, useStage, func(s subject, v *diagnosis.Verdict) {
		s.saw(v, "%s", s.key().Describe())
		switch s.key().Public.(type) {
		case ed25519.PublicKey:
			ed = append(ed, s)
		case *rsa.PublicKey:
			rsaKeys++
		}
	})
	if err != nil || len(ed) == 0 || rsaKeys > 0 {
		return v, err
	}
	s := ed[0]
	switch unread := unreadNamed(s.keys); {
	case unread != nil:
		v.Doubts = []diagnosis.Doubt{{Subject: s.name(), Reason: unread.Error()}}
	case len(s.keys.Named()) == 0:
		v.Doubts = []diagnosis.Doubt{{Subject: s.name(), Reason: fmt.Sprintf("%s holds an Ed25519 key; whether an RSA key stands at a selector that was not guessed cannot be told, name it with --selector", s.name())}}
	default:
		f := s.finding(diagnosis.Warning, "%s holds an Ed25519 key and no selector an RSA key: many receivers cannot verify the mail of %s", s.name(), record.Display(env.Domain))
		f.Remedy.Steps = append(firstKey(env, s.Name+"-rsa"), "Let the server sign with both keys.")
		v.Findings = []diagnosis.Finding{f}
	}
	return v, nil
}

// unreadNamed is why one of the named selectors is not known; nil if all are.
func unreadNamed(keys facts.DKIMKeys) error {
	for _, s := range keys.Named() {
		if s.Err != nil {
			return s.Err
		}
	}
	return nil
}
