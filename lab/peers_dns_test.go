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

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// realDNS is a world's DNS on real name servers: BIND 9 has every zone, unbound
// resolves.
type realDNS struct {
	authority string // host:port of named
	recursive string // host:port of unbound

	named, unbound *peer
}

// await returns when both answer.
func (d realDNS) await(t *testing.T) {
	t.Helper()
	d.named.await(t, func() error { return answers(d.authority) })
	d.unbound.await(t, func() error { return answers(d.recursive) })
}

// nameServers are the programs.
type nameServers struct{ named, unbound string }

// newNameServers copies the programs. Where AppArmor holds a program to its own
// directories it does so by path, and would not let it read a test's.
func newNameServers(t *testing.T) nameServers {
	t.Helper()
	dir := folder(t)
	return nameServers{named: copied(t, program(t, "named"), dir), unbound: copied(t, program(t, "unbound"), dir)}
}

// start starts both; they take a moment until they answer.
func (n nameServers) start(t *testing.T, s *scenario.Scenario) realDNS {
	t.Helper()
	var d realDNS
	var releaseBIND, releaseUnbound func()
	d.authority, releaseBIND = reserve(t)
	d.recursive, releaseUnbound = reserve(t)
	releaseBIND()
	releaseUnbound()
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

// startBIND serves every zone of the world as a primary zone. A name whose every
// answer is to be SERVFAIL becomes a zone that BIND cannot load.
func (n nameServers) startBIND(t *testing.T, s *scenario.Scenario, address string) *peer {
	t.Helper()
	dir := folder(t)
	host, port, _ := strings.Cut(address, ":")
	var conf strings.Builder
	fmt.Fprintf(&conf, namedConf, dir, host, port)
	broken := namesWith(s, resolve.ServFail)
	for i, z := range zonesOf(s.Records, broken) {
		file := filepath.Join(dir, fmt.Sprintf("%d.zone", i))
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; };\n", z.origin, file)
		if !slices.Contains(broken, z.origin) {
			write(t, file, z.text(), 0o644)
		}
	}
	write(t, filepath.Join(dir, "named.conf"), conf.String(), 0o644)
	cmd := exec.Command(n.named, "-f", "-g", "-4", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	unprivileged(t, cmd, dir)
	return start(t, "named", cmd)
}

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
func (n nameServers) startUnbound(t *testing.T, s *scenario.Scenario, d realDNS) *peer {
	t.Helper()
	dir := folder(t)
	host, port, _ := strings.Cut(d.recursive, ":")
	conf := filepath.Join(dir, "unbound.conf")
	var refused strings.Builder
	for _, name := range namesWith(s, resolve.Refused) {
		fmt.Fprintf(&refused, "\tlocal-zone: %q always_refuse\n", name)
	}
	write(t, conf, fmt.Sprintf(unboundConf, host, port, strings.Replace(d.authority, ":", "@", 1), dir, refused.String()), 0o644)
	cmd := exec.Command(n.unbound, "-d", "-p", "-c", conf)
	unprivileged(t, cmd, dir)
	return start(t, "unbound", cmd)
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
		if f.Kind == kind {
			names = append(names, f.Name)
		}
	}
	return names
}

// unfit says why name servers cannot have the fault by themselves; empty if they
// can: SERVFAIL or REFUSED for all that a zone of its own at that name would
// hold. (Below _domainkey lie the selectors that are asked for.)
func unfit(s *scenario.Scenario, f resolve.Fault) string {
	hidden := func(r record.Record) bool {
		return record.Within(r.Name, f.Name) && (r.Name != f.Name || f.Type != "*" && r.Type != f.Type)
	}
	switch {
	case f.Kind != resolve.ServFail && f.Kind != resolve.Refused || f.Delay != 0 || len(f.Extended) > 0:
		return "a fault that is not SERVFAIL or REFUSED"
	case strings.HasPrefix(f.Name, "*"), strings.HasPrefix(f.Name, "_domainkey."), slices.ContainsFunc(s.Records, hidden):
		return "a fault of less than a zone"
	}
	return ""
}

// A zone is what one zone file holds.
type zone struct {
	origin  string
	records []record.Record
}

// zonesOf cuts the tree of records into zones: the root, every name with NS
// records, every name in more. The NS records of a zone stand in its parent, too.
func zonesOf(records []record.Record, more []string) []zone {
	zones := []zone{{origin: "."}}
	add := func(origin string) {
		if !slices.ContainsFunc(zones, func(z zone) bool { return z.origin == origin }) {
			zones = append(zones, zone{origin: origin})
		}
	}
	for _, r := range records {
		if r.Type == "NS" {
			add(r.Name)
		}
	}
	for _, name := range more {
		add(name)
	}
	for _, r := range records {
		own := deepest(zones, func(z zone) bool { return record.Within(r.Name, z.origin) })
		own.records = append(own.records, r)
		if r.Type == "NS" && r.Name != "." {
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
	fmt.Fprintf(&b, "$TTL 300\n%s IN SOA ns.dns-host.example. hostmaster.dns-host.example. 1 3600 600 86400 300\n", z.origin)
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
