package dkim

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// DomainkeyExists: the name below which all keys stand is there.
var DomainkeyExists = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.domainkey-exists",
		Title:    "_domainkey exists, so selectors can",
		Severity: diagnosis.Warning,
		Why:      "Without it the domain has no DKIM key at all. Its mail is unsigned, fails DMARC as soon as somebody forwards it, and the big receivers refuse it in bulk.",
		Doc: `All keys stand below _domainkey. Where that name does not exist (NXDOMAIN), nothing below it does, and so there is no key under any selector: the one way to prove from outside that a domain has none.

Many name servers answer NXDOMAIN wrongly for a name that has no records itself but others below. So a denial counts only if it comes from a server of the zone that is shown to be right about another such name: _tcp or _tls, below which the domain has records. Without such a proof the result is unknown.

To fix it, let your mail server or provider make a key, publish the record that it shows below _domainkey, and switch signing on.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8020, 2"}, {Name: "RFC 2308, 2"}, {Name: "RFC 6376, 3.6.2"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judge(ctx, env, func(keys facts.DKIMKeys, v *diagnosis.Verdict) { domainkeyExists(env, keys, v) })
	},
})

func domainkeyExists(env *checks.Env, keys facts.DKIMKeys, v *diagnosis.Verdict) {
	t := keys.Tree
	name := "_domainkey." + record.Display(env.Domain)
	if present := keys.Present(); len(present) > 0 {
		v.Seen = []diagnosis.Evidence{{Question: name, Answer: "exists: " + record.Display(present[0].Domain) + " stands below it"}}
		return
	}
	switch {
	case t.Exists():
		v.Seen = []diagnosis.Evidence{{Question: name, Answer: "exists: there may be keys below it"}}
	case t.Err != nil:
		v.Doubts = []diagnosis.Doubt{{Subject: name, Reason: t.Err.Error()}}
	case t.Absent():
		f := diagnosis.Finding{
			Subject: record.Display(env.Domain), Severity: diagnosis.Warning, Evidence: proofs(t),
			Message: fmt.Sprintf("%s does not exist, so %s has no DKIM key under any selector: its mail is not signed", name, record.Display(env.Domain)),
		}
		selector := "mail"
		if named := keys.Named(); len(named) > 0 { // mail is signed, and no signature can be verified
			f.Severity = diagnosis.Critical
			selector = named[0].Name
			f.Message = fmt.Sprintf("%s does not exist, so no signature of %s can be verified: there is no key under any selector", name, record.Display(env.Domain))
		}
		f.Remedy.Steps = firstKey(env, selector)
		v.Findings = []diagnosis.Finding{f}
	default:
		v.Seen = proofs(t)
		v.Doubts = []diagnosis.Doubt{{Subject: name, Reason: unproven(t) + unguessed(keys)}}
	}
}

func proofs(t facts.DomainKeyTree) []diagnosis.Evidence {
	list := []diagnosis.Evidence{{Question: t.Answer.Question.String(), Answer: t.Answer.String()}}
	for _, p := range t.Proofs {
		if p.TreeErr == nil {
			list = append(list, diagnosis.Evidence{Question: p.Tree.Question.String(), Answer: p.Tree.String()})
		}
		if p.WitnessErr == nil {
			list = append(list, diagnosis.Evidence{Question: p.Witness.Question.String(), Answer: p.Witness.String()})
		}
	}
	return list
}

// unproven says why a denial of the name counts for nothing.
func unproven(t facts.DomainKeyTree) string {
	const denied = "NXDOMAIN for _domainkey proves nothing: "
	switch {
	case t.Witness == "":
		return denied + "no other name of the domain shows whether its servers deny names rightly"
	case len(t.Proofs) == 0 && t.ProofErr != nil:
		return denied + "the servers of the zone are not known: " + t.ProofErr.Error()
	case len(t.Proofs) == 0:
		return denied + "the servers of the zone are not known"
	}
	for _, p := range t.Proofs {
		switch {
		case p.TreeErr != nil:
			return denied + p.TreeErr.Error()
		case p.WitnessErr != nil:
			return denied + p.WitnessErr.Error()
		case !p.Witness.Exists:
			return denied + fmt.Sprintf("%s denies %s too, below which there are records", record.Display(p.Server), record.Display(t.Witness))
		}
	}
	return denied + "no server of the zone answers with authority"
}

// firstKey leads to a key under a selector that has none yet.
func firstKey(env *checks.Env, selector string) []string {
	slot := record.DKIMKey(selector, env.Domain)
	return []string{
		"Where a provider or a mail suite sends for you, switch DKIM on in its settings and publish the record that it shows.",
		"By hand: `openssl genrsa -out dkim.pem 2048`, then `openssl rsa -in dkim.pem -pubout -outform DER | openssl base64 -A` prints the public key.",
		fmt.Sprintf("Publish it as TXT at %s, as `v=DKIM1; k=rsa; p=<public key>`, and let the server sign with dkim.pem and selector %s.", record.Display(slot.Name), selector),
	}
}
