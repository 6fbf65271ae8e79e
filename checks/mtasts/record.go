package mtasts

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// Record: a policy is announced.
var Record = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mtasts.record",
		Title:    "One valid MTA-STS record is published",
		Severity: diagnosis.Warning,
		Why:      "Without MTA-STS (or DANE), whoever sits between a sender and your mail host can have your mail delivered to himself, unencrypted, and nobody notices.",
		Doc: `Encryption between mail servers is opportunistic: a sender that is told "no TLS here", or is shown any certificate, delivers all the same. With MTA-STS a domain tells senders that its mail hosts do TLS with valid certificates, so that Gmail, Microsoft, Yahoo and others refuse to be fooled. It needs two things: a policy, a small text file on a web server, and a TXT record at _mta-sts that announces it and changes with it.

The record reads v=STSv1; id=20261122120000; where the id is up to 32 letters and digits, any that were not used before; the time is usual. Senders look at those TXT records only that begin with exactly "v=STSv1;". If there is not exactly one, or if it is not valid, they take the domain to have no policy; those that have fetched one before keep it until it expires.

To begin, serve the policy first, in mode testing, then publish the record and one for TLS reports (tlsrpt.record). When the reports show for some weeks that nothing fails, change the mode to enforce, and then the id. The policy needs a web server with a certificate for mta-sts.<domain>; Caddy, nginx with certbot, Cloudflare Workers or GitHub Pages will do. Mailu and mailcow can serve it, once the name points to them.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 3.1"}, {Name: "RFC 8461, 8.1"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   judgeRecord,
})

func judgeRecord(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	r, err := facts.MTASTSRecord.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = facts.TakesNoMail(ctx, env); v.Skip != "" {
		return v, nil
	}
	at, domain := "_mta-sts."+record.Display(env.Domain), record.Display(env.Domain)
	v.Seen = []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: r.Answer.String()}}
	if len(r.Texts) == 1 && len(r.Problems) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: at, Answer: r.Text()}}
		return v, nil
	}
	add := func(severity diagnosis.Severity, format string, args ...any) {
		f := diagnosis.Finding{Subject: domain, Severity: severity, Message: fmt.Sprintf(format, args...), Evidence: v.Seen}
		if len(v.Findings) == 0 { // one record cures them all
			f.Remedy = announce(env, r)
		}
		v.Findings = append(v.Findings, f)
	}
	switch {
	case len(r.Texts) > 1:
		add(diagnosis.Warning, "%s has %d MTA-STS records; senders use none of them", at, len(r.Texts))
	case r.Text() != "":
		for i, p := range gravestFirst(r.Problems) {
			if i == maxFaults {
				add(gravity(p), "%s has %d more faults", at, len(r.Problems)-i)
				break
			}
			add(gravity(p), "%s, character %d: %s", at, p.Offset+1, p.Message)
		}
	case len(r.Misses) > 0:
		add(diagnosis.Warning, "%s has %d texts that were meant as MTA-STS records; none begins with \"v=STSv1;\"", at, len(r.Misses))
	case len(r.Misplaced) > 0:
		v.Seen = []diagnosis.Evidence{{Question: "TXT " + domain, Answer: r.Misplaced[0]}}
		add(diagnosis.Warning, "the MTA-STS record stands at %s, where nobody looks; its place is %s", domain, at)
	default:
		v.Findings = []diagnosis.Finding{absent(ctx, env, v.Seen)}
	}
	return v, nil
}

// announce is the remedy that puts one valid record at _mta-sts.
func announce(env *checks.Env, r facts.STSRecord) diagnosis.Remedy {
	want := announcement(env)
	if len(r.Answer.Chain) > 0 { // the texts are somebody else's
		return diagnosis.Remedy{Steps: []string{fmt.Sprintf("%s is an alias of %s: have the record there put right by whoever runs it, or publish in place of the alias: %s",
			record.Display(want.Name), record.Display(r.Answer.Target()), line(want))}}
	}
	slot := record.Slot{Name: want.Name, Type: "TXT", Tag: "v=STSv1"}
	all := []record.Record{want}
	for _, own := range r.Answer.Records {
		if mtasts.IsMeant(own.Data) && !slot.Holds(own) {
			slot.Tag = "" // written in a way that the slot does not hold
		}
	}
	for _, own := range r.Answer.Records {
		if slot.Tag == "" && !mtasts.IsMeant(own.Data) {
			all = append(all, record.TXT(own.Name, own.Data))
		}
	}
	remedy := diagnosis.Remedy{Edits: []record.Edit{record.Set(slot, all...)}}
	apex := record.Slot{Name: env.Domain, Type: "TXT", Tag: "v=STSv1"}
	if slices.ContainsFunc(r.Misplaced, func(text string) bool { return apex.Holds(record.TXT(env.Domain, text)) }) {
		remedy.Edits = append(remedy.Edits, record.Set(apex))
	}
	return remedy
}

// absent is the advice to begin. There is no edit in it: a record that announces
// a policy before it is served leads senders nowhere.
func absent(ctx context.Context, env *checks.Env, seen []diagnosis.Evidence) diagnosis.Finding {
	const week = 604800
	domain := record.Display(env.Domain)
	p := mtasts.Policy{Mode: mtasts.Testing, MaxAge: week}
	if set, err := facts.MX.Of(ctx, env); err == nil {
		p = p.WithMX(hosts(set)...)
	}
	return diagnosis.Finding{
		Subject: domain, Severity: diagnosis.Advice, Evidence: seen,
		Message: domain + " announces no MTA-STS policy: senders cannot tell a forged mail host from the real one",
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Give %s an address (A, AAAA) of a web server with a certificate for that name.", mtasts.Host(domain)),
			fmt.Sprintf("Serve there, as %s and text/plain, a file of these lines: %s", mtasts.URL(domain), lines(p)),
			"Then announce it: " + line(announcement(env)),
			"When TLS reports show for some weeks that nothing fails, change the mode to enforce, and after it the id.",
		}},
	}
}
