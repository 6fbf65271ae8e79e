package dmarc

import (
	"context"
	"fmt"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// EffectivePolicy: what receivers apply is what the owner asks for.
var EffectivePolicy = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.effective-policy",
		Title:    "The policy in force is as strict as asked",
		Severity: diagnosis.Advice,
		Why:      "What counts is the policy that receivers end up with, for the domain and for every name below it: a record of a single host, or a wildcard, can undo it without anybody noticing.",
		Doc: `The policy is worked out, as receivers do, for three names: the domain, a name below it that exists (the first MX host inside the domain), and a name that nobody has. Each is done twice, by RFC 9989 with its tree walk, np and t, and by RFC 7489 with the public suffix list and pct.

A breach is a name at which the policy in force is weaker than that of the domain, for a reason that no other check of this topic names: a record of its own at the host, or a wildcard. A wildcard record makes every name exist, so that np never applies.

To fix it, delete the record at the host, or make it as strict; take the wildcard away, or set sp too.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.10.1"}, {Name: "RFC 7489, 6.6.3"}, {Name: "RFC 4592, 2.2"}},
	},
	Needs: []*checks.Check{Exists, PolicyNone, SubdomainPolicy, NPPolicy, TestingFlag, RemovedTags, Discovery, PSDValue},
	Run:   effectivePolicy,
})

// A below is what receivers find for one name below the domain.
type below struct {
	what   string // "an existing name"
	name   string
	exists resolve.Answer
	err    error // of the question whether it exists
	walk   dmarc.Discovery
	listed dmarc.Discovery
}

func effectivePolicy(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var random, existing below
	var wg sync.WaitGroup
	wg.Go(func() {
		random = ask(ctx, env, "a name that nobody has", record.Canonical("maildoctor-nobody-has-this."+env.Domain))
	})
	wg.Go(func() {
		if host := ownHost(ctx, env); host != "" {
			existing = ask(ctx, env, "an existing name", host)
		}
	})
	wg.Wait()
	return judgePolicy(ctx, env, func(s subject, v *diagnosis.Verdict) {
		asked := s.Policy.Record.InForce(s.Relation)
		legacy := "none"
		if s.Listed.Policy != nil {
			policy, _, _ := s.Listed.Policy.Record.Legacy(s.Listed.Relation)
			legacy = string(policy)
		}
		v.Seen = []diagnosis.Evidence{{Question: s.name, Answer: side(string(asked), legacy)}}
		for _, b := range []below{existing, random} {
			if b.name != "" {
				b.judge(s, asked, v)
			}
		}
	})
}

func side(now, legacy string) string {
	return fmt.Sprintf("%s (RFC 9989), %s (RFC 7489)", now, legacy)
}

// ownHost is the first MX host below the domain; empty where none is.
func ownHost(ctx context.Context, env *checks.Env) string {
	set, err := facts.MX.Of(ctx, env)
	if err != nil {
		return ""
	}
	for _, h := range set.Hosts {
		if h.Exists && h.Name != env.Domain && record.Within(h.Name, env.Domain) {
			return h.Name
		}
	}
	return ""
}

func ask(ctx context.Context, env *checks.Env, what, name string) below {
	b := below{what: what, name: name}
	var wg sync.WaitGroup
	wg.Go(func() { b.exists, b.err = env.DNS.Resolve(ctx, resolve.Ask(name, "A")) })
	wg.Go(func() { b.walk = dmarc.Discover(ctx, env.DNS, name) })
	wg.Go(func() { b.listed = dmarc.Discover7489(ctx, env.DNS, name) })
	wg.Wait()
	return b
}

// relation is where the name stands to the record of d, existence included.
func (b below) relation(d dmarc.Discovery) dmarc.Relation {
	if d.Relation == dmarc.Subdomain && !b.exists.Exists {
		return dmarc.NonExistent
	}
	return d.Relation
}

func (b below) judge(s subject, asked dmarc.Policy, v *diagnosis.Verdict) {
	name := record.Display(b.name)
	switch {
	case b.err != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: b.err.Error()})
		return
	case len(b.walk.Undecided) > 0:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: b.walk.Undecided[0].Error()})
		return
	}
	now, legacy := dmarc.None, dmarc.None
	if p := b.walk.Policy; p != nil {
		now = p.Record.InForce(b.relation(b.walk))
	}
	if p := b.listed.Policy; p != nil {
		legacy, _, _ = p.Record.Legacy(b.relation(b.listed))
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: b.what + ", " + name, Answer: side(string(now), string(legacy))})
	if now.Strength() >= asked.Strength() {
		return
	}
	if f, ok := b.weaker(s, asked, now); ok {
		v.Findings = append(v.Findings, f)
	}
}

// weaker is the finding about a name with a weaker policy. Where the record of
// the domain itself says so, that is the matter of SubdomainPolicy and NPPolicy,
// unless a wildcard is behind it.
func (b below) weaker(s subject, asked, now dmarc.Policy) (diagnosis.Finding, bool) {
	p := b.walk.Policy
	f := diagnosis.Finding{Subject: s.name, Severity: diagnosis.Advice}
	wildcard := b.what != "an existing name"
	if wildcard {
		f.Subject = "*." + s.name
	}
	switch {
	case p != nil && p.Domain == b.name && !wildcard:
		f.Subject = record.Display(b.name)
		f.Message = fmt.Sprintf("%s has a DMARC record of its own, by which the policy there is %s and not %s as for %s", f.Subject, now, asked, s.name)
		f.Remedy.Edits = []record.Edit{record.Set(record.DMARC(b.name))}
		f.Remedy.Steps = []string{"If mail of " + f.Subject + " still fails, keep the record until the reports show that it passes."}
	case p != nil && p.Domain == b.name:
		f.Message = fmt.Sprintf("a wildcard gives every name below %s a DMARC record, by which the policy there is %s and not %s", s.name, now, asked)
		f.Remedy.Steps = []string{"Delete the wildcard TXT record that holds the policy, or make it as strict as that of the domain."}
	case wildcard && b.exists.Exists && p != nil && p.Record.NonExistent.Strength() > now.Strength():
		f.Message = fmt.Sprintf("np=%s never applies below %s: a wildcard makes every name there exist, so that the policy is %s", p.Record.NonExistent, s.name, now)
		f.Remedy.Steps = []string{"Take the wildcard record away, or drop sp from the DMARC record when the mail of all subdomains passes."}
	default:
		return f, false
	}
	if p != nil {
		f.Evidence = []diagnosis.Evidence{answer(*p)}
	}
	return f, true
}
