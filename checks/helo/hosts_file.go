package helo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/record"
)

// HostsFile: the host sees its own name as others do.
var HostsFile = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "helo.hosts-file",
		Title:    "The hosts file does not pin the mail host's name to an inner address",
		Severity: diagnosis.Warning,
		Why:      "Programs on the host then look at themselves in a mirror: tests of the own MX, of certificates and of reverse DNS end at loopback and say nothing of what senders meet, and mail servers that bind to their own name listen to nobody outside.",
		Doc: `On the mail host itself (--local), /etc/hosts is searched for the names that the mail servers give themselves and for those of the MX hosts that this machine is. What stands there comes before the DNS for every program on the host; systemd-resolved gives it even to those that ask the DNS.

A name at 127.0.0.1, 127.0.1.1 or ::1 is a fault; installers of Debian and Ubuntu write such a line. So is a public address that the DNS does not have (advice), as it was left behind by a move. A private address is advice: behind NAT it can be meant so.

To fix it, give the line the public address of the host, or take the mail host's name out of it and leave the short name: 127.0.1.1 mx1. Where cloud-init writes the file (manage_etc_hosts), change its template too.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.1.1.1"}, {Name: "hosts(5)", URL: "https://man7.org/linux/man-pages/man5/hosts.5.html"}},
	},
	Of:  checks.Hosts,
	Run: hostsFile,
})

func hostsFile(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	in, err := facts.Local.Of(ctx, env)
	if err != nil {
		return v, err
	}
	names := ownNames(in)
	for _, reason := range in.Unread(local.HostsFile) {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: "/etc/hosts", Reason: reason})
	}
	if len(names) == 0 && len(v.Doubts) == 0 {
		v.Skip = "no name of a mail server is known on this host"
	}
	for _, name := range names {
		pinned := false
		for _, p := range in.Pins {
			if p.Name == name {
				pinned = true
				judgePin(ctx, env, in, &v, p)
			}
		}
		if !pinned && len(v.Doubts) == 0 {
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(name), Answer: "not in the hosts file"})
		}
	}
	return v, nil
}

// ownNames is the names of the mail servers here: in EHLO, and as MX.
func ownNames(in facts.Inside) []string {
	var names []string
	for _, n := range in.Names {
		if name, fault := facts.HostName(n.Text); fault == "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, h := range in.MX {
		if !slices.Contains(names, h.Name) {
			names = append(names, h.Name)
		}
	}
	return names
}

func judgePin(ctx context.Context, env *checks.Env, in facts.Inside, v *diagnosis.Verdict, p local.Pin) {
	name := record.Display(p.Name)
	line := diagnosis.Evidence{Question: fmt.Sprintf("/etc/hosts, line %d", p.Line), Answer: p.Addr.String() + " " + name}
	f := diagnosis.Finding{Subject: name, Severity: diagnosis.Warning, Evidence: []diagnosis.Evidence{line}}
	what := facts.SpecialUse(p.Addr, env.Lab)
	switch {
	case p.Addr.IsLoopback():
		f.Message = fmt.Sprintf("line %d of /etc/hosts gives %s the address %s: programs on this host find themselves, not the mail host that others see", p.Line, name, p.Addr)
	case what != "":
		f.Severity = diagnosis.Advice
		f.Message = fmt.Sprintf("line %d of /etc/hosts gives %s the address %s, which is %s", p.Line, name, p.Addr, what)
	default:
		found := facts.Addresses(ctx, env, p.Name)
		if slices.Contains(found.Addrs, p.Addr) || !found.Known() || len(found.Addrs) == 0 {
			v.Seen = append(v.Seen, line)
			return
		}
		f.Severity = diagnosis.Advice
		f.Message = fmt.Sprintf("line %d of /etc/hosts gives %s the address %s, but the DNS has %s", p.Line, name, p.Addr, listed(found.Addrs))
	}
	short, _, _ := strings.Cut(name, ".")
	f.Remedy.Steps = []string{fmt.Sprintf("Take %s out of line %d of /etc/hosts; the short name %s may stay.", name, p.Line, short)}
	if i := slices.IndexFunc(in.Public, func(a addr) bool { return a.Is4() == p.Addr.Is4() && slices.Contains(in.Addresses, a) }); i >= 0 {
		f.Remedy.Steps = []string{fmt.Sprintf("Change line %d of /etc/hosts to: %s %s %s", p.Line, in.Public[i], name, short)}
	}
	v.Findings = append(v.Findings, f)
}
