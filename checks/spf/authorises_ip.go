package spf

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

type answer = resolve.Answer

// AuthorisesIP: who sends, passes.
var AuthorisesIP = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.authorises-ip",
		Title:    "Every sending address gets pass",
		Severity: diagnosis.Critical,
		Why:      "Mail from an address that SPF does not authorise is refused or lands in spam, and without DKIM it fails DMARC.",
		Doc: `Every address that sends is evaluated as a receiver would: as MAIL FROM postmaster@ the domain, and as the EHLO name where that is known. The sending addresses are those given with --ip; without any, those that the domain's own SPF record and MX hosts tell.

Only pass authorises. softfail and neutral get through at some receivers, but do not count for DMARC. More addresses than yours may be authorised; that is not judged here.

To fix it, add the address to the record, IPv4 as ip4: and IPv6 as ip6:. A host with IPv6 sends by it whenever the receiver has it too, so both have to be in.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4"}, {Name: "RFC 7208, 2.3"}, {Name: "RFC 7208, 2.4"}},
	},
	Needs: sound,
	Run:   authorisesIP,
})

func authorisesIP(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	var ahead sync.WaitGroup
	defer ahead.Wait()
	ahead.Go(func() { askAhead(ctx, env) })
	senders, err := facts.Senders.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if len(senders) == 0 {
		v.Skip, err = noSender(ctx, env)
		return v, err
	}
	// The trials do not wait for the whole tree, which stands beside them.
	trials := make([]trial, len(senders))
	var wg sync.WaitGroup
	for i, s := range senders {
		wg.Go(func() { trials[i] = try(ctx, env, s) })
	}
	results, err := facts.SPFResults.Of(ctx, env)
	wg.Wait()
	if err != nil {
		return v, err
	}
	for i, s := range senders {
		trials[i].mailFrom = results[s.Addr]
	}
	r, err := facts.SPF.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = unreadable(r); v.Skip != "" {
		return v, nil
	}
	for _, t := range trials {
		t.judgeMailFrom(ctx, env, r, &v)
		t.judgeHELO(ctx, env, &v)
	}
	return v, nil
}

// maxAhead bounds the names whose records are asked for ahead of time.
const maxAhead = 4

// askAhead asks for the SPF records of the names by which senders may turn out
// to greet, while it is still being found out who sends.
func askAhead(ctx context.Context, env *checks.Env) {
	var names []string
	if env.Want.HELO != "" {
		names = append(names, env.Want.HELO)
	} else if set, err := facts.MX.Of(ctx, env); err == nil && len(env.Want.Senders) == 0 {
		for _, h := range set.Hosts[:min(len(set.Hosts), maxAhead)] {
			names = append(names, h.Name)
		}
	}
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() { _, _ = env.DNS.Resolve(ctx, resolve.Ask(name, "TXT")) }) // the resolver keeps what comes back
	}
	wg.Wait()
}

// unreadable is why no sender can pass, whoever it is; empty if one can.
func unreadable(r facts.SPFRecord) string {
	switch fatal := spf.Fatal(r.Problems); {
	case len(r.Texts) == 0:
		return "because of spf.exists"
	case len(r.Texts) > 1:
		return "because of spf.single-record"
	case len(fatal) > 0:
		return "because of " + ownerOf(fatal[0].Kind)
	}
	return ""
}

func noSender(ctx context.Context, env *checks.Env) (string, error) {
	purpose, err := facts.Intent.Of(ctx, env)
	if err == nil && !purpose.Sends {
		return "the domain sends no mail (" + purpose.Why + ")", nil
	}
	return "no sending address is known; give --ip ADDRESS to check one", err
}

// A trial is one sender before both identities.
type trial struct {
	sender   facts.Sender
	mailFrom spf.Result
	helo     spf.Result // Code is empty where no EHLO name is known
}

// try evaluates the EHLO name of a sender.
func try(ctx context.Context, env *checks.Env, s facts.Sender) trial {
	t := trial{sender: s}
	if s.Host != "" {
		helo := record.Display(s.Host)
		t.helo = spf.Evaluate(ctx, env.DNS, spf.Params{IP: s.Addr, HELO: helo, Domain: helo, Now: env.Now()})
	}
	return t
}

func (t trial) judgeMailFrom(ctx context.Context, env *checks.Env, r facts.SPFRecord, v *diagnosis.Verdict) {
	addr, got := t.sender.Addr.String(), t.mailFrom
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: addr + " as MAIL FROM " + name(env), Answer: fmt.Sprintf("%s, %d of %d lookups", got, got.Lookups, spf.MaxLookups)})
	switch got.Code {
	case spf.Pass:
		return
	case spf.TempError:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: addr, Reason: got.Err.Error()})
		return
	}
	if got.Code == spf.PermErr {
		if id := permanent(r.Tree); id != "" {
			v.Skip = "because of " + id // the fault is the record's, for every sender alike
			return
		}
	}
	f := finding(env, r, t.severity(diagnosis.Critical), "SPF of %s gives %s to %s (%s): %s", name(env), got.Code, addr, t.sender.Why, got.Cause)
	f.Subject = addr
	f.Remedy = t.letIn(ctx, env)
	v.Findings = append(v.Findings, f)
}

// permanent names the check that owns a permerror anywhere in the tree; empty
// where none does, as with macros that lead this one sender to nothing.
func permanent(t *spf.Tree) string {
	switch {
	case t == nil:
		return ""
	case slices.ContainsFunc(t.Cycles, spf.Cycle.Redirects):
		return "spf.redirect-target"
	case len(t.Cycles) > 0:
		return "spf.include-loop"
	}
	for n := range t.Root.All() {
		switch {
		case n.MXCount > spf.MaxMXHosts:
			return "spf.mx-address-limit"
		case n.Term.Kind == spf.Include && lost(n) != "":
			return "spf.include-target"
		case n.Term.Kind == spf.Redirect && lost(n) != "":
			return "spf.redirect-target"
		}
	}
	switch {
	case t.Lookups > spf.MaxLookups:
		return "spf.lookup-limit"
	case max(t.Voids4, t.Voids6) > spf.MaxVoids:
		return "spf.void-limit"
	}
	return ""
}

// letIn is the record that authorises the sender.
func (t trial) letIn(ctx context.Context, env *checks.Env) diagnosis.Remedy {
	if t.sender.Declared {
		return remedy(ctx, env)
	}
	c, err := prescription.Of(ctx, env)
	if err != nil || len(c.left) > 0 {
		return diagnosis.Remedy{Steps: []string{"If the address sends for the domain, add it to the SPF record."}}
	}
	return diagnosis.Remedy{Edits: publish(env, c.record.WithIP(t.sender.Addr)), Steps: []string{"Publish this only if " + t.sender.Addr.String() + " sends for the domain; give it with --ip to be sure of the verdict."}}
}

// judgeHELO judges the EHLO name. That it has no record is no fault here.
func (t trial) judgeHELO(ctx context.Context, env *checks.Env, v *diagnosis.Verdict) {
	addr, helo, got := t.sender.Addr.String(), record.Display(t.sender.Host), t.helo
	switch got.Code {
	case "":
		return
	case spf.TempError:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: addr + " as HELO " + helo, Reason: got.Err.Error()})
		return
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: addr + " as HELO " + helo, Answer: got.String()})
	if got.Code == spf.Pass || got.Code == spf.None || t.sender.Host == env.Domain {
		return
	}
	worst := diagnosis.Warning
	if got.Code == spf.Fail {
		worst = diagnosis.Critical
	}
	f := diagnosis.Finding{
		Subject: addr + " as HELO " + helo, Severity: t.severity(worst),
		Message: fmt.Sprintf("SPF of the EHLO name %s gives %s to %s (%s): %s; bounces are judged by it", helo, got.Code, addr, t.sender.Why, got.Cause),
		Remedy:  diagnosis.Remedy{Steps: []string{fmt.Sprintf("Add %s to the SPF record of %s.", addr, helo)}},
	}
	if got.Trace != nil && got.Trace.Text != "" {
		f.Evidence = []diagnosis.Evidence{{Question: "TXT " + helo, Answer: got.Trace.Text}}
		if repaired, left := spf.Repair(got.Trace.Text); len(left) == 0 && record.Within(t.sender.Host, env.Domain) {
			host := t.sender.Host
			f.Remedy = diagnosis.Remedy{Edits: []record.Edit{record.Set(record.SPF(host), record.TXT(host, repaired.WithIP(t.sender.Addr).String()))}}
		}
	}
	v.Findings = append(v.Findings, f)
}

// severity is at most advice for a sender that was only inferred.
func (t trial) severity(s diagnosis.Severity) diagnosis.Severity {
	if t.sender.Declared {
		return s
	}
	return diagnosis.Advice
}
