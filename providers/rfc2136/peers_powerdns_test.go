//go:build linux

package rfc2136_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/peertest"
)

// startPowerDNS starts pdns_server with the sqlite3 backend, without zones.
func startPowerDNS(t *testing.T) *peer {
	t.Helper()
	p := newPeer(t)
	p.file = filepath.Join(p.dir, "pdns.conf")
	server, pdnsutil, sqlite := peertest.Program(t, "pdns_server"), peertest.Program(t, "pdnsutil"), peertest.Program(t, "sqlite3")
	schema, err := os.ReadFile("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
	if err != nil {
		peertest.Missing(t, "pdns-backend-sqlite3 is not installed")
	}
	database := filepath.Join(p.dir, "zones.db")
	run := func(input, name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Stdin = strings.NewReader(input)
		peertest.Run(t, cmd)
	}
	var keys strings.Builder
	for _, key := range []string{owner, reader, admin} {
		fmt.Fprintf(&keys, "INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('%s', 'hmac-sha256', '%s');\n", strings.TrimSuffix(key, "."), secretOf(key))
	}
	run(string(schema)+keys.String(), sqlite, database)
	peertest.Give(t, database)
	host, port, _ := net.SplitHostPort(p.address)
	p.conf = func([]peerZone) string {
		return strings.Join([]string{
			"launch=gsqlite3", "gsqlite3-database=" + database, "gsqlite3-dnssec=yes", "gsqlite3-pragma-synchronous=0", "gsqlite3-pragma-journal-mode=MEMORY",
			"dnsupdate=yes", "allow-dnsupdate-from=127.0.0.0/8", "allow-axfr-ips=", "disable-axfr=no", "8bit-dns=yes",
			"local-address=" + host, "local-port=" + port, "socket-dir=" + p.dir, "loglevel=5", "write-pid=no", "daemon=no", "guardian=no", "disable-syslog=yes",
			"security-poll-suffix=", "distributor-threads=1", "receiver-threads=1", "cache-ttl=0", "negquery-cache-ttl=0", "query-cache-ttl=0",
			"zone-cache-refresh-interval=0", "domain-metadata-cache-ttl=0", "dnssec-key-cache-ttl=0", "max-tcp-connections-per-client=0", "max-tcp-transactions-per-conn=0",
		}, "\n") + "\n"
	}
	p.add = func(z peerZone) {
		name := strings.TrimSuffix(z.name, ".")
		run("", pdnsutil, "--config-dir="+p.dir, "load-zone", name, z.file)
		run("", pdnsutil, "--config-dir="+p.dir, "rectify-zone", name) // makes the names in between
		var b strings.Builder
		allow := func(kind string, keys ...string) {
			for _, key := range keys {
				fmt.Fprintf(&b, "INSERT INTO domainmetadata (domain_id, kind, content) SELECT id, '%s', '%s' FROM domains WHERE name = '%s';\n", kind, strings.TrimSuffix(key, "."), name)
			}
		}
		allow("TSIG-ALLOW-DNSUPDATE", owner, admin)
		allow("TSIG-ALLOW-AXFR", append([]string{admin}, z.transfer...)...)
		allow("SOA-EDIT-DNSUPDATE", "INCREASE")
		run(b.String(), sqlite, "-cmd", ".timeout 5000", database)
	}
	p.start(exec.Command(server, "--config-dir="+p.dir))
	return p
}
