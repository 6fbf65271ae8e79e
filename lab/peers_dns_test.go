//go:build linux

package lab_test

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// realDNS is a world's DNS on real name servers: BIND 9 has every zone, unbound
// resolves.
type realDNS struct {
	authority string // host:port of named
	recursive string // host:port of unbound

	named, unbound *peertest.Server
}

// await returns when both answer.
func (d realDNS) await(t *testing.T) {
	t.Helper()
	d.named.Await(t, func() error { return answers(d.authority) })
	d.unbound.Await(t, func() error { return answers(d.recursive) })
}

// nameServers are the programs.
type nameServers struct{ named, unbound string }

func newNameServers(t *testing.T) nameServers {
	t.Helper()
	return nameServers{named: peertest.Copy(t, "named"), unbound: peertest.Copy(t, "unbound")}
}

// start starts both; they take a moment until they answer.
func (n nameServers) start(t *testing.T, s *scenario.Scenario) realDNS {
	t.Helper()
	d := realDNS{authority: peertest.Address(t), recursive: peertest.Address(t)}
	d.named = n.startBIND(t, s, d.authority)
	d.unbound = n.startUnbound(t, s, d)
	return d
}

const namedConf = `options {
	directory "%[1]s";
	listen-on port %[3]s { %[2]s; };
	listen-on-v6 { none; };
	pid-file none; lock-file none; session-keyfile none;
	recursion no; allow-query { any; }; minimal-responses yes; notify no;
	dnssec-validation no; empty-zones-enable no;
	check-names primary ignore; check-integrity no; check-mx ignore; check-mx-cname ignore; check-spf ignore;
};
controls { };
`

// startBIND serves every zone of the world as a primary zone. A name at which the
// world fails becomes a zone of its own, that BIND cannot load or shows nobody.
func (n nameServers) startBIND(t *testing.T, s *scenario.Scenario, address string) *peertest.Server {
	t.Helper()
	dir := peertest.Folder(t)
	host, port, _ := strings.Cut(address, ":")
	var conf strings.Builder
	fmt.Fprintf(&conf, namedConf, dir, host, port)
	broken, refused := namesWith(s, resolve.ServFail), namesWith(s, resolve.Refused)
	for i, z := range zonesOf(s.Records, slices.Concat(broken, refused)) {
		file, allowed := filepath.Join(dir, fmt.Sprintf("%d.zone", i)), "any"
		if slices.Contains(refused, z.origin) {
			allowed = "none"
		}
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; allow-query { %s; }; };\n", z.origin, file, allowed)
		if !slices.Contains(broken, z.origin) {
			peertest.Write(t, file, z.text())
		}
	}
	peertest.Write(t, filepath.Join(dir, "named.conf"), conf.String())
	cmd := exec.Command(n.named, "-f", "-g", "-4", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	peertest.Unprivileged(t, cmd, dir)
	return peertest.Start(t, cmd, nil)
}

// Of few ports to ask from: it shuffles all there are before it starts.
const unboundConf = `server:
	interface: %[1]s@%[2]s
	access-control: 127.0.0.0/8 allow
	chroot: ""
	directory: %[4]q
	username: ""
	pidfile: ""
	use-syslog: no
	do-daemonize: no
	do-ip6: no
	outgoing-port-avoid: 0-65535
	outgoing-port-permit: 33000-33999
	num-threads: 1
	so-reuseport: no
	module-config: "iterator"
	do-not-query-localhost: no
	qname-minimisation: no
	edns-buffer-size: 1232
	unblock-lan-zones: yes
	local-zone: "localhost." nodefault
	local-zone: "127.in-addr.arpa." nodefault
	local-zone: "test." nodefault
	local-zone: "invalid." nodefault
	local-zone: "onion." nodefault
	local-zone: "home.arpa." nodefault
%[5]s
remote-control:
	control-enable: no
forward-zone:
	name: "."
	forward-addr: %[3]s
`

// startUnbound starts a resolver that knows the world of named and no other.
func (n nameServers) startUnbound(t *testing.T, s *scenario.Scenario, d realDNS) *peertest.Server {
	t.Helper()
	dir := peertest.Folder(t)
	host, port, _ := strings.Cut(d.recursive, ":")
	conf := filepath.Join(dir, "unbound.conf")
	var refused strings.Builder
	for _, name := range namesWith(s, resolve.Refused) {
		fmt.Fprintf(&refused, "\tlocal-zone: %q always_refuse\n", name)
	}
	peertest.Write(t, conf, fmt.Sprintf(unboundConf, host, port, strings.Replace(d.authority, ":", "@", 1), dir, refused.String()))
	cmd := exec.Command(n.unbound, "-d", "-p", "-c", conf)
	peertest.Unprivileged(t, cmd, dir)
	return peertest.Start(t, cmd, nil)
}

