//go:build linux

package suite_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/providers/rfc2136"
	"github.com/maildoctor/maildoctor/record"
)

// A servedZone is a generated zone under a name of its own, so that one server can
// have them all.
type servedZone struct {
	name string
	text string
	want []record.Record
}

// servedZones are the generated zones that differ.
func servedZones(t *testing.T) []servedZone {
	var list []servedZone
	seen := make(map[string]bool)
	eachGenerated(t, func(t *testing.T, domain string, text []byte, want []record.Record) {
		if seen[string(text)] {
			return
		}
		seen[string(text)] = true
		old, name := record.Display(domain), fmt.Sprintf("z%d.example", len(list))
		z := servedZone{name: name, text: strings.ReplaceAll(string(text), old, name)}
		for _, r := range want {
			r.Name, r.Data = strings.ReplaceAll(r.Name, old, name), strings.ReplaceAll(r.Data, old, name)
			z.want = append(z.want, r)
		}
		list = append(list, z)
	})
	return list
}

// TestPeersAnswerGeneratedZones: real name servers answer with the records that
// were wanted, no more and no less.
func TestPeersAnswerGeneratedZones(t *testing.T) {
	zones := servedZones(t)
	if len(zones) < 20 {
		t.Fatalf("only %d zones", len(zones))
	}
	for _, server := range []struct {
		program string
		args    []string
		conf    func(dir, port string) string
	}{
		{"named", []string{"-f", "-g", "-4", "-n", "1", "-c"}, func(dir, port string) string {
			var b strings.Builder
			fmt.Fprintf(&b, "options { directory %q; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; lock-file none; session-keyfile none; recursion no; notify no; dnssec-validation no; allow-transfer { any; }; };\ncontrols { };\n", dir, port)
			for _, z := range zones {
				fmt.Fprintf(&b, "zone %q { type primary; file %q; };\n", z.name, z.name)
			}
			return b.String()
		}},
		{"nsd", []string{"-d", "-c"}, func(dir, port string) string {
			var b strings.Builder
			fmt.Fprintf(&b, "server:\n ip-address: 127.0.0.1@%s\n zonesdir: %q\n pidfile: \"\"\n database: \"\"\n username: \"\"\n chroot: \"\"\n xfrdfile: %q\n zonelistfile: %q\n xfrdir: %q\nremote-control:\n control-enable: no\n",
				port, dir, filepath.Join(dir, "xfrd"), filepath.Join(dir, "zonelist"), dir)
			for _, z := range zones {
				fmt.Fprintf(&b, "zone:\n name: %q\n zonefile: %q\n provide-xfr: 127.0.0.1 NOKEY\n", z.name, z.name)
			}
			return b.String()
		}},
		{"knotd", []string{"-c"}, func(dir, port string) string {
			var b strings.Builder
			fmt.Fprintf(&b, "server:\n    rundir: %q\n    listen: 127.0.0.1@%s\n    tcp-workers: 1\n    udp-workers: 1\n    background-workers: 1\ndatabase:\n    storage: %q\nlog:\n  - target: stderr\n    any: warning\nacl:\n  - id: all\n    address: 127.0.0.1\n    action: transfer\ntemplate:\n  - id: default\n    storage: %q\n    acl: all\nzone:\n", dir, port, filepath.Join(dir, "db"), dir)
			for _, z := range zones {
				fmt.Fprintf(&b, "  - domain: %s\n    file: %q\n", z.name, filepath.Join(dir, z.name))
			}
			return b.String()
		}},
	} {
		t.Run(server.program, func(t *testing.T) {
			address := startPeer(t, server.program, server.args, server.conf, zones)
			for _, z := range zones {
				holds(t, address, z)
			}
		})
	}
}

// startPeer starts a name server with the zones.
func startPeer(t *testing.T, program string, args []string, conf func(dir, port string) string, zones []servedZone) (address string) {
	t.Helper()
	bin, dir := peertest.Copy(t, program), t.TempDir()
	address = peertest.Address(t)
	_, port, _ := net.SplitHostPort(address)
	file := filepath.Join(dir, "conf")
	peertest.Write(t, file, conf(dir, port))
	for _, z := range zones {
		peertest.Write(t, filepath.Join(dir, z.name), z.text)
	}
	last := zones[len(zones)-1]
	peertest.Start(t, exec.Command(bin, append(args, file)...), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := rfc2136.Open(ctx, last.name, rfc2136.Options{Server: address})
		return err
	})
	return address
}

// holds compares what a server transfers of a zone with what was wanted.
func holds(t *testing.T, address string, z servedZone) {
	t.Helper()
	server, err := rfc2136.Open(t.Context(), z.name, rfc2136.Options{Server: address})
	if err != nil {
		t.Error(err)
		return
	}
	if !server.Traits().Whole {
		t.Errorf("%s is not transferred", z.name)
		return
	}
	reading, err := server.Read(t.Context(), nil)
	if err != nil {
		t.Error(err)
		return
	}
	got := slices.DeleteFunc(reading.Records, func(r record.Record) bool { return r.Type == "SOA" || r.Type == "NS" })
	if !slices.Equal(record.Sorted(got), record.Sorted(z.want)) {
		t.Errorf("%s answers with something else:\n%v\n%v", z.name, record.Sorted(got), record.Sorted(z.want))
	}
}
