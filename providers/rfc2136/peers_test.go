//go:build linux

package rfc2136_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

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
	cmd     *exec.Cmd
	log     *output
	gone    chan struct{}
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

// program finds the program of a peer. Where it is missing the test is skipped,
// unless MAILDOCTOR_PEERS=1 says that the peers must be there.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"} {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	missing(t, name)
	return ""
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("MAILDOCTOR_PEERS") == "1" {
		t.Fatalf("%s is not installed, and MAILDOCTOR_PEERS=1", what)
	}
	t.Skipf("%s is not installed; MAILDOCTOR_PEERS=1 makes this a failure", what)
}

// output is what a peer prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.buf.String()
	return s[max(0, len(s)-3000):]
}

// freePort is an address on loopback with a port that nobody listens on.
func freePort(t *testing.T) (host, port string) {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10000 + rand.IntN(12000))
		address := net.JoinHostPort("127.0.0.1", port)
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		udp, err := net.ListenPacket("udp", address)
		tcp.Close()
		if err != nil {
			continue
		}
		udp.Close()
		return "127.0.0.1", port
	}
	t.Fatal("no free port on 127.0.0.1")
	return "", ""
}

// startBIND starts named, without zones.
func startBIND(t *testing.T) *peer {
	t.Helper()
	p := newPeer(t)
	// A copy: where AppArmor holds the program to its own directories, it does so by path.
	bin := filepath.Join(p.dir, "named")
	data, err := os.ReadFile(program(t, "named"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, data, 0o755); err != nil {
		t.Fatal(err)
	}
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
	p.start(exec.Command(bin, "-f", "-g", "-4", "-n", "1", "-c", p.file))
	return p
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	dir, err := os.MkdirTemp("", "maildoctor-peers-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	host, port := freePort(t)
	return &peer{t: t, address: net.JoinHostPort(host, port), dir: dir, file: filepath.Join(dir, "server.conf"), log: new(output), gone: make(chan struct{})}
}

// start runs the server in a process group of its own until the test ends, as a user without
// other rights than to write in its directory.
func (p *peer) start(cmd *exec.Cmd) {
	p.t.Helper()
	p.write(p.file, p.conf(nil))
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.dir, p.log, p.log, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			p.t.Fatal(err)
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		if err := os.Chown(p.dir, uid, gid); err != nil {
			p.t.Fatal(err)
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmd = cmd
	go func() {
		defer close(p.gone)
		cmd.Wait()
	}()
	p.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-p.gone:
		case <-time.After(3 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-p.gone
		}
		if p.t.Failed() {
			p.t.Logf("the server said:\n%s", p.log.tail())
		}
	})
	p.await(".", func(m *dns.Msg) bool { return true })
}

func (p *peer) write(file, text string) {
	p.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
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
		p.write(z.file, b.String())
	}
	if os.Getuid() == 0 && !z.secondary {
		if info, err := os.Stat(p.dir); err == nil { // the server writes it anew
			stat := info.Sys().(*syscall.Stat_t)
			os.Chown(z.file, int(stat.Uid), int(stat.Gid))
		}
	}
	if p.add != nil {
		p.add(z)
	} else {
		p.write(p.file, p.conf(p.zones))
		syscall.Kill(p.cmd.Process.Pid, syscall.SIGHUP)
	}
	p.mu.Unlock()
	p.await(z.name, func(m *dns.Msg) bool { return m.Authoritative && len(m.Answer) > 0 })
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
	p.write(p.file, p.conf(p.zones))
	syscall.Kill(p.cmd.Process.Pid, syscall.SIGHUP)
	p.mu.Unlock()
	p.await(zone, func(m *dns.Msg) bool { return !m.Authoritative })
}

// await polls until the server answers a question for a SOA record as it should.
func (p *peer) await(zone string, ready func(*dns.Msg) bool) {
	p.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	client := dns.Client{Timeout: time.Second}
	var last error
	for time.Now().Before(deadline) {
		m, _, err := client.Exchange(new(dns.Msg).SetQuestion(zone, dns.TypeSOA), p.address)
		if err == nil && ready(m) {
			return
		}
		if last = err; err == nil {
			last = errors.New(dns.RcodeToString[m.Rcode])
		}
		select {
		case <-p.gone:
			p.t.Fatalf("the server ended:\n%s", p.log.tail())
		case <-time.After(5 * time.Millisecond):
		}
	}
	p.t.Fatalf("the server does not answer for %s: %v\n%s", zone, last, p.log.tail())
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
	p.start(exec.Command(program(t, "knotd"), "-c", p.file))
	return p
}
