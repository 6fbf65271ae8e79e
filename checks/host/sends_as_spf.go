package host

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	spfchecks "github.com/maildoctor/maildoctor/checks/spf"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// SendsAsSPF: the addresses that this host uses are the ones that SPF names.
var SendsAsSPF = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "host.sends-as-spf",
		Title:    "SPF authorises the addresses from which this host sends",
		Severity: diagnosis.Critical,
		Why:      "A host with several addresses, or with IPv6 that nobody thought of, sends from one that SPF does not name: part of the mail is refused or lands in spam, and which part looks like chance.",
		Doc: `On the mail host itself (--local), the addresses are found from which connections leave: smtp_bind_address and smtp_bind_address6 of Postfix, also for single clients in master.cf; an address that stands alone in inet_interfaces; else the one that the system's routes choose, in each family. Nothing is sent for that. Each is then evaluated by SPF as the sender of the domain's mail, as a receiver would.

Anything but pass is critical where the host signs mail of the domain or is its MX, else a warning: perhaps it sends other domains' mail only. An address of a private network says nothing of the one that the internet sees behind NAT; where this host is an MX of the domain, that one is taken, else give it with --ip. Where all mail goes through a smart host, that is the one to be in SPF.

To fix it, publish the record in the finding. Or have the server send from an address that is in the record: smtp_bind_address in Postfix, or inet_protocols = ipv4 where IPv6 is not meant to be used.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4"}, {Name: "RFC 7208, 5.6"}, {Name: "postconf(5), smtp_bind_address", URL: "https://www.postfix.org/postconf.5.html#smtp_bind_address"}},
	},
	Of:    checks.Hosts,
	Needs: []*checks.Check{dns.DomainExists, spfchecks.Exists, spfchecks.SingleRecord, spfchecks.Syntax},
	Run:   sendsAsSPF,
})

// An exit is an address that the internet sees, and how it is known.
type exit struct {
	addr   netip.Addr
	why    string
	result spf.Result
}

func sendsAsSPF(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	in, err := facts.Local.Of(ctx, env)
	if err != nil {
		return v, err
	}
	purpose, err := facts.Intent.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case !purpose.Sends:
		v.Skip = fmt.Sprintf("the domain sends no mail (%s)", purpose.Why)
	case in.Relay != "":
		v.Skip = fmt.Sprintf("all mail leaves through %.100q, which is the one to be in SPF", in.Relay)
	case len(env.Want.Senders) > 0:
		v.Skip = "the addresses given with --ip are judged by spf.authorises-ip"
	}
	if v.Skip != "" || open(&v, in, local.Sending, len(in.Outgoing) > 0, "no address is known from which this host sends") {
		return v, nil
	}
	exits := exitsOf(env, in, &v)
	var wg sync.WaitGroup
	for i := range exits {
		wg.Go(func() {
			exits[i].result = spf.Evaluate(ctx, env.DNS, spf.Params{IP: exits[i].addr, Sender: "postmaster@" + record.Display(env.Domain), HELO: heloOf(in), Now: env.Now()})
		})
	}
	wg.Wait()
	r, err := facts.SPF.Of(ctx, env)
	if err != nil {
		return v, err
	}
	var out []exit
	for _, e := range exits {
		switch e.result.Code {
		case spf.TempError:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: e.addr.String(), Reason: e.result.Err.Error()})
		case spf.None, spf.PermErr: // the matter of the checks of the record
			saw(&v, e.addr.String(), "%s", e.result)
		case spf.Pass:
			saw(&v, e.addr.String(), "%s; %s", e.result, e.why)
		default:
			out = append(out, e)
		}
	}
	for _, e := range out {
		v.Findings = append(v.Findings, outside(env, in, r, e, out))
	}
	return v, nil
}

func heloOf(in facts.Inside) string {
	for _, n := range in.Names {
		if name, fault := facts.HostName(n.Text); fault == "" {
			return record.Display(name)
		}
	}
	return ""
}

// exitsOf is the public addresses by which mail leaves. Behind NAT it is that of
// the MX host which this machine is, of the same family.
func exitsOf(env *checks.Env, in facts.Inside, v *diagnosis.Verdict) []exit {
	var list []exit
	for _, o := range in.Outgoing {
		what := facts.SpecialUse(o.Addr, env.Lab)
		if what == "" {
			list = append(list, exit{addr: o.Addr, why: o.Source})
			continue
		}
		i := slices.IndexFunc(in.Public, func(a netip.Addr) bool { return a.Is4() == o.Addr.Is4() })
		if i < 0 {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: o.Addr.String(), Reason: fmt.Sprintf(
				"this host sends from %s, which is %s; by which address the internet knows it cannot be seen here, give it with --ip", o.Addr, what)})
			continue
		}
		if e := (exit{addr: in.Public[i], why: "the public address of this host behind NAT"}); !slices.ContainsFunc(list, func(have exit) bool { return have.addr == e.addr }) {
			list = append(list, e)
		}
	}
	return list
}

// outside is the finding about an address that does not pass. The record lets in
// all that do not, as there can be only one.
func outside(env *checks.Env, in facts.Inside, r facts.SPFRecord, e exit, all []exit) diagnosis.Finding {
	domain := record.Display(env.Domain)
	f := diagnosis.Finding{
		Subject: e.addr.String(), Severity: diagnosis.Warning,
		Message:  fmt.Sprintf("this host sends from %s (%s), to which SPF of %s gives %s: %s", e.addr, e.why, domain, e.result.Code, e.result.Cause),
		Evidence: []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: r.Answer.String()}},
	}
	if len(in.KeysOf(env.Domain)) > 0 || len(in.MX) > 0 {
		f.Severity = diagnosis.Critical
	}
	f.Remedy.Steps = []string{"If " + e.addr.String() + " is not meant to send, have the server send from another address (smtp_bind_address, smtp_bind_address6 or inet_protocols in Postfix)."}
	if r.Single() && len(spf.Fatal(r.Problems)) == 0 {
		mended := r.Record
		for _, other := range all {
			mended = mended.WithIP(other.addr)
		}
		f.Remedy.Edits = []record.Edit{record.Set(record.SPF(env.Domain), record.TXT(env.Domain, mended.String()))}
	}
	return f
}
