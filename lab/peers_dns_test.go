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
}

func startDNS(t *testing.T, s *scenario.Scenario) realDNS {
	t.Helper()
	d := realDNS{authority: free(t), recursive: free(t)}
	startBIND(t, s, d.authority)
	startUnbound(t, d)
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
func startBIND(t *testing.T, s *scenario.Scenario, address string) {
	t.Helper()
	named, dir := program(t, "named"), folder(t)
	host, port, _ := strings.Cut(address, ":")
	var conf strings.Builder
	fmt.Fprintf(&conf, namedConf, dir, host, port)
	broken := brokenZones(t, s)
	for i, z := range zonesOf(s.Records, broken) {
		file := filepath.Join(dir, fmt.Sprintf("%d.zone", i))
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; };\n", z.origin, file)
		if !slices.Contains(broken, z.origin) {
			write(t, file, z.text(), 0o644)
		}
	}
	write(t, filepath.Join(dir, "named.conf"), conf.String(), 0o644)
	cmd := exec.Command(copied(t, named, dir), "-f", "-g", "-4", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	unprivileged(t, cmd, dir)
	start(t, "named", cmd, func() error { return answers(address) })
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
remote-control:
	control-enable: no
forward-zone:
	name: "."
	forward-addr: %[3]s
`

// startUnbound starts a resolver that knows the world of named and no other.
func startUnbound(t *testing.T, d realDNS) {
	t.Helper()
	unbound, dir := program(t, "unbound"), folder(t)
	host, port, _ := strings.Cut(d.recursive, ":")
	conf := filepath.Join(dir, "unbound.conf")
	write(t, conf, fmt.Sprintf(unboundConf, host, port, strings.Replace(d.authority, ":", "@", 1), dir), 0o644)
	cmd := exec.Command(copied(t, unbound, dir), "-d", "-p", "-c", conf)
	unprivileged(t, cmd, dir)
	start(t, "unbound", cmd, func() error { return answers(d.recursive) })
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

// brokenZones are the names at which the DNS fails. Only a fault that a name
// server can have by itself can be played: SERVFAIL at a name with nothing below.
func brokenZones(t *testing.T, s *scenario.Scenario) []string {
	t.Helper()
	var names []string
	for _, f := range s.Faults {
		below := slices.ContainsFunc(s.Records, func(r record.Record) bool { return r.Name != f.Name && record.Within(r.Name, f.Name) })
		if f.Kind != resolve.ServFail || strings.HasPrefix(f.Name, "*") || f.Delay != 0 || len(f.Extended) > 0 || below {
			t.Fatalf("real name servers cannot play the fault %+v", f)
		}
		names = append(names, f.Name)
	}
	return names
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

// text is the zone as a file, with the SOA and NS that every zone has.
func (z zone) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL 300\n%s IN SOA ns.dns-host.example. hostmaster.dns-host.example. 1 3600 600 86400 300\n", z.origin)
	if !slices.ContainsFunc(z.records, func(r record.Record) bool { return r.Type == "NS" && r.Name == z.origin }) {
		fmt.Fprintf(&b, "%s IN NS ns.dns-host.example.\n", z.origin)
	}
	for _, r := range z.records {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}
