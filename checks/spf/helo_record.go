package spf

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// HELORecord: the names by which hosts greet have SPF.
var HELORecord = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.helo-record",
		Title:    "The EHLO name has SPF of its own",
		Severity: diagnosis.Advice,
		Why:      "Bounces have no sender address, so receivers judge them by the EHLO name. Without a record there, everybody may greet with the name of your mail host.",
		Doc: `A mail host greets by its own name, and messages with an empty reverse-path (bounces, some automatic replies) are judged as if they came from postmaster at that name. The record v=spf1 a -all there says that the host's own addresses may use the name, and nobody else. It does not replace the domain's own record.

The name is that given with --helo, or else that of each MX host inside the domain that is known to send. Whether the record that stands there lets the host pass is judged by spf.authorises-ip.

To fix it, publish the record at the host's name.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 2.3"}, {Name: "RFC 7208, 10.1.3"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   heloRecord,
})

// A greeter is a name that sending hosts greet with.
type greeter struct {
	name    string
	senders []netip.Addr
	texts   resolve.Answer
	err     error
	host    facts.HostAddrs
}

func heloRecord(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	senders, err := facts.Senders.Of(ctx, env)
	if err != nil {
		return v, err
	}
	list := greeters(env, senders)
	switch {
	case len(senders) == 0:
		v.Skip, err = noSender(ctx, env)
		return v, err
	case len(list) == 0:
		v.Seen = []diagnosis.Evidence{{Question: "EHLO names inside the domain", Answer: "none is known"}}
	}
	var wg sync.WaitGroup
	for i := range list {
		g := &list[i]
		wg.Go(func() { g.texts, g.err = env.DNS.Resolve(ctx, resolve.Ask(g.name, "TXT")) })
		wg.Go(func() { g.host = facts.Addresses(ctx, env, g.name) })
	}
	wg.Wait()
	for _, g := range list {
		g.judge(&v)
	}
	return v, nil
}

// greeters is the EHLO names inside the domain. The domain's own name is none:
// its record is what all of this topic is about.
func greeters(env *checks.Env, senders []facts.Sender) []greeter {
	var list []greeter
	for _, s := range senders {
		if s.Host == "" || s.Host == env.Domain || !record.Within(s.Host, env.Domain) {
			continue
		}
		i := slices.IndexFunc(list, func(g greeter) bool { return g.name == s.Host })
		if i < 0 {
			i = len(list)
			list = append(list, greeter{name: s.Host})
		}
		list[i].senders = append(list[i].senders, s.Addr)
	}
	return list
}

func (g greeter) judge(v *diagnosis.Verdict) {
	host := record.Display(g.name)
	if g.err != nil {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: host, Reason: g.err.Error()})
		return
	}
	seen := diagnosis.Evidence{Question: g.texts.Question.String(), Answer: g.texts.String()}
	if texts := spf.Records(g.texts.Texts()); len(texts) > 0 {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: seen.Question, Answer: clip(texts[0])})
		return
	}
	f := diagnosis.Finding{
		Subject: host, Severity: diagnosis.Advice, Evidence: []diagnosis.Evidence{seen},
		Message: fmt.Sprintf("%s, a host that sends, has no SPF record of its own: anybody may greet by its name, and bounces are judged by that name alone", host),
	}
	want := g.wants().String()
	if len(g.texts.Chain) > 0 { // beside a CNAME nothing else may stand (RFC 1034, 3.6.2)
		f.Remedy.Steps = []string{fmt.Sprintf("%s is an alias, beside which no record can stand. Give it its addresses as A and AAAA, and then the TXT record `%s`.", host, record.TXT(g.name, want))}
	} else {
		f.Remedy.Edits = []record.Edit{record.Set(record.SPF(g.name), record.TXT(g.name, want))}
	}
	v.Findings = append(v.Findings, f)
}

// wants is the record that lets the host's own addresses greet with its name,
// and the senders that are not among them.
func (g greeter) wants() spf.Record {
	var rec spf.Record
	if len(g.host.Addrs) > 0 || !g.host.Known() {
		rec = spf.NewRecord(spf.Term{Kind: spf.A, Qualifier: spf.Plus, Bits4: 32, Bits6: 128})
	}
	for _, addr := range g.senders {
		if !slices.Contains(g.host.Addrs, addr) && g.host.Known() {
			rec = rec.WithIP(addr)
		}
	}
	return rec.WithAll(spf.Minus)
}
