package host

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/record"
)

// Services: somebody is at home.
var Services = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "host.services",
		Title:    "The services of this host listen where others can reach them",
		Severity: diagnosis.Critical,
		Why:      "A mail server that is stopped, or listens on loopback alone, takes no mail: senders try for days, then give up. Without a DNS server that answers, it can neither send nor judge what comes.",
		Doc: `On the mail host itself (--local), the sockets that listen are read from /proc/net. Where this machine is an MX of the domain, port 25 must be open on each of its addresses in both families; on loopback alone is the default of many a fresh installation. Ports 465 and 587 are looked at only for being on loopback alone, which is advice: a proxy in front may be meant. Where resolv.conf names a server on this machine, something must listen for DNS there. Where Postfix' client runs in a chroot, its own copy of resolv.conf must name the same servers; that it does not is a warning, and the reason for "name service error" in a log while dig answers.

What listens may be kept from others all the same, by a firewall here or at the hoster: that port 25 is reached from outside is the matter of smtp.port25-inbound, best asked from elsewhere. Docker may pass connections on without a socket; then nothing is concluded.

To fix it: in Postfix, inet_interfaces = all and inet_protocols = all, then postfix stop and postfix start, as a reload does not open sockets; in Exim on Debian, dpkg-reconfigure exim4-config. systemctl status tells whether a service runs, and its log why it does not.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.5.4.2"}, {Name: "RFC 8314, 3.3"}, {Name: "postconf(5), inet_interfaces", URL: "https://www.postfix.org/postconf.5.html#inet_interfaces"}},
	},
	Of:  checks.Hosts,
	Run: services,
})

func services(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	in, err := facts.Local.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if open(&v, in, local.Sockets, len(in.Sockets) > 0 || len(in.Unread(local.Sockets)) == 0, "") {
		return v, nil
	}
	switch {
	case in.MXErr != nil:
		doubt(&v, record.Display(env.Domain), in.MXErr)
	case len(in.MX) == 0:
		saw(&v, "port 25", "this host is no MX of the domain")
	default:
		inbound(in, &v)
	}
	submission(in, &v)
	resolver(in, &v)
	chroot(in, &v)
	return v, nil
}

// at is where something listens on a port.
func at(in facts.Inside, network string, port uint16) (addrs []netip.Addr) {
	for _, s := range in.Sockets {
		if s.Network == network && s.At.Port() == port {
			addrs = append(addrs, s.At.Addr())
		}
	}
	return addrs
}

// reaches reports whether one of the sockets takes connections to a. Behind NAT,
// they come to an inner address of the same family.
func reaches(in facts.Inside, sockets []netip.Addr, a netip.Addr) bool {
	here := slices.Contains(in.Addresses, a)
	return slices.ContainsFunc(sockets, func(s netip.Addr) bool {
		switch {
		case s == a, s == netip.IPv6Unspecified(): // the latter takes IPv4 too, unless told otherwise
			return true
		case s == netip.IPv4Unspecified():
			return a.Is4()
		}
		return !here && !s.IsLoopback() && s.Is4() == a.Is4()
	})
}

// inbound judges port 25 of the MX hosts that this machine is.
func inbound(in facts.Inside, v *diagnosis.Verdict) {
	const smtp = 25
	sockets := at(in, "tcp", smtp)
	evidence := []diagnosis.Evidence{{Question: "TCP sockets that listen on port 25", Answer: sayAddrs(sockets)}}
	fail := func(severity diagnosis.Severity, subject, message string, steps ...string) {
		v.Findings = append(v.Findings, diagnosis.Finding{Subject: subject, Severity: severity, Message: message, Evidence: evidence, Remedy: diagnosis.Remedy{Steps: steps}})
	}
	name := record.Display(in.MX[0].Name)
	switch {
	case len(sockets) == 0 && in.Containers:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: "port 25", Reason: "no socket listens on port 25, but Docker may pass it on to a container without one; docker compose ps tells"})
		return
	case len(sockets) == 0:
		fail(diagnosis.Critical, name, fmt.Sprintf("nothing listens on port 25 of this host, which is the MX %s: no mail comes in", name),
			"See whether the mail server runs (systemctl status postfix, or exim4), and what its log says.")
		return
	case !slices.ContainsFunc(sockets, func(a netip.Addr) bool { return !a.IsLoopback() }):
		fail(diagnosis.Critical, name, fmt.Sprintf("this host is the MX %s, but its mail server listens on %s port 25 only, where nobody outside can reach it", name, sayAddrs(sockets)),
			"Let the mail server listen on all interfaces: in Postfix inet_interfaces = all, then stop and start it; in Exim on Debian dpkg-reconfigure exim4-config.")
		return
	}
	var judged []netip.Addr
	for _, h := range in.MX {
		for _, a := range h.Addrs {
			switch {
			case slices.Contains(judged, a):
			case reaches(in, sockets, a):
				saw(v, a.String()+" port 25", "listens at %s", sayAddrs(sockets))
			case slices.Contains(in.Addresses, a):
				fail(diagnosis.Critical, a.String(), fmt.Sprintf("%s has the address %s on this host, but the mail server listens on %s port 25 only", record.Display(h.Name), a, sayAddrs(sockets)),
					"Let the mail server listen on "+a.String()+" too: in Postfix inet_interfaces = all and inet_protocols = all, then stop and start it.",
					"Or take "+a.String()+" out of the records of "+record.Display(h.Name)+".")
			}
			judged = append(judged, a)
		}
	}
}

// submission looks whether the ports for clients are on loopback alone.
func submission(in facts.Inside, v *diagnosis.Verdict) {
	var inner []string
	for _, port := range []uint16{465, 587} {
		sockets := at(in, "tcp", port)
		switch {
		case len(sockets) == 0:
		case slices.ContainsFunc(sockets, func(a netip.Addr) bool { return !a.IsLoopback() }):
			saw(v, fmt.Sprintf("port %d", port), "listens at %s", sayAddrs(sockets))
		default:
			inner = append(inner, fmt.Sprint(port))
		}
	}
	if len(inner) == 0 {
		return
	}
	ports := strings.Join(inner, " and ")
	v.Findings = append(v.Findings, diagnosis.Finding{
		Subject: "port " + ports, Severity: diagnosis.Advice,
		Message: "submission (port " + ports + ") listens on loopback only: mail clients elsewhere cannot send, unless a proxy passes them on",
		Remedy:  diagnosis.Remedy{Steps: []string{"If clients shall send through this host, let submission listen on all interfaces (master.cf in Postfix), or put it behind the proxy."}},
	})
}

// dockerDNS is Docker's own resolver in a container; its socket is elsewhere.
var dockerDNS = netip.AddrFrom4([4]byte{127, 0, 0, 11})

// resolver looks whether something listens where programs ask the DNS.
func resolver(in facts.Inside, v *diagnosis.Verdict) {
	sockets := at(in, "udp", 53)
	var dead []netip.Addr
	for _, r := range in.Resolvers {
		if !r.IsLoopback() || r == dockerDNS {
			continue
		}
		if slices.ContainsFunc(sockets, func(s netip.Addr) bool { return s == r || s.IsUnspecified() }) {
			saw(v, r.String()+" port 53", "a DNS server listens there")
			continue
		}
		dead = append(dead, r)
	}
	if len(dead) == 0 {
		return
	}
	f := diagnosis.Finding{
		Subject: "/etc/resolv.conf", Severity: diagnosis.Critical,
		Message:  fmt.Sprintf("resolv.conf names the DNS server %s on this host, but nothing listens there: the mail server resolves no names", listed(dead)),
		Evidence: []diagnosis.Evidence{{Question: "UDP sockets that listen on port 53", Answer: sayAddrs(sockets)}},
		Remedy:   diagnosis.Remedy{Steps: []string{"Start the local resolver (systemctl status unbound, named, dnsmasq or systemd-resolved tells which it is), or name another in /etc/resolv.conf."}},
	}
	if len(dead) < len(in.Resolvers) {
		f.Severity = diagnosis.Warning
		f.Message = fmt.Sprintf("resolv.conf names the DNS server %s on this host, but nothing listens there: every lookup waits before the next server is asked", listed(dead))
	}
	v.Findings = append(v.Findings, f)
}

// chroot looks whether Postfix asks the DNS servers that everybody here asks.
func chroot(in facts.Inside, v *diagnosis.Verdict) {
	if len(in.Chroot) == 0 || len(in.Resolvers) == 0 || sameSet(in.Chroot, in.Resolvers) {
		return
	}
	v.Findings = append(v.Findings, diagnosis.Finding{
		Subject: "chroot of Postfix", Severity: diagnosis.Warning,
		Message: fmt.Sprintf("Postfix runs in a chroot whose resolv.conf names the DNS server %s, but that of the system names %s: its lookups can fail while all others here work", listed(in.Chroot), listed(in.Resolvers)),
		Remedy:  diagnosis.Remedy{Steps: []string{"Copy /etc/resolv.conf to etc/resolv.conf in the queue directory (/var/spool/postfix) and restart Postfix; on Debian a restart alone copies it."}},
	})
}

func sameSet(a, b []netip.Addr) bool {
	lacks := func(list []netip.Addr) func(netip.Addr) bool {
		return func(x netip.Addr) bool { return !slices.Contains(list, x) }
	}
	return !slices.ContainsFunc(a, lacks(b)) && !slices.ContainsFunc(b, lacks(a))
}

func sayAddrs(addrs []netip.Addr) string {
	if len(addrs) == 0 {
		return "none"
	}
	return listed(addrs)
}
