package dkim

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// MatchesPrivate: what the host signs, others can verify.
var MatchesPrivate = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.matches-private",
		Title:    "The published keys are the halves of the keys that this host signs with",
		Severity: diagnosis.Critical,
		Why:      "Where the DNS has another key than the server, or none, every signature of yours fails at every receiver, and DMARC with it for all mail that is forwarded.",
		Doc: `On the mail host itself (--local), the keys with which its software signs for the domain are read: of OpenDKIM, dkimpy-milter, rspamd, amavis, Exim, mox, Stalwart, Mailu and docker-mailserver, where their configurations say; those of a signer that does not run are left out. Of each private key the public half is taken and held against the record at its selector; the private key itself goes nowhere, and a recording has the public half alone. It happens after a move, after a restored backup, and when a key was made again under the same selector.

A selector without a record, and one with another key or a revoked one, fail. That a selector is published for which there is no key here is no fault: another server, or a service, may sign with it. What may not be read is left open; run it as root. mailcow, and rspamd with Redis, keep keys in a database, which is not looked into.

To fix it, publish the record in the finding. Or, where the DNS is right and the file is not, put the old key back, and have the signer read it again. Caches keep the old record for its TTL, so mail that is sent meanwhile still fails; a new key under a new selector avoids that.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.1"}, {Name: "RFC 6376, 6.1.3"}, {Name: "RFC 8463, 4"}},
	},
	Of:    checks.Hosts,
	Needs: []*checks.Check{dns.DomainExists},
	Run:   matchesPrivate,
})

func matchesPrivate(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	presence, err := facts.Domain.Of(ctx, env)
	if err != nil || !presence.Exists {
		return v, err
	}
	purpose, err := facts.Intent.Of(ctx, env)
	if err != nil {
		return v, err
	}
	keys := env.Local.KeysOf(env.Domain)
	for _, reason := range env.Local.Unread(local.Keys) {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: "_domainkey." + record.Display(env.Domain), Reason: reason})
	}
	switch {
	case !purpose.Sends:
		return diagnosis.Verdict{Skip: fmt.Sprintf("the domain sends no mail (%s)", purpose.Why)}, nil
	case len(keys) == 0 && len(v.Doubts) == 0:
		v.Skip = "no key to sign mail of " + record.Display(env.Domain) + " is on this host"
		if len(env.Local.Idle) > 0 {
			v.Skip += "; " + strings.Join(env.Local.Idle, " and ") + " is configured, but does not run"
		}
		return v, nil
	}
	for _, software := range env.Local.Idle {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: software, Answer: "is configured, but does not run; its keys are left out"})
	}
	bySelector := make(map[string][]local.Key)
	for _, k := range keys {
		bySelector[k.Selector] = append(bySelector[k.Selector], k)
	}
	selectors := slices.Sorted(maps.Keys(bySelector))
	verdicts := make([]diagnosis.Verdict, len(selectors))
	var wg sync.WaitGroup
	for i, selector := range selectors {
		wg.Go(func() { judgeKeys(ctx, env, &verdicts[i], selector, bySelector[selector]) })
	}
	wg.Wait()
	for _, one := range verdicts {
		v.Seen, v.Findings, v.Doubts = append(v.Seen, one.Seen...), append(v.Findings, one.Findings...), append(v.Doubts, one.Doubts...)
	}
	return v, nil
}

// judgeKeys holds the keys of one selector against what is published. One that
// fits is enough: others are copies that were left behind.
func judgeKeys(ctx context.Context, env *checks.Env, v *diagnosis.Verdict, selector string, keys []local.Key) {
	slot := record.DKIMKey(selector, env.Domain)
	at := record.Display(slot.Name)
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(slot.Name, "TXT"))
	if err != nil {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: at, Reason: err.Error()})
		return
	}
	var published []dkim.Key
	for _, text := range slices.Sorted(slices.Values(answer.Texts())) {
		if dkim.IsKey(text) {
			key, _ := dkim.ParseKey(text)
			published = append(published, key)
		}
	}
	for _, k := range keys {
		if slices.ContainsFunc(published, func(p dkim.Key) bool { return fits(p, k) }) {
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: at, Answer: fmt.Sprintf("is of the key in %s (%s)", k.File, k.Source)})
			return
		}
	}
	f := diagnosis.Finding{Subject: at, Severity: diagnosis.Critical, Evidence: []diagnosis.Evidence{
		{Question: answer.Question.String(), Answer: answer.String()},
	}}
	k := keys[0]
	own, err := publicOf(k)
	switch {
	case k.Fault != "":
		f.Message = fmt.Sprintf("%s is to sign with selector %s and the key in %s, which %s", k.Source, selector, k.File, k.Fault)
		f.Remedy.Steps = []string{fmt.Sprintf("Put the private key of %s at %s, or have %s sign with a selector whose key is there.", at, k.File, k.Source)}
		v.Findings = append(v.Findings, f)
		return
	case err != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: at, Reason: k.File + ": " + err.Error()})
		return
	case len(published) == 0:
		f.Message = fmt.Sprintf("%s signs with selector %s, for which no key is published at %s: nobody can verify its signatures", k.Source, selector, at)
	default:
		f.Message = fmt.Sprintf("%s signs with selector %s and the key in %s (%s), but %s has another (%s): every signature fails", k.Source, selector, k.File, own.Describe(), at, describeAll(published))
		f.Remedy.Steps = []string{fmt.Sprintf("If the published key is the right one, put its private key back at %s instead, and have %s read it again.", k.File, k.Source)}
	}
	f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: k.File, Answer: own.String()})
	if n := len(answer.Chain); n > 0 {
		target := record.Display(answer.Target())
		f.Remedy.Steps = append(f.Remedy.Steps, fmt.Sprintf("Ask whoever runs %s to publish `%s`, or replace the alias by the record.", target, record.TXT(answer.Target(), own.String())))
	} else {
		f.Remedy.Edits = []record.Edit{record.Set(slot, record.TXT(slot.Name, own.String()))}
	}
	v.Findings = append(v.Findings, f)
}

// fits reports whether a published key is of a key on the host: their
// SubjectPublicKeyInfo is the same.
func fits(published dkim.Key, own local.Key) bool {
	der, err := x509.MarshalPKIXPublicKey(published.Public)
	return err == nil && len(own.Public) > 0 && bytes.Equal(der, own.Public)
}

// publicOf is the record of a key on the host.
func publicOf(k local.Key) (dkim.Key, error) {
	if k.Fault != "" {
		return dkim.Key{}, nil
	}
	public, err := x509.ParsePKIXPublicKey(k.Public)
	if err != nil {
		return dkim.Key{}, err
	}
	return dkim.New(public)
}

func describeAll(keys []dkim.Key) string {
	var words []string
	for _, k := range keys {
		words = append(words, k.Describe())
	}
	return strings.Join(words, ", ")
}
