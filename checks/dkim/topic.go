// Package dkim holds a domain to the rules about its DKIM key records (RFC
// 6376, 3.6; RFC 8301; RFC 8463). A selector can have any name, so that no key
// was found proves nothing.
package dkim

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// judge judges the keys of a domain that sends mail; for one that sends none,
// missing keys are no fault.
func judge(ctx context.Context, env *checks.Env, judge func(facts.DKIMKeys, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	keys, err := facts.DKIM.Of(ctx, env)
	if err != nil {
		return v, err
	}
	purpose, err := facts.Intent.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case !purpose.Sends:
		v.Skip = fmt.Sprintf("the domain sends no mail (%s)", purpose.Why)
	default:
		judge(keys, &v)
	}
	return v, nil
}

// A stage is how far a key is judged. A selector that fails at one stage is not
// judged at the later ones: one fault, one failed check.
type stage int

const (
	aliasStage   stage = iota // the alias leads to a record
	singleStage               // there is one record, whole
	syntaxStage               // it parses to a key
	revokedStage              // the key is not revoked
	useStage                  // what the key may be used for, and how strong it is
)

// blame names the check that finds the fault of each stage.
var blame = [...]string{aliasStage: "dkim.cname-resolves", singleStage: "dkim.single-txt", syntaxStage: "dkim.record-syntax", revokedStage: "dkim.not-revoked"}

// reached is the stage at which a selector has a fault; useStage if at none
// before.
func reached(s facts.DKIMSelector) stage {
	switch {
	case s.Dangling():
		return aliasStage
	case len(s.Keys) != 1 || faulty(s.Keys[0], dkim.Splitting):
		return singleStage
	case faulty(s.Keys[0], dkim.Grammar):
		return syntaxStage
	case s.Keys[0].Revoked():
		return revokedStage
	}
	return useStage
}

// faulty reports whether verifiers find no key for problems of the kind.
func faulty(k facts.DKIMKey, kind dkim.Kind) bool {
	return slices.ContainsFunc(k.Problems, func(p dkim.Problem) bool { return p.Kind == kind && p.Effect == dkim.Void })
}

// judgeFrom judges every selector that has no fault before the stage; where all
// have one, there is nothing to judge. The checks of earlier stages are not in
// Needs, as what they find may be harmless, or the fault of one selector of many.
func judgeFrom(ctx context.Context, env *checks.Env, from stage, each func(subject, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	return judge(ctx, env, func(keys facts.DKIMKeys, v *diagnosis.Verdict) {
		judged, cause := 0, ""
		for _, s := range keys.Present() {
			if at := reached(s); at < from {
				cause = blame[at]
				continue
			}
			judged++
			each(subject{s, env, keys}, v)
		}
		if judged == 0 && cause != "" {
			v.Skip = "because of " + cause
		}
	})
}

// A subject is one selector under judgement.
type subject struct {
	facts.DKIMSelector
	env  *checks.Env
	keys facts.DKIMKeys
}

// name is the selector's place, for readers: "mail._domainkey.example.org".
func (s subject) name() string { return record.Display(s.Domain) }

// key is the one key at the selector; judged from syntaxStage on.
func (s subject) key() facts.DKIMKey { return s.Keys[0] }

// inUse reports whether the selector is in use as far as one can tell: the
// owner names it, or there is no other.
func (s subject) inUse() bool { return s.Named || len(s.keys.Present()) == 1 }

// evidence is the question for the selector and its answer.
func (s subject) evidence() diagnosis.Evidence { return evidence(s.DKIMSelector) }

func evidence(s facts.DKIMSelector) diagnosis.Evidence {
	return diagnosis.Evidence{Question: s.Answer.Question.String(), Answer: s.Answer.String()}
}

func (s subject) finding(severity diagnosis.Severity, format string, args ...any) diagnosis.Finding {
	return diagnosis.Finding{Subject: s.name(), Severity: severity, Message: fmt.Sprintf(format, args...), Evidence: []diagnosis.Evidence{s.evidence()}}
}

// saw adds a line of what was seen of the selector.
func (s subject) saw(v *diagnosis.Verdict, format string, args ...any) {
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: s.name(), Answer: fmt.Sprintf(format, args...)})
}

// publish is the edit after which key is the one record at the selector. Behind
// an alias the record is another zone's; ok is false then.
func (s subject) publish(key dkim.Key) (edit record.Edit, ok bool) {
	if len(s.Answer.Chain) > 0 || s.Wildcard {
		return record.Edit{}, false
	}
	slot := record.DKIMKey(s.Name, s.env.Domain)
	return record.Set(slot, record.TXT(slot.Name, key.String())), true
}

// cured is the key without any fault that a record can cure: every remedy
// publishes this one, so that they agree. ok is false where there is no key.
func (s subject) cured() (key dkim.Key, ok bool) {
	if len(s.Keys) != 1 {
		return dkim.Key{}, false
	}
	key, ok = dkim.Repair(s.Keys[0].Text)
	return key.ForMail().WithoutTesting(), ok
}

// remedy publishes key, or asks the host of the alias to.
func (s subject) remedy(key dkim.Key) diagnosis.Remedy {
	if edit, ok := s.publish(key); ok {
		return diagnosis.Remedy{Edits: []record.Edit{edit}}
	}
	return diagnosis.Remedy{Steps: []string{fmt.Sprintf("Ask whoever runs %s to publish `%s`.",
		record.Display(s.Answer.Target()), record.TXT(s.Answer.Target(), key.String()))}}
}

// renew leads to a new key under a new selector: mail in transit needs the old
// one for some days more.
func (s subject) renew() []string {
	next := s.Name + "-new"
	slot := record.DKIMKey(next, s.env.Domain)
	return []string{
		"Where a provider or a mail suite signs for you, renew the key in its settings (2048 bits) and publish the record that it shows.",
		"By hand: `openssl genrsa -out dkim.pem 2048`, then `openssl rsa -in dkim.pem -pubout -outform DER | openssl base64 -A` prints the public key.",
		fmt.Sprintf("Publish it as TXT at %s, as `v=DKIM1; k=rsa; p=<public key>`, and let the server sign with dkim.pem and selector %s.", record.Display(slot.Name), next),
		fmt.Sprintf("After a week, when no mail signed with %s is on its way any more, replace its record by `%s`.", s.Name, record.TXT(s.Domain, dkim.Key{}.String())),
	}
}
