package smtp

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/ip"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// Port25Inbound: every address of every MX host takes mail on port 25.
//
// It does not need mx.Resolves: hosts without an address are left out here, and
// what the others do stands by itself.
var Port25Inbound = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.port25-inbound",
		Title:    "TCP 25 opens on every IPv4 and IPv6 address of every MX",
		Severity: diagnosis.Critical,
		Why:      "Mail for the domain arrives on port 25 of its MX hosts. An address that does not answer loses mail or delays it, for those senders that try it first.",
		Doc: `A sender connects to port 25 of one of the addresses of the most preferred MX host and waits for a greeting that begins with 220. Here every public address is tried once, from this machine.

A refused connection, a greeting that begins with 5, a connection closed without a greeting and an answer that is not SMTP are faults. No answer at all is one only where this machine is known to reach port 25 of others. A temporary greeting (4yz), a greeting that takes longer than half a minute (senders wait five minutes) and a refusal on grounds of policy (5.7.x), which may be meant for this machine alone, leave the question open. So does a connection of this machine to itself: it passes no firewall. From behind a NAT that the mail host shares, look from elsewhere too.

To fix it, see that the mail server runs and listens on that address, that the firewall and the provider let TCP port 25 in, and that the A and AAAA records name the machine on which the mail server is. An AAAA record whose address takes no mail is best deleted.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}, {Name: "RFC 5321, 3.1"}, {Name: "RFC 5321, 4.5.3.2.1"}},
	},
	Needs: []*checks.Check{mx.Exists, ip.Port25Outbound},
	Run:   port25Inbound,
})

func port25Inbound(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	sessions, err := facts.Sessions.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = sessions.Off; v.Skip != "" {
		return v, nil
	}
	outlets, err := facts.Port25.Of(ctx, env)
	if err != nil {
		return v, err
	}
	judged := make(map[netip.Addr]bool)
	for _, s := range sessions.List {
		if !judged[s.Target.Addr] { // two names may lead to one address
			judged[s.Target.Addr] = true
			judge(&v, s, outlets.For(s.Target.Addr))
		}
	}
	if err := unresolved(ctx, env, &v); err != nil {
		return v, err
	}
	if err := implicit(ctx, env, &v); err != nil {
		return v, err
	}
	if n := len(sessions.List); sessions.Omitted > 0 {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Reason: fmt.Sprintf("only %d of %d addresses were asked", n, n+sessions.Omitted)})
	}
	if len(v.Seen)+len(v.Findings)+len(v.Doubts) == 0 {
		v.Skip = "no MX host has a public address"
	}
	return v, nil
}

// unresolved adds a doubt for each host whose addresses are not known.
func unresolved(ctx context.Context, env *checks.Env, v *diagnosis.Verdict) error {
	set, err := facts.MX.Of(ctx, env)
	for _, h := range set.Hosts {
		if !h.Known() {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(h.Name), Reason: h.Errs[0].Error()})
		}
	}
	return err
}

// implicit says of the findings about a domain without MX why its own address
// was asked: that a web server takes no mail is no fault, and may be meant.
func implicit(ctx context.Context, env *checks.Env, v *diagnosis.Verdict) error {
	set, err := facts.MX.Of(ctx, env)
	if err != nil || !set.Implicit {
		return err
	}
	domain := record.Display(env.Domain)
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Severity = diagnosis.Warning
		f.Message = fmt.Sprintf("%s has no MX record, so senders try its own address, and there: %s", domain, f.Message)
		f.Remedy.Steps = append([]string{fmt.Sprintf("Publish an MX record for %s that names its mail host, or a null MX if it takes no mail; see mx.exists. The rest is for the case that this is the mail host.", domain)}, f.Remedy.Steps...)
	}
	return nil
}

func judge(v *diagnosis.Verdict, s facts.HostSession, outlet facts.Outlet) {
	fault, doubt := verdict(s, outlet)
	where := record.Display(s.Host.Name) + " [" + s.Target.Addr.String() + "]"
	if fault != "" {
		v.Findings = append(v.Findings, finding(s, fault))
		return
	}
	if doubt != "" {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: s.Target.Addr.String(), Reason: where + " " + doubt, Alone: s.Greeted()})
	}
	if !s.Greeted() {
		v.Seen = append(v.Seen, s.Evidence())
		return
	}
	banner, _ := s.Step(probe.StageBanner)
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: where, Answer: strings.Join(banner.Reply.Lines, "\n")})
}

// verdict is what is wrong with an address, or why that cannot be told. Both
// are empty for an address that greets.
func verdict(s facts.HostSession, outlet facts.Outlet) (fault, doubt string) {
	switch {
	case s.Greeted() && s.Here:
		return "", "is this machine itself: that it answers does not show that others get through to it"
	case s.Greeted():
		return "", ""
	case s.Connected():
		return unfriendly(s)
	}
	return unreached(s, outlet)
}

// unreached judges an address that accepted no connection.
func unreached(s facts.HostSession, outlet facts.Outlet) (fault, doubt string) {
	shut := outlet.Reach == probe.ReachClosed || outlet.Reach == probe.ReachNone
	switch kind := probe.KindOf(s.Err); {
	case kind == probe.Canceled:
		return "", "was not reached before the examination ended"
	case kind == probe.Denied || kind == probe.Other || kind == probe.Invalid:
		return "", "could not be asked: " + s.Err.Error()
	case s.Here && kind == probe.Refused:
		return "refuses connections on port 25, from this very machine: nothing listens there", ""
	case shut:
		return "", fmt.Sprintf("could not be asked: nobody's port 25 can be reached from here over %s", outlet.Family)
	case kind == probe.Refused:
		return "refuses connections on port 25", ""
	case outlet.Reach != probe.ReachOpen:
		return "", fmt.Sprintf("could not be reached, and whether anybody's port 25 can be over %s is not known", outlet.Family)
	case kind == probe.Timeout:
		return fmt.Sprintf("does not answer on port 25: nothing within %v", s.Target.Limits.Connect), ""
	default:
		return "cannot be reached (" + kind.String() + ")", ""
	}
}

// unfriendly judges an address that accepted the connection and did not greet.
func unfriendly(s facts.HostSession) (fault, doubt string) {
	banner, _ := s.Step(probe.StageBanner)
	said := banner.Reply.String()
	switch probe.KindOf(banner.Err) {
	case probe.Temporary:
		return "", fmt.Sprintf("greets with a temporary refusal: %q", said)
	case probe.Permanent:
		if aboutUs(banner.Reply) {
			return "", fmt.Sprintf("refuses this machine by policy: %q", said)
		}
		return fmt.Sprintf("greets with a refusal: %q", said), ""
	case probe.Timeout: // RFC 5321, 4.5.3.2.1
		return "", fmt.Sprintf("accepts connections but did not greet within %v; senders wait five minutes", s.Target.Limits.Banner)
	case probe.Closed:
		return "accepts connections and closes them without a greeting", ""
	case probe.Garbage:
		return fmt.Sprintf("does not speak SMTP: %q", clip(said)), ""
	}
	return "", "did not greet before the examination ended"
}

// aboutUs reports whether a refusal is about who asks, and not about the host:
// by its enhanced code (RFC 3463, 3.8: security or policy) or by its words.
func aboutUs(r probe.Reply) bool {
	if strings.HasPrefix(r.Enhanced, "5.7.") {
		return true
	}
	said := strings.ToLower(r.String())
	for _, word := range []string{"blocked", "blacklist", "blocklist", "block list", "listed", "dnsbl", "rbl", "reputation", "banned", "spamhaus", "your ip", "client host"} {
		if strings.Contains(said, word) {
			return true
		}
	}
	return false
}

// clip keeps a message readable where a host sends kilobytes.
func clip(said string) string {
	const most = 60
	if len(said) > most {
		return said[:most] + "…"
	}
	return said
}

func finding(s facts.HostSession, fault string) diagnosis.Finding {
	host, addr := record.Display(s.Host.Name), s.Target.Addr.String()
	steps := []string{
		fmt.Sprintf("On the machine with the address %s, check that the mail server runs and listens on port 25 of that address.", addr),
		"Check that its firewall and its provider let TCP port 25 in.",
	}
	if s.Connected() { // so neither is what is wrong
		steps = []string{
			fmt.Sprintf("Something answers on port 25 of %s. If it is the mail server, its log says why it takes no mail; a server that is shutting down, or set to take none, answers so.", addr),
			fmt.Sprintf("If %s is no mail host any more, take it out of the MX records or change its address.", host),
		}
	}
	if facts.FamilyOf(s.Target.Addr) == facts.IPv6 {
		steps = append(steps, fmt.Sprintf("If %s shall take no mail over IPv6, delete its AAAA record %s.", host, addr))
	}
	return diagnosis.Finding{
		Subject: addr, Severity: diagnosis.Critical,
		Message:  fmt.Sprintf("mail host %s at %s %s", host, addr, fault),
		Evidence: []diagnosis.Evidence{s.Evidence()},
		Remedy:   diagnosis.Remedy{Steps: steps},
	}
}
