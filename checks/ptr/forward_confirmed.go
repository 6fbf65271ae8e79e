package ptr

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// ForwardConfirmed: the name of an address leads back to it.
var ForwardConfirmed = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ptr.forward-confirmed",
		Title:    "The PTR name resolves back to the IP",
		Severity: diagnosis.Critical,
		Why:      "A name that does not lead back proves nothing: Gmail and others treat the address as if it had no name.",
		Doc: `Anybody can write any name into a PTR record. Receivers therefore look the name up again: one of the names must have an A (for IPv4) or AAAA record (for IPv6) with the very address. This is called forward-confirmed reverse DNS, FCrDNS or iprev.

To fix it, publish the A or AAAA record of the PTR name, or set the PTR to a name that has one. For IPv6 the AAAA record of the mail host is often what is missing.`,
		Refs: []diagnosis.Ref{
			{Name: "RFC 8601, 2.7.3"},
			{Name: "Gmail sender guidelines", URL: "https://support.google.com/mail/answer/81126"},
		},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return eachSender(ctx, env, func(s facts.Sender, r facts.Reverse, v *diagnosis.Verdict) { confirmed(ctx, env, s, r, v) })
	},
})

func confirmed(ctx context.Context, env *checks.Env, s facts.Sender, r facts.Reverse, v *diagnosis.Verdict) {
	subject := s.Addr.String()
	var doubt string
	for _, n := range r.Names {
		if n.Confirms(s.Addr) {
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: subject, Answer: record.Display(n.Name) + " and back"})
			return
		}
		if len(n.Errs) > 0 {
			doubt = n.Errs[0].Error()
		}
	}
	switch {
	case doubt != "":
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: subject, Reason: doubt})
	case len(r.Names) > 0:
		v.Findings = append(v.Findings, unconfirmed(ctx, env, s, r))
	}
}

func unconfirmed(ctx context.Context, env *checks.Env, s facts.Sender, r facts.Reverse) diagnosis.Finding {
	f := diagnosis.Finding{Subject: s.Addr.String(), Severity: diagnosis.Critical, Evidence: evidence(r)}
	var leads []string
	for _, n := range r.Names {
		to := "to no address"
		if len(n.Addrs) > 0 {
			var list []string
			for _, a := range n.Addrs {
				list = append(list, a.String())
			}
			to = "to " + strings.Join(list, ", ")
		}
		leads = append(leads, record.Display(n.Name)+" leads "+to)
		for _, a := range n.Answers {
			f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: a.Question.String(), Answer: a.String()})
		}
	}
	f.Message = fmt.Sprintf("the PTR of %s does not lead back to it: %s", s.Addr, strings.Join(leads, "; "))
	if n := r.Names[0]; env.Subject() == checks.Domains && record.Within(n.Name, env.Domain) && len(n.Chain) == 0 {
		f.Remedy.Edits = []record.Edit{addAddress(n, s)}
		return f
	}
	f.Remedy.Steps = append(setPTR(ctx, env, s.Addr, wantedName(env, s)), "See that this name has "+s.Addr.String()+" as an address.")
	return f
}

// addAddress is the edit that gives the PTR name the sender's address beside
// those of the same family that it has.
func addAddress(n facts.PTRName, s facts.Sender) record.Edit {
	missing := record.Address(n.Name, s.Addr)
	want := []record.Record{missing}
	for _, a := range n.Addrs {
		if r := record.Address(n.Name, a); r.Type == missing.Type {
			want = append(want, r)
		}
	}
	return record.Set(record.Slot{Name: missing.Name, Type: missing.Type}, want...)
}
