package host

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// HELOName: what the server is told to say, the DNS says too.
var HELOName = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "host.helo-name",
		Title:    "The EHLO name that is configured here leads to this host, and the reverse DNS leads back",
		Severity: diagnosis.Warning,
		Why:      "Receivers compare the name with which your server greets with the name of its address. A server that calls itself localhost, or by the name it had at the last hoster, loses points with every filter and is refused by some.",
		Doc: `On the mail host itself (--local), the name with which the mail server greets is read where it is configured: smtp_helo_name, or else myhostname, of Postfix, also for single clients in master.cf; primary_hostname of Exim; MAILCOW_HOSTNAME; the first of HOSTNAMES of Mailu; the host name of docker-mailserver; Hostname of mox; server.hostname of Stalwart. From outside only the name that a host answers with can be seen, and for a host that only sends, none.

The name must be a full host name of the public DNS, have the address from which this host sends, and be the PTR name of that address. Where all mail goes through a smart host, nothing of that matters. Where the host stands behind NAT and no address is known, only the name itself is judged; --ip gives the address.

To fix it, set the server's name to the one that the PTR record has, or have the hoster set the PTR record to the server's name, which is the usual way. In Postfix: postconf -e myhostname=mail.example.org, then postfix reload.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.1.1.1"}, {Name: "RFC 1912, 2.1"}, {Name: "RFC 8601, 2.7.3"}},
	},
	Of:    checks.Hosts,
	Needs: []*checks.Check{dns.DomainExists},
	Run:   heloName,
})

// maxNames bounds the names that are looked at.
const maxNames = 8

func heloName(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	in, err := facts.Local.Of(ctx, env)
	if err != nil || open(&v, in, local.Names, len(in.Names) > 0, "no mail server that sends was recognised on this host") {
		return v, err
	}
	if in.Relay != "" {
		v.Skip = fmt.Sprintf("all mail leaves through %.100q, whose name counts", in.Relay)
		return v, nil
	}
	known := knownOutside(ctx, env)
	for _, n := range in.Names[:min(len(in.Names), maxNames)] {
		configured(ctx, env, in, &v, n, known)
	}
	return v, nil
}

// knownOutside is the names with which the sending addresses are known to greet
// from outside, by address; empty where the name is not known. What is wrong
// with the PTR records of these is told by ptr.exists and ptr.matches-helo.
func knownOutside(ctx context.Context, env *checks.Env) map[netip.Addr]string {
	senders, err := facts.Senders.Of(ctx, env)
	if err != nil {
		return nil
	}
	sessions, _ := facts.Sessions.Of(ctx, env)
	known := make(map[netip.Addr]string)
	for _, s := range senders {
		known[s.Addr] = env.Want.HELO
		for _, session := range sessions.List {
			if word, told := session.EHLOName(); told && session.Target.Addr == s.Addr && env.Want.HELO == "" {
				known[s.Addr] = record.Canonical(word)
			}
		}
	}
	return known
}

// configured judges one name.
func configured(ctx context.Context, env *checks.Env, in facts.Inside, v *diagnosis.Verdict, n local.Name, known map[netip.Addr]string) {
	said := diagnosis.Evidence{Question: n.Source, Answer: n.Text}
	find := func(subject, message string, evidence []diagnosis.Evidence, steps ...string) {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: subject, Severity: diagnosis.Warning, Message: message,
			Evidence: append([]diagnosis.Evidence{said}, evidence...), Remedy: diagnosis.Remedy{Steps: steps},
		})
	}
	name, fault := facts.HostName(n.Text)
	if fault != "" {
		find(n.Source, fmt.Sprintf("this host greets as %.100q (%s), which %s", n.Text, n.Source, fault), nil,
			"Set "+n.Source+" to the full name of this host in the DNS, as in mail.example.com.")
		return
	}
	shown := record.Display(name)
	found := facts.Addresses(ctx, env, name)
	var evidence []diagnosis.Evidence
	for _, a := range found.Answers {
		evidence = append(evidence, diagnosis.Evidence{Question: a.Question.String(), Answer: a.String()})
	}
	public := publicOf(env, in, n)
	missing := slices.DeleteFunc(slices.Clone(public), func(a netip.Addr) bool { return slices.Contains(found.Addrs, a) })
	switch {
	case len(found.Addrs) == 0 && found.Known():
		find(shown, fmt.Sprintf("this host greets as %s (%s), a name without an address", shown, n.Source), evidence,
			"Publish the address of this host at "+shown+", or set "+n.Source+" to a name that has it.")
		return
	case len(missing) > 0 && found.Known():
		find(shown, fmt.Sprintf("this host greets as %s (%s) and sends from %s, but the name leads to %s", shown, n.Source, listed(missing), listed(found.Addrs)), evidence,
			"Publish "+listed(missing)+" at "+shown+" too, or set "+n.Source+" to the name of this host.")
		return
	case !found.Known():
		doubt(v, shown, found.Errs[0])
	}
	if len(public) == 0 {
		saw(v, n.Source, "%s; the public address of this host is not known", shown)
	}
	for _, addr := range public {
		greets, sends := known[addr]
		r := reversal{n, name, addr, sends, greets == name}
		r.judge(ctx, env, v, find)
	}
}

// publicOf is the addresses from which a name is used, as far as the internet
// knows them.
func publicOf(env *checks.Env, in facts.Inside, n local.Name) []netip.Addr {
	if len(n.From) == 0 {
		return in.Public
	}
	return slices.DeleteFunc(slices.Clone(n.From), func(a netip.Addr) bool { return facts.SpecialUse(a, env.Lab) != "" })
}

// A reversal is the reverse DNS of an address from which a name is used.
type reversal struct {
	local.Name
	name   string // canonical
	addr   netip.Addr
	sends  bool // the address is known outside to send, so that ptr.exists speaks of it
	greets bool // and with this name, so that ptr.matches-helo does
}

// judge holds the PTR records of the address against the name.
func (r reversal) judge(ctx context.Context, env *checks.Env, v *diagnosis.Verdict, find func(string, string, []diagnosis.Evidence, ...string)) {
	shown := record.Display(r.name)
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(record.Reverse(r.addr), "PTR"))
	if err != nil {
		doubt(v, r.addr.String(), err)
		return
	}
	evidence := []diagnosis.Evidence{{Question: answer.Question.String(), Answer: answer.String()}}
	ask := fmt.Sprintf("Have the owner of the address set the PTR record of %s to %s, as a rule in the hoster's panel.", r.addr, shown)
	var names []string
	for _, rec := range record.Sorted(answer.Records) {
		names = append(names, record.Display(rec.Data))
	}
	switch {
	case len(names) == 0 && r.sends:
		saw(v, r.Source, "%s; that %s has no PTR record is told by ptr.exists", shown, r.addr)
	case len(names) == 0:
		find(r.addr.String(), fmt.Sprintf("this host greets as %s (%s), but its address %s has no PTR record", shown, r.Source, r.addr), evidence, ask)
	case slices.Contains(names, shown):
		saw(v, r.Source, "%s, as the PTR of %s", shown, r.addr)
	case r.greets:
		saw(v, r.Source, "%s; that the PTR of %s is another is told by ptr.matches-helo", shown, r.addr)
	default:
		find(r.addr.String(), fmt.Sprintf("this host greets as %s (%s), but the PTR of %s is %s", shown, r.Source, r.addr, strings.Join(names, ", ")), evidence,
			ask, "Or set "+r.Source+" to "+names[0]+", if that leads to "+r.addr.String()+".")
	}
}
