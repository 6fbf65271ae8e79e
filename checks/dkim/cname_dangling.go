package dkim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// CNAMEDangling: nobody can have a key. It does not need dkim.cname-resolves:
// that an alias leads nowhere, and that a stranger can be there, are two faults.
var CNAMEDangling = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.cname-dangling",
		Title:    "The domain that a selector's CNAME leads to is registered",
		Severity: diagnosis.Warning,
		Why:      "Whoever registers the domain that a selector is an alias into can publish a key there and sign as you: their mail passes DKIM, and DMARC with it.",
		Doc: `Providers have you point selectors at names of their own. When a provider closes or changes its name, the CNAME stays, and once the registration of its domain ends anybody can have that domain, publish a DKIM key at the name that the alias leads to, and sign mail as yours. It does not matter that you no longer use the selector: verifiers take whatever key the signature names.

Where an alias leads to a name that does not exist, and the DNS does not have the whole domain either, the registry of that domain is asked over RDAP. It is reported if the registry has not got it, or is deleting it. A selector can have any name, so this sees those that are tried for every domain and those that you name with --selector.

To fix it, delete the CNAME. If you still use the provider, publish the records that its manual names today.

Where the registry gives no answer, or has no RDAP service, it cannot be told; ask your registrar whether the domain is free.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.2"}, {Name: "RFC 7480, 5.3"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   cnameDangling,
})

func cnameDangling(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	keys, err := facts.DKIM.Of(ctx, env)
	if err != nil {
		return v, err
	}
	reliances, err := facts.DKIMReliances.Of(ctx, env)
	if err != nil {
		return v, err
	}
	for _, r := range reliances {
		domain := record.Unicode(r.Domain)
		switch doubt := r.Doubt(); {
		case doubt != "" && env.HTTP == nil && r.Err == nil:
			v.Skip = doubt
		case doubt != "":
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: domain, Reason: doubt})
		case r.Open() != "":
			v.Findings = append(v.Findings, danglingFinding(env, keys, r))
		case r.Registration.Known:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: domain, Answer: "not in the DNS, but registered"})
		}
	}
	if len(v.Seen) == 0 && v.Skip == "" {
		v.Seen = []diagnosis.Evidence{{Question: "aliases at selectors", Answer: "none into a domain that is not there"}}
	}
	return v, nil
}

func danglingFinding(env *checks.Env, keys facts.DKIMKeys, r facts.Reliance) diagnosis.Finding {
	domain := record.Unicode(r.Domain)
	f := diagnosis.Finding{Subject: domain, Severity: diagnosis.Warning}
	var at []string
	for _, s := range keys.Aliases() {
		if !slices.Contains(r.Names, s.Answer.Target()) {
			continue
		}
		at = append(at, record.Display(s.Domain))
		f.Evidence = append(f.Evidence, evidence(s))
		f.Remedy.Steps = append(f.Remedy.Steps, fmt.Sprintf("Delete the CNAME at %s.", record.Display(s.Domain)))
	}
	is := " is an alias into "
	if len(at) > 1 {
		is = " are aliases into "
	}
	f.Message = strings.Join(at, ", ") + is + domain + "; " + r.Open() + ": whoever registers it can sign as " + record.Display(env.Domain)
	f.Evidence = append(f.Evidence, r.Evidence()...)
	f.Remedy.Steps = append(f.Remedy.Steps, "If you still use the provider, publish the records that its manual names today.")
	return f
}
