package dkim

import (
	"context"
	"crypto/rsa"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// RSA key sizes in bits (RFC 8301, 3.2): signers use at least 1024 and should
// use at least 2048; verifiers need to know keys up to 4096.
const (
	leastBits  = 1024
	enoughBits = 2048
	mostBits   = 4096
)

// KeyStrength: RSA keys have 2048 to 4096 bits.
var KeyStrength = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.key-strength",
		Title:    "RSA keys have 2048 to 4096 bits",
		Severity: diagnosis.Critical,
		Why:      "Receivers treat signatures with less than 1024 bits as none; a key of 1024 can be broken by those who want to forge you; one above 4096 some cannot verify.",
		Doc: `Keys below 1024 bits must not be used, and verifiers must not accept them. Between 1024 and 2047 they are accepted but weak; the standard asks signers for 2048. Above 4096 verifiers need not follow. An Ed25519 key has one size and is strong.

To fix it, make a new key of 2048 bits under a new selector, publish it, sign with it, and revoke the old one a week later.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8301, 3.2"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeFrom(ctx, env, useStage, keyStrength)
	},
})

func keyStrength(s subject, v *diagnosis.Verdict) {
	s.saw(v, "%s", s.key().Describe())
	if _, ok := s.key().Public.(*rsa.PublicKey); !ok {
		return
	}
	var f diagnosis.Finding
	switch bits := s.key().Bits(); {
	case bits < leastBits:
		f = s.finding(diagnosis.Critical, "the RSA key at %s has %d bits; verifiers accept none below %d", s.name(), bits, leastBits)
	case bits < enoughBits:
		f = s.finding(diagnosis.Warning, "the RSA key at %s has %d bits; %d are expected", s.name(), bits, enoughBits)
	case bits > mostBits:
		f = s.finding(diagnosis.Advice, "the RSA key at %s has %d bits; verifiers need to know none above %d", s.name(), bits, mostBits)
	default:
		return
	}
	f.Remedy.Steps = s.renew()
	v.Findings = append(v.Findings, f)
}
