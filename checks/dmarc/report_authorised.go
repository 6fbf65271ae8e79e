package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// ReportAuthorised: other domains take the reports that are sent to them.
var ReportAuthorised = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.report-authorised",
		Title:    "Every external report address has consented",
		Severity: diagnosis.Warning,
		Why:      "Receivers send no report to another domain that has not agreed to take it: the reports you wait for never come.",
		Doc: `An address in rua or ruf whose organizational domain is not that of the policy is an external destination. Before they send there, receivers ask for a TXT record at <policy domain>._report._dmarc.<destination> that begins with v=DMARC1. Report services publish it, often as a wildcard; a second domain of your own needs it too. The record may name another address, but only one of the same host.

Whether a destination is external depends on how the organizational domain is found: receivers of RFC 9989 walk the DNS tree, those of RFC 7489 use the public suffix list.

To fix it, ask the owner of the destination to publish the record shown, or use an address of your own domain.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9990, 4"}, {Name: "RFC 7489, 7.1"}},
	},
	Needs: []*checks.Check{Exists, RUAPresent},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeHosts(ctx, env, reportAuthorised)
	},
})

func reportAuthorised(s subject, h facts.ReportHost, v *diagnosis.Verdict) {
	name := record.Display(h.Name)
	question := h.Consent.Answer.Question.String()
	finding := diagnosis.Finding{Subject: name, Severity: diagnosis.Warning, Evidence: []diagnosis.Evidence{answer(*s.Policy)}}
	switch {
	case !h.External() && h.WalkErr == nil:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: "of the same organization, needs no consent"})
		return
	case h.Consent.Err != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: h.Consent.Err.Error()})
		return
	case h.Consent.Given && h.Consent.Elsewhere == "":
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: question, Answer: h.Consent.Answer.String()})
		return
	case !h.ByList && h.WalkErr != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: h.WalkErr.Error()})
		return
	case h.Consent.Given:
		finding.Message = fmt.Sprintf("%s sends reports about %s on to %s, another host; receivers send none at all then", name, record.Display(s.Policy.Domain), record.Display(h.Consent.Elsewhere))
		finding.Remedy.Steps = []string{fmt.Sprintf("Ask the owner of %s to name an address of that host in the record at %s, or none.", name, record.Display(h.Consent.Answer.Question.Name))}
	default:
		finding.Message = fmt.Sprintf("%s has not agreed to take reports about %s; %s send none to %s", name, record.Display(s.Policy.Domain), who(h), h.Addresses[0].Address)
		finding.Remedy.Steps = []string{fmt.Sprintf("Ask the owner of %s to publish `%s`", name, dmarc.ConsentRecord(s.Policy.Domain, h.Name)),
			fmt.Sprintf("Or have the reports sent to a mailbox of %s itself, which needs no consent, and passed on from there.", record.Display(s.Policy.Domain))}
	}
	finding.Evidence = append(finding.Evidence, diagnosis.Evidence{Question: question, Answer: h.Consent.Answer.String()})
	v.Findings = append(v.Findings, finding)
}

// who is which receivers take the destination for an external one.
func who(h facts.ReportHost) string {
	switch {
	case !h.ByList:
		return "receivers of RFC 9989 (by tree walk)"
	case !h.ByWalk && h.WalkErr == nil:
		return "receivers of RFC 7489 (by public suffix list)"
	}
	return "receivers"
}
