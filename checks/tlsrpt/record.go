package tlsrpt

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
)

// maxFaults bounds the faults of one record that are told one by one, the gravest first.
const maxFaults = 8

// Record: somebody hears of TLS that fails.
var Record = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "tlsrpt.record",
		Title:    "One valid address for TLS reports is published",
		Severity: diagnosis.Advice,
		Why:      "Without TLS reports nobody tells you that senders fail to deliver to you encrypted: you learn of it from the people whose mail came back.",
		Doc: `The TXT record at _smtp._tls of the domain says where Google, Microsoft and others send a report each day: how many of their connections to your mail hosts were encrypted as MTA-STS or DANE want it, and why the others were not. It reads v=TLSRPTv1; rua=mailto:tls-reports@example.com; and may name several addresses, with commas between them, or an https endpoint.

Only TXT records that begin with exactly "v=TLSRPTv1;" count. If there is not exactly one, no reports are sent. No consent of the address's domain is needed, unlike with DMARC.

Reports about DANE go by the name of the MX host, not of the domain: an MX host of your own that has TLSA records needs the same record at _smtp._tls.<host>.

To fix it, publish the record. The reports are JSON, compressed, one mail a day from each sender that takes part; a mailbox of their own keeps them out of the way.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8460, 3"}, {Name: "RFC 8460, 1.1"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   judge,
})

func judge(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	list, err := facts.TLSReports.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = facts.TakesNoMail(ctx, env); v.Skip != "" {
		return v, nil
	}
	own := tlsrpt.Record{}.WithReports("postmaster@" + record.Display(env.Domain)) // RFC 5321, 4.5.1
	if list[0].Record.Reports() {
		own = list[0].Record.Clean()
	}
	for _, r := range list {
		if r.Err != nil {
			if len(list) == 1 {
				return v, r.Err
			}
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(r.Name), Reason: r.Err.Error()})
			continue
		}
		judgeName(&v, r, own)
	}
	return v, nil
}

// judgeName judges one name. own is the record to publish where none can be
// made of what is there.
func judgeName(v *diagnosis.Verdict, r facts.TLSReporting, own tlsrpt.Record) {
	at := tlsrpt.Name(record.Display(r.Name))
	seen := []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: r.Answer.String()}}
	if len(r.Texts) == 1 && len(r.Problems) == 0 {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: at, Answer: r.Text()})
		return
	}
	first := true
	add := func(severity diagnosis.Severity, format string, args ...any) {
		f := diagnosis.Finding{Subject: record.Display(r.Name), Severity: severity, Message: fmt.Sprintf(format, args...), Evidence: seen}
		if first { // one record cures them all
			f.Remedy = publish(r, own)
		}
		first = false
		v.Findings = append(v.Findings, f)
	}
	switch {
	case len(r.Texts) > 1:
		add(diagnosis.Warning, "%s has %d TLS report records; no reports are sent", at, len(r.Texts))
	case r.Text() != "":
		problems := slices.Clone(r.Problems)
		slices.SortStableFunc(problems, func(a, b tlsrpt.Problem) int { return cmp.Compare(b.Effect, a.Effect) })
		for i, p := range problems {
			if i == maxFaults {
				add(diagnosis.Warning, "%s has %d more faults", at, len(problems)-i)
				return
			}
			add(diagnosis.Warning, "%s, character %d: %s", at, p.Offset+1, p.Message)
		}
	case len(r.Misses) > 0:
		add(diagnosis.Warning, "%s has %d texts that were meant as TLS report records; none begins with \"v=TLSRPTv1;\"", at, len(r.Misses))
	case r.Host:
		add(diagnosis.Advice, "%s has TLSA records and no address for TLS reports: nobody tells you when senders cannot follow them", record.Display(r.Name))
	default:
		add(diagnosis.Advice, "%s has no address for TLS reports: nobody tells you when senders fail to deliver to it encrypted", record.Display(r.Name))
	}
}

// publish is the remedy that puts one valid record at the name.
func publish(r facts.TLSReporting, own tlsrpt.Record) diagnosis.Remedy {
	want, steps := own, []string{"Name another mailbox in rua if the daily reports shall not go there: " + own.RUA[0].Text}
	if meant := r.Record.Clean(); meant.Reports() {
		want, steps = meant, nil
	}
	rec := record.TXT(tlsrpt.Name(r.Name), want.String())
	if len(r.Answer.Chain) > 0 { // the texts are somebody else's
		return diagnosis.Remedy{Steps: []string{fmt.Sprintf("%s is an alias of %s: have the record there put right by whoever runs it, or publish in place of the alias: `%s`",
			record.Display(rec.Name), record.Display(r.Answer.Target()), rec)}}
	}
	slot := record.Slot{Name: rec.Name, Type: "TXT", Tag: "v=TLSRPTv1"}
	all := []record.Record{rec}
	for _, old := range r.Answer.Records {
		if tlsrpt.IsMeant(old.Data) && !slot.Holds(old) {
			slot.Tag = "" // written in a way that the slot does not hold
		}
	}
	for _, old := range r.Answer.Records {
		if slot.Tag == "" && !tlsrpt.IsMeant(old.Data) {
			all = append(all, record.TXT(old.Name, old.Data))
		}
	}
	return diagnosis.Remedy{Edits: []record.Edit{record.Set(slot, all...)}, Steps: steps}
}
