//go:build linux

package rfc2136_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
)

// A peer is a running name server of somebody else's, which gets zones while it runs.
type peer struct {
	t       *testing.T
	address string
	dir     string
	conf    func(zones []peerZone) string
	file    string // of the configuration
	server  *peertest.Server
	mu      sync.Mutex
	zones   []peerZone
	add     func(z peerZone) // tells the server of a zone in its own way; nil: by its configuration
}

// A peerZone is a zone with those who may transfer it.
type peerZone struct {
	name, file string
	transfer   []string // keys
	more       string   // of its configuration
	secondary  bool
}

// startBIND starts named, without zones.
func startBIND(t *testing.T) *peer {
	t.Helper()
	p := newPeer(t)
	host, port, _ := net.SplitHostPort(p.address)
	p.conf = func(zones []peerZone) string {
		var b strings.Builder
		fmt.Fprintf(&b, `options {
	directory %q;
	listen-on port %s { %s; }; listen-on-v6 { none; };
	pid-file none; lock-file none; session-keyfile none;
	recursion no; notify no; dnssec-validation no; empty-zones-enable no; check-names primary ignore;
};
controls { };
`, p.dir, port, host)
		for _, key := range []string{owner, reader, admin} {
			fmt.Fprintf(&b, "key %q { algorithm hmac-sha256; secret %q; };\n", strings.TrimSuffix(key, "."), secretOf(key))
		}
		for _, z := range zones {
			kind := "primary"
			if z.secondary {
				kind = "secondary"
			}
			fmt.Fprintf(&b, "zone %q { type %s; file %q; allow-transfer { key admin; ", z.name, kind, z.file)
			for _, key := range z.transfer {
				fmt.Fprintf(&b, "key %s; ", key)
			}
			policy := z.more
			if policy == "" {
				policy = "update-policy { grant owner. zonesub ANY; grant admin. zonesub ANY; };"
			}
			fmt.Fprintf(&b, "}; %s };\n", policy)
		}
		return b.String()
	}
	p.start(exec.Command(peertest.Copy(t, "named"), "-f", "-g", "-4", "-n", "1", "-c", p.file))
	return p
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	dir := peertest.Folder(t)
	return &peer{t: t, address: peertest.Address(t), dir: dir, file: filepath.Join(dir, "server.conf")}
}

// start runs the server until the test ends.
func (p *peer) start(cmd *exec.Cmd) {
	p.t.Helper()
	peertest.Write(p.t, p.file, p.conf(nil))
	peertest.Unprivileged(p.t, cmd, p.dir)
	p.server = peertest.Start(p.t, cmd, p.answers(".", func(m *dns.Msg) bool { return true }))
}

// serve adds a zone.
func (p *peer) serve(t *testing.T, z peerZone, records []record.Record) *service {
	t.Helper()
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintln(&b, r)
	}
	p.mu.Lock()
	z.file = filepath.Join(p.dir, fmt.Sprintf("%d.zone", len(p.zones)))
	p.zones = append(p.zones, z)
	if !z.secondary {
		peertest.Write(t, z.file, b.String())
		peertest.Give(t, z.file) // the server writes it anew
	}
	if p.add != nil {
		p.add(z)
	} else {
		peertest.Write(p.t, p.file, p.conf(p.zones))
		p.server.Reload()
	}
	p.mu.Unlock()
	p.server.Await(p.t, p.answers(z.name, func(m *dns.Msg) bool { return m.Authoritative && len(m.Answer) > 0 }))
	return newService(t, z.name, p.address, acknowledge)
}

// acknowledge has what comes acknowledged at once: servers that gather small answers
// (Nagle's algorithm) would else wait 40 ms for it, a thousand times in the suite.
func acknowledge(conn net.Conn) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
}

// forget takes the zones away.
func (p *peer) forget() {
	p.mu.Lock()
	p.zones = nil
	peertest.Write(p.t, p.file, p.conf(p.zones))
	p.server.Reload()
	p.mu.Unlock()
	p.server.Await(p.t, p.answers(zone, func(m *dns.Msg) bool { return !m.Authoritative }))
}

// answers is the server's being ready: it answers a question for a SOA record as it should.
func (p *peer) answers(zone string, ready func(*dns.Msg) bool) func() error {
	client := dns.Client{Timeout: time.Second}
	return func() error {
		m, _, err := client.Exchange(new(dns.Msg).SetQuestion(zone, dns.TypeSOA), p.address)
		if err == nil && !ready(m) {
			err = fmt.Errorf("%s for %s", dns.RcodeToString[m.Rcode], zone)
		}
		return err
	}
}

// backend serves zones that these keys may transfer.
func (p *peer) backend(transfer ...string) providertest.Backend {
	return providertest.Backend{Serve: func(t *testing.T, zone string, records []record.Record) providertest.Service {
		return p.serve(t, peerZone{name: zone, transfer: transfer}, records)
	}}
}

// startKnot starts knotd, without zones.
func startKnot(t *testing.T) *peer {
	t.Helper()
	p := newPeer(t)
	host, port, _ := net.SplitHostPort(p.address)
	p.conf = func(zones []peerZone) string {
		var b strings.Builder
		fmt.Fprintf(&b, "server:\n  rundir: %q\n  listen: %s@%s\n  udp-workers: 1\n  tcp-workers: 2\n  background-workers: 1\n  automatic-acl: off\n", p.dir, host, port)
		fmt.Fprintf(&b, "log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: %q\n  journal-db-max-size: 64M\nkey:\n", p.dir)
		for _, key := range []string{owner, reader, admin} {
			fmt.Fprintf(&b, "  - id: %s\n    algorithm: hmac-sha256\n    secret: %s\n", key, secretOf(key))
		}
		fmt.Fprint(&b, "acl:\n  - id: update-owner\n    key: owner.\n    action: update\n")
		fmt.Fprint(&b, "  - id: update-dmarc\n    key: owner.\n    action: update\n    update-owner: name\n    update-owner-match: equal\n    update-owner-name: _dmarc.example.org.\n")
		for _, key := range []string{owner, reader, admin} {
			fmt.Fprintf(&b, "  - id: transfer-%[1]s\n    key: %[1]s\n    action: transfer\n", key)
		}
		fmt.Fprint(&b, "  - id: update-admin\n    key: admin.\n    action: update\nzone:\n")
		for _, z := range zones {
			fmt.Fprintf(&b, "  - domain: %s\n    file: %q\n    zonefile-sync: -1\n    acl: [transfer-admin., update-admin", z.name, z.file)
			for _, key := range z.transfer {
				fmt.Fprintf(&b, ", transfer-%s", key)
			}
			if z.more == "" {
				z.more = ", update-owner]\n"
			}
			fmt.Fprint(&b, z.more)
		}
		return b.String()
	}
	p.start(exec.Command(peertest.Program(t, "knotd"), "-c", p.file))
	return p
}
