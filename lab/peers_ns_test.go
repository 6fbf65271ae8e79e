//go:build linux

package lab_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestNameServerPeers gives every name server of a world a BIND 9 of its own,
// the root's included: one that lacks the zone, or has an old copy of it, gives it
// away, resolves for strangers, is delegated to in error. What is said of the
// servers is what is said in process.
func TestNameServerPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three name servers for every scenario")
	}
	servers := newNameServers(t)
	for _, name := range []string{
		"healthy", "ns.delegation-consistent", "ns.delegation-consistent.lame", "ns.delegation-consistent.moved",
		"ns.delegation-consistent.child-extra", "ns.delegation-consistent.subdomain", "ns.same-answers",
		"ns.same-answers.two-providers", "ns.same-answers.serial", "ns.closed", "ns.closed.recursive",
		"ns.delegation-consistent.all-lame", "ns.delegation-consistent.glue", "ns.redundant.one-machine",
		"ns.delegation-consistent.same-server",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := scenario.Load(os.DirFS(scenarios), name+".txtar")
			if err != nil {
				t.Fatal(err)
			}
			world, err := s.Play()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
			defer cancel()
			played := aboutServers(ctx, world.Env(ctx))
			env := world.Env(ctx)
			client := resolve.NewClient(resolve.Options{Dial: servers.startEach(t, world)})
			t.Cleanup(func() { client.Close() })
			env.Servers = client
			same(t, "by a BIND for each name server", aboutServers(ctx, env), played)
		})
	}
}

// aboutServers is what is said of the name servers.
func aboutServers(ctx context.Context, env *checks.Env) []string {
	list, err := checks.Select(suite.All(), []string{"ns", "dns.tcp-fallback"}, nil)
	if err != nil {
		return []string{err.Error()}
	}
	return scenario.Lines(checks.Run(ctx, env, list, nil))
}

// startEach starts a BIND for each address of a name server of the root and of the
// domain's zone, and dials it by that address.
func (n nameServers) startEach(t *testing.T, world *scenario.World) dialFunc {
	t.Helper()
	all := world.NameServers()
	at := make(map[netip.Addr]string)
	peers := make(map[netip.Addr]*peertest.Server)
	var root string
	for _, addr := range all.Addrs() {
		apexes, _ := all.Zones(addr)
		if !slices.ContainsFunc(apexes, func(apex string) bool { return record.Within(world.Domain, apex) }) {
			continue
		}
		address := peertest.Address(t)
		if slices.Contains(apexes, ".") {
			root = address
		}
		at[addr] = address
	}
	for addr, address := range at {
		peers[addr] = n.startOne(t, world, all, addr, address, root)
	}
	for addr, p := range peers {
		p.Await(t, peertest.Listens(at[addr]))
	}
	var d net.Dialer
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, err
		}
		if real, ok := at[to.Addr()]; ok {
			return d.DialContext(ctx, network, real)
		}
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("nobody has the address %s", to)}
	}
}

const oneServer = `options {
	directory "%[1]s";
	listen-on port %[3]s { %[2]s; };
	listen-on-v6 { none; };
	pid-file none; lock-file none; session-keyfile none;
	%[4]s
	allow-query { any; }; allow-transfer { %[5]s; }; notify no;
	dnssec-validation no; empty-zones-enable no;
	check-names primary ignore; check-integrity no; check-mx ignore; check-mx-cname ignore; check-spf ignore;
};
controls { };
`

// startOne starts the BIND of one address, with the zones as that server has them.
func (n nameServers) startOne(t *testing.T, world *scenario.World, all *scenario.NameServers, addr netip.Addr, address, root string) *peertest.Server {
	t.Helper()
	dir := peertest.Folder(t)
	host, port, _ := strings.Cut(address, ":")
	own := world.Servers[addr]
	if own == nil {
		own = new(scenario.NameServer)
	}
	recursion, transfers := "recursion no;", "none"
	if own.Recursive {
		rootHost, rootPort, _ := strings.Cut(root, ":")
		recursion = fmt.Sprintf("recursion yes; allow-recursion { any; }; forward only; forwarders { %s port %s; };", rootHost, rootPort)
	}
	if own.Transfer {
		transfers = "any"
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, oneServer, dir, host, port, recursion, transfers)
	apexes, records := all.Zones(addr)
	for i, z := range zonesOf(records, nil) {
		if !slices.Contains(apexes, z.origin) || own.Refused {
			continue
		}
		z.records = append(z.records, glue(z, records)...)
		file := filepath.Join(dir, fmt.Sprintf("%d.zone", i))
		peertest.Write(t, file, z.text())
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; };\n", z.origin, file)
	}
	peertest.Write(t, filepath.Join(dir, "named.conf"), conf.String())
	cmd := exec.Command(n.named, "-f", "-g", "-4", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	peertest.Unprivileged(t, cmd, dir)
	return peertest.Start(t, cmd, nil)
}

// glue is the addresses of servers below a zone cut (RFC 1034, 4.2.1).
func glue(z zone, records []record.Record) []record.Record {
	var list []record.Record
	for _, r := range z.records {
		if r.Type != "NS" || r.Name == z.origin {
			continue
		}
		for _, a := range records {
			if _, ok := a.Addr(); ok && a.Name == record.Canonical(r.Data) && record.Within(a.Name, r.Name) {
				list = append(list, a)
			}
		}
	}
	return list
}
