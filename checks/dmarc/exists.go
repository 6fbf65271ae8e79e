package dmarc

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// Exists: a policy record applies to the domain.
var Exists = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.exists",
		Title:    "A DMARC policy record applies to the domain",
		Severity: diagnosis.Warning,
		Why:      "Without one, receivers let mail pass that forges the domain, nobody tells you of it, and Gmail, Yahoo and Microsoft may refuse mail that you send in bulk.",
		Doc: `DMARC protects the address that people see as From. A message passes if SPF or DKIM passes, and does so for the domain in From or, unless the record asks for more, for one of the same organization; that is called alignment. The record says what receivers shall do with messages that do not pass, and where to send reports.

The record is the TXT record at _dmarc of the domain that begins with v=DMARC1, in exactly this spelling. Where there is none, that of the organizational domain applies, found by asking at every parent (the DNS tree walk), and in the end that of a public suffix. A record found at a parent is as good as one's own.

To begin, publish a record with p=none and an address for reports: nothing is refused for it, and the reports tell who sends in your name. When they show for some weeks that all your own mail passes by SPF or DKIM, go to p=quarantine, then to p=reject. A domain that sends no mail at all takes p=reject at once.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 4.10"}, {Name: "RFC 9989, 5.1.4"}},
	},
	Needs: []*checks.Check{LookupConclusive, SingleRecord},
	Run:   exists,
})

func exists(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, err := facts.DMARC.Of(ctx, env)
	if err != nil {
		return v, err
	}
	purpose, err := facts.Intent.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if len(p.Undecided) > 0 {
		return v, p.Undecided[0]
	}
	if p.Policy != nil {
		v.Seen = []diagnosis.Evidence{{Question: "_dmarc." + record.Display(p.Policy.Domain), Answer: strings.Join(p.Policy.Texts, "\n")}}
		return v, nil
	}
	if _, misplaced := astray(p); misplaced {
		v.Skip = "because of dmarc.placement"
		return v, nil
	}
	v.Findings = []diagnosis.Finding{missing(env, p, purpose)}
	return v, nil
}

func missing(env *checks.Env, p facts.DMARCPolicy, purpose facts.Purpose) diagnosis.Finding {
	f := diagnosis.Finding{Subject: record.Display(env.Domain), Severity: diagnosis.Warning}
	for _, step := range p.Steps {
		if !step.Beyond {
			f.Evidence = append(f.Evidence, answer(step))
		}
	}
	where := "neither it nor a parent has a record"
	if texts := p.Here().Answer.Texts(); len(texts) > 0 {
		where = fmt.Sprintf("what stands at _dmarc.%s is no DMARC record", record.Display(env.Domain))
	}
	f.Message = fmt.Sprintf("no DMARC policy applies to %s: %s", record.Display(env.Domain), where)
	r := fresh(env.Domain, purpose)
	f.Remedy.Edits = []record.Edit{publish(p.Here(), r)}
	switch {
	case !purpose.Sends:
		return f
	case !purpose.Receives:
		f.Remedy.Steps = append(f.Remedy.Steps, "Add an address of another domain for the reports: rua=mailto:<address>.")
	default:
		f.Remedy.Steps = append(f.Remedy.Steps, "Name another mailbox than "+postmaster(env.Domain)+" in rua if the daily reports shall not go there.")
	}
	f.Remedy.Steps = append(f.Remedy.Steps, "When the reports show that all your own mail passes, go on to p=quarantine, and later to p=reject: "+line(env.Domain, r.WithPolicy(dmarc.Quarantine))+".")
	if parent := dmarc.ListedOrganizational(env.Domain); parent != env.Domain {
		f.Remedy.Steps = append(f.Remedy.Steps, fmt.Sprintf("A record at _dmarc.%s would cover this domain and all others below %s.", record.Display(parent), record.Display(parent)))
	}
	return f
}
