package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// RUADomainMX: the domains of report addresses take mail.
var RUADomainMX = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.rua-domain-mx",
		Title:    "The domains of report addresses receive mail",
		Severity: diagnosis.Warning,
		Why:      "Reports to a domain without a mail host bounce, so nobody reads them; and whoever registers a domain that has lapsed reads them instead.",
		Doc: `Every domain of an address in rua and ruf must have an MX record, or at least an address of its own, and no null MX.

To fix it, correct the address, or give its domain an MX record.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9990, 3"}, {Name: "RFC 5321, 5.1"}, {Name: "RFC 7505"}},
	},
	Needs: []*checks.Check{Exists, RUAPresent},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeHosts(ctx, env, ruaDomainMX)
	},
})

// judgeHosts judges every domain to which reports go.
func judgeHosts(ctx context.Context, env *checks.Env, judge func(subject, facts.ReportHost, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	hosts, err := facts.DMARCReportHosts.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	return judgeRecord(ctx, env, func(s subject, v *diagnosis.Verdict) {
		if len(hosts.List) == 0 {
			v.Skip = "no report address with a domain"
			return
		}
		for _, h := range hosts.List {
			judge(s, h, v)
		}
		if hosts.Omitted > 0 {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: s.name, Reason: fmt.Sprintf("%d more report domains were not looked at", hosts.Omitted)})
		}
	})
}

func ruaDomainMX(s subject, h facts.ReportHost, v *diagnosis.Verdict) {
	name := record.Display(h.Name)
	if h.MXErr != nil {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: h.MXErr.Error()})
		return
	}
	seen := diagnosis.Evidence{Question: h.MX.Question.String(), Answer: h.MX.String()}
	v.Seen = append(v.Seen, seen)
	why := ""
	switch {
	case isNull(h.MX.Records):
		why = "says that it takes no mail (null MX)"
	case len(h.MX.Records) > 0 || len(h.Addrs) > 0:
		return
	case !h.Known():
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: h.Errs[0].Error()})
		return
	case !h.MX.Exists:
		why = "does not exist (NXDOMAIN)"
	default:
		why = "has neither an MX record nor an address"
	}
	v.Findings = append(v.Findings, diagnosis.Finding{
		Subject: name, Severity: diagnosis.Warning, Evidence: []diagnosis.Evidence{answer(*s.Policy), seen},
		Message: fmt.Sprintf("reports to %s are lost: %s %s", h.Addresses[0].Address, name, why),
		Remedy:  diagnosis.Remedy{Steps: []string{"Name a mailbox of a domain that takes mail in the record at " + s.at() + ", or give " + name + " an MX record."}},
	})
}

func isNull(mx []record.Record) bool {
	if len(mx) != 1 {
		return false
	}
	_, host, ok := mx[0].MX()
	return ok && host == "."
}
