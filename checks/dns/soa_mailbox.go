package dns

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// SOAMailbox: who is responsible for the zone can be written to.
var SOAMailbox = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.soa-mailbox",
		Title:    "The mailbox in the SOA record could exist",
		Severity: diagnosis.Advice,
		Why:      "It is where people write who see that your zone is broken or abused, when nothing else of the domain may work any more.",
		Doc: `The second name in the SOA record (RNAME) is a mail address in disguise: its first dot stands for the "@", and a dot in the local part is written as \. (RFC 1035, section 8): hostmaster.example.org is hostmaster@example.org, john\.doe.example.org is john.doe@example.org.

It is decoded, and its domain must take mail: by an MX record that is not the null MX, or by an address where there is no MX. Whether the mailbox itself exists is not asked. Names that cannot be an address are found: one with an "@", one without a domain, one in .localhost or .local, as templates have it.

Where both the primary name server and the mailbox are named elsewhere, a DNS hoster has written its own address there, which you need not and often cannot change: that passes.

To fix it, set the RNAME in the SOA record to a mailbox that is read, and raise the serial number. RFC 2142 reserves the name hostmaster for this. A mailbox at another domain has the advantage that it works when this one does not.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 3.3.13"}, {Name: "RFC 1035, 8"}, {Name: "RFC 2142, 7"}, {Name: "RFC 1912, 2.2"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run:   soaMailbox,
})

func soaMailbox(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	h, err := facts.ZoneHostmaster.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = noSOA(env, h.SOA); v.Skip != "" {
		return v, nil
	}
	zone, name := record.Display(h.SOA.Apex), record.Display(h.SOA.RName)
	v.Seen = []diagnosis.Evidence{{Question: h.SOA.Answer.Question.String(), Answer: h.SOA.Answer.String()}}
	find := func(format string, args ...any) {
		v.Findings = []diagnosis.Finding{{
			Subject: zone, Severity: diagnosis.Advice, Message: fmt.Sprintf(format, args...), Evidence: v.Seen,
			Remedy: diagnosis.Remedy{Steps: hostmasterSteps(h)},
		}}
	}
	if h.Fault != "" {
		find("the mailbox in the SOA record of %s, %s, %s", zone, name, h.Fault)
		return v, nil
	}
	takes, err := h.TakesMail()
	address := h.Address()
	switch {
	case err != nil:
		return v, err
	case takes:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: fmt.Sprintf("%q, at a domain that takes mail", address)})
	case !h.SOA.OwnServer(env.Domain) && !record.Within(h.Domain, dmarc.ListedOrganizational(env.Domain)):
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: fmt.Sprintf("%q, the matter of who runs %s", address, record.Display(h.SOA.MName))})
	default:
		find("nobody can write to %q, the mailbox in the SOA record of %s: %s", address, zone, whyNoMail(h))
		f := &v.Findings[0]
		if question := h.MX.Question; question.Name != "" {
			f.Evidence = append(f.Evidence[:1:1], diagnosis.Evidence{Question: question.String(), Answer: h.MX.String()})
		}
	}
	return v, nil
}

// whyNoMail is why a domain takes no mail.
func whyNoMail(h facts.Hostmaster) string {
	domain := record.Unicode(h.Domain)
	switch {
	case len(h.MX.Records) > 0:
		return domain + " takes no mail (null MX)"
	case !h.MX.Exists:
		return domain + " does not exist"
	}
	return domain + " has neither an MX nor an address"
}

func hostmasterSteps(h facts.Hostmaster) []string {
	name := "hostmaster." + h.SOA.Apex
	if h.Meant != "" {
		name = h.Meant
	}
	return []string{
		fmt.Sprintf("Set the mailbox (RNAME) in the SOA record of %s to one that is read, such as `%s`, with the final dot.", record.Display(h.SOA.Apex), name),
		"Raise the serial number, so that the secondaries take the change over. Where a hoster writes the SOA record, tell them.",
	}
}
