// Package ptr holds the addresses that send a domain's mail to the rules about
// their reverse DNS: a name, that leads back, that fits the EHLO name, and that
// does not look like a dial-up line's.
package ptr

import (
	"context"
	"net/netip"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// noSender is why the question does not arise where no sender is known.
const noSender = "no sending address is known; give --ip ADDRESS to check one"

// eachSender judges the reverse DNS of every sending address. An address whose
// PTR question had no conclusive answer becomes a doubt and is not judged.
func eachSender(ctx context.Context, env *checks.Env, judge func(facts.Sender, facts.Reverse, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	senders, err := facts.Senders.Of(ctx, env)
	if err != nil {
		return v, err
	}
	reverses, err := facts.Reverses.Of(ctx, env)
	if err != nil {
		return v, err
	}
	for _, s := range senders {
		r, ok := reverses[s.Addr]
		switch {
		case !ok: // beyond the bound of addresses asked about
			continue
		case r.Err != nil:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: s.Addr.String(), Reason: r.Err.Error()})
		default:
			judge(s, r, &v)
		}
	}
	if len(senders) == 0 {
		v.Skip, err = whyNone(ctx, env)
	}
	return v, err
}

func whyNone(ctx context.Context, env *checks.Env) (string, error) {
	purpose, err := facts.Intent.Of(ctx, env)
	if err == nil && !purpose.Sends {
		return "the domain sends no mail (" + purpose.Why + ")", nil
	}
	return noSender, err
}

// evidence is the PTR question and its answer.
func evidence(r facts.Reverse) []diagnosis.Evidence {
	return []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: r.Answer.String()}}
}

// names is the PTR names in a line.
func names(r facts.Reverse) string {
	var list []string
	for _, n := range r.Names {
		list = append(list, record.Display(n.Name))
	}
	return strings.Join(list, ", ")
}

// family is how an address is called in a text.
func family(addr netip.Addr) string {
	if addr.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// setPTR is the steps by which the owner of an address gives it a name, which
// may be empty where none is known: what to set and, where it is known who rents
// out such addresses, where to click for it.
func setPTR(ctx context.Context, env *checks.Env, addr netip.Addr, name string) []string {
	if hoster, ok := facts.HosterOf(ctx, env, addr); ok {
		if step := hoster.Step(addr, hoster.PTR(addr)); step != "" {
			return []string{whatPTR(addr, name, ""), step}
		}
	}
	return []string{whatPTR(addr, name, " in the panel of whoever rents you the address, or ask their support")}
}

// whatPTR is what to set, and where.
func whatPTR(addr netip.Addr, name, where string) string {
	set := "Set the reverse DNS (PTR, rDNS) of " + addr.String() + " to "
	const foreign = "; it is not part of your own zone"
	if name == "" {
		if where != "" {
			where = "," + where
		}
		return set + "the full host name of the mail server, one label below a domain of yours at least" + where + foreign + ". With --helo NAME the record is shown here."
	}
	return set + record.Display(name) + where + foreign + ": `" +
		record.Record{Name: record.Reverse(addr), Type: "PTR", Data: record.Canonical(name)}.String() + "`"
}

// wantedName is the name that an address should have: that of the host it is
// known by, else a usual one; empty where no domain is known.
func wantedName(env *checks.Env, s facts.Sender) string {
	if s.Host != "" || env.Subject() == checks.Addresses {
		return s.Host
	}
	return "mail." + env.Domain
}
