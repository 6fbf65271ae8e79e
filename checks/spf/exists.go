package spf

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Exists: the domain has an SPF record.
var Exists = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.exists",
		Title:    "The domain publishes an SPF record",
		Severity: diagnosis.Warning,
		Why:      "Without SPF anybody may use the domain as the sender of mail, and large receivers refuse or distrust what it sends itself.",
		Doc: `SPF is a list of who may send for the domain. Receivers compare the address of the host that hands them a message with the list of the domain in the envelope sender (MAIL FROM), the address to which bounces go; what people see as From is the matter of DMARC.

An SPF record is one TXT record at the domain whose text is "v=spf1" or begins with "v=spf1" and a space. White space in front, another separator behind, or a missing digit make it a text that receivers do not even see.

To fix it, list everything that sends mail for the domain: your own hosts by address (ip4:, ip6:) or as mx, each provider by the include that its manual names, and ~all at the end. A domain that sends no mail publishes v=spf1 -all.

Receivers answer "none" where there is no record. Google and Yahoo ask every sender for SPF or DKIM, and bulk senders for both.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.5"}, {Name: "RFC 7208, 3.1"}},
	},
	Needs: []*checks.Check{dns.DomainExists, dns.CNAMECoexistence},
	Run:   exists,
})

func exists(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	r, err := facts.SPF.Of(ctx, env)
	if err != nil {
		return v, err
	}
	switch {
	case len(r.Texts) > 0:
		v.Seen = evidence(r)
		return v, nil
	case !r.Answer.Exists:
		v.Skip = name(env) + " does not exist"
		return v, nil
	}
	purpose, err := facts.Intent.Of(ctx, env)
	if err != nil {
		return v, err
	}
	f := finding(env, r, diagnosis.Warning, "%s has no SPF record", name(env))
	f.Remedy = remedy(ctx, env)
	switch {
	case len(r.Misses) > 0:
		miss := r.Misses[0]
		f.Message = fmt.Sprintf("%s has no SPF record: the text %q is none: %s", name(env), clip(miss.Text), miss.Why)
		f.Evidence = []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: miss.Text}}
		if !record.SPF(env.Domain).Holds(record.TXT(env.Domain, miss.Text)) {
			f.Remedy.Steps = append(f.Remedy.Steps, "Delete the TXT record that was meant as the SPF record.")
		}
	case !purpose.Sends:
		f.Message = fmt.Sprintf("%s sends no mail, but has no SPF record that says so", name(env))
	default:
		if unsigned(ctx, env) {
			f.Severity = diagnosis.Critical
			f.Message += ", and no DKIM key of it is known either: nothing tells its mail from a forgery"
		}
		if len(f.Remedy.Edits) > 0 {
			f.Remedy.Steps = append(f.Remedy.Steps, "Add whatever else sends mail for the domain before you publish: each provider's include: as its manual has it, and the addresses of your own hosts.")
		}
	}
	v.Findings = append(v.Findings, f)
	return v, nil
}

// unsigned reports whether there is no sign of a DKIM key either.
func unsigned(ctx context.Context, env *checks.Env) bool {
	keys, err := facts.DKIM.Of(ctx, env)
	if err != nil || keys.Tree.Exists() {
		return false
	}
	_, wildcard := keys.WildcardKey()
	return !wildcard && len(keys.Present()) == 0
}