// answers asks the server for the SOA of the root, which every world has.
func answers(address string) error {
	client := dns.Client{Timeout: time.Second}
	reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(".", dns.TypeSOA), address)
	switch {
	case err != nil:
		return err
	case reply.Rcode != dns.RcodeSuccess || len(reply.Answer) == 0:
		return errors.New(dns.RcodeToString[reply.Rcode])
	}
	return nil
}

// namesWith are the names at which the world has a fault of that kind.
func namesWith(s *scenario.Scenario, kind resolve.Kind) []string {
	var names []string
	for _, f := range s.Faults {
		if f.Kind == kind && !strings.HasPrefix(f.Name, "*") && !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// widened are the faults as name servers have them: a zone fails as a whole, for
// every type and every name in it.
func widened(faults []resolve.Fault) []resolve.Fault {
	var list []resolve.Fault
	for _, f := range faults {
		list = append(list, resolve.Fault{Type: "*", Name: f.Name, Kind: f.Kind}, resolve.Fault{Type: "*", Name: "*." + f.Name, Kind: f.Kind})
	}
	return list
}

// unfit says why name servers cannot have the fault by themselves, not even
// widened; empty if they can.
func unfit(f resolve.Fault) string {
	switch {
	case f.Kind != resolve.ServFail && f.Kind != resolve.Refused || f.Delay != 0 || len(f.Extended) > 0:
		return "a fault that is not SERVFAIL or REFUSED"
	case strings.HasPrefix(f.Name, "*"):
		return "a fault of all names below a name"
	}
	return ""
}

// A zone is what one zone file holds.
type zone struct {
	origin  string
	records []record.Record
}

// zonesOf cuts the tree of records into zones: the root, every name with NS
// records, and those that fail, which no other lies in. The NS records of a zone
// stand in its parent, too.
func zonesOf(records []record.Record, failing []string) []zone {
	zones := []zone{{origin: "."}}
	add := func(origin string) {
		if !slices.ContainsFunc(zones, func(z zone) bool { return z.origin == origin }) {
			zones = append(zones, zone{origin: origin})
		}
	}
	for _, r := range records {
		below := func(name string) bool { return record.Within(r.Name, name) }
		if r.Type == "NS" && !slices.ContainsFunc(failing, below) {
			add(r.Name)
		}
	}
	for _, name := range failing {
		add(name)
	}
	for _, r := range records {
		own := deepest(zones, func(z zone) bool { return record.Within(r.Name, z.origin) })
		own.records = append(own.records, r)
		if r.Type == "NS" && r.Name != "." && r.Name == own.origin {
			parent := deepest(zones, func(z zone) bool { return z.origin != r.Name && record.Within(r.Name, z.origin) })
			parent.records = append(parent.records, r)
		}
	}
	return zones
}

// deepest is the zone with the longest origin of those that fit.
func deepest(zones []zone, fits func(zone) bool) *zone {
	best := &zones[0]
	for i := range zones {
		if fits(zones[i]) && (best.origin == "." || len(zones[i].origin) > len(best.origin)) {
			best = &zones[i]
		}
	}
	return best
}

// text is the zone as a file, with what every zone has: SOA, NS, and addresses
// of name servers that lie in it.
func (z zone) text() string {
	has := func(name string, types ...string) bool {
		return slices.ContainsFunc(z.records, func(r record.Record) bool { return r.Name == name && slices.Contains(types, r.Type) })
	}
	var b strings.Builder
	fmt.Fprint(&b, "$TTL 300\n")
	if !has(z.origin, "SOA") {
		fmt.Fprintf(&b, "%s IN SOA ns.dns-host.example. hostmaster.dns-host.example. 1 3600 600 86400 300\n", z.origin)
	}
	if !has(z.origin, "NS") {
		fmt.Fprintf(&b, "%s IN NS ns.dns-host.example.\n", z.origin)
	}
	for _, r := range z.records {
		fmt.Fprintln(&b, r)
		if r.Type == "NS" && r.Name == z.origin && record.Within(r.Data, z.origin) && !has(r.Data, "A", "AAAA") {
			fmt.Fprintf(&b, "%s IN A 198.51.100.153\n", r.Data)
		}
	}
	return b.String()
}
