package powerdns

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// program finds the program of a peer. Where it is missing the test is skipped,
// unless MAILDOCTOR_PEERS=1 says that the peers must be there.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(dir, name)
		}
	}
	missing(t, name+" is not installed")
	return ""
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("MAILDOCTOR_PEERS") == "1" {
		t.Fatal(why + ", and MAILDOCTOR_PEERS=1")
	}
	t.Skip(why + "; MAILDOCTOR_PEERS=1 makes this a failure")
}

// A peer is a running pdns_server.
type peer struct {
	dir string // with its configuration and database
	dns string // where it answers
	api http.Handler
}

// schemaFile has the tables of the sqlite3 backend, as Debian installs it.
const schemaFile = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// start runs a pdns_server until the test ends: with the sqlite3 backend, on
// loopback, as whoever runs the test.
func start(t *testing.T, settings ...string) *peer {
	t.Helper()
	server, sqlite := program(t, "pdns_server"), program(t, "sqlite3")
	schema, err := os.Open(schemaFile)
	if err != nil {
		missing(t, "the schema of pdns-backend-sqlite3 is not there")
	}
	defer schema.Close()
	p := &peer{dir: t.TempDir()}
	database := filepath.Join(p.dir, "zones.db")
	create := exec.Command(sqlite, database)
	create.Stdin = schema
	if said, err := create.CombinedOutput(); err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, said)
	}
	for attempt := range 3 { // another program may take a port that was free
		p.dns, err = p.run(t, server, database, settings)
		if err == nil {
			return p
		}
		t.Logf("attempt %d: %v", attempt+1, err)
	}
	t.Fatal(err)
	return nil
}

func (p *peer) run(t *testing.T, server, database string, more []string) (dns string, err error) {
	dns, web := freePort(t), freePort(t)
	_, dnsPort, _ := net.SplitHostPort(dns)
	_, webPort, _ := net.SplitHostPort(web)
	settings := append([]string{
		"launch=gsqlite3", "gsqlite3-database=" + database, "gsqlite3-dnssec=yes", "gsqlite3-pragma-synchronous=0", "gsqlite3-pragma-journal-mode=MEMORY",
		"api=yes", "api-key=" + testKey, "webserver=yes", "webserver-address=127.0.0.1", "webserver-port=" + webPort, "webserver-allow-from=127.0.0.1",
		"webserver-loglevel=none", "loglevel=3",
		"local-address=127.0.0.1", "local-port=" + dnsPort,
		"socket-dir=" + p.dir, "write-pid=no", "daemon=no", "guardian=no", "disable-syslog=yes",
		"security-poll-suffix=", "distributor-threads=1", "cache-ttl=0", "negquery-cache-ttl=0", "query-cache-ttl=0", "zone-cache-refresh-interval=0",
		"domain-metadata-cache-ttl=0", "dnssec-key-cache-ttl=0",
	}, more...)
	if err := os.WriteFile(filepath.Join(p.dir, "pdns.conf"), []byte(strings.Join(settings, "\n")+"\n"), 0o600); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, server, "--config-dir="+p.dir)
	var log output
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		cancel()
		return "", err
	}
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }()
	stop := func() { cancel(); <-gone }
	deadline := time.After(10 * time.Second)
	for {
		conn, err := net.DialTimeout("tcp", web, time.Second)
		if err == nil {
			conn.Close()
			t.Cleanup(stop)
			p.api = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: web})
			return dns, nil
		}
		select {
		case <-gone:
			cancel()
			return "", fmt.Errorf("pdns_server ended:\n%s", log.String())
		case <-deadline:
			stop()
			return "", fmt.Errorf("pdns_server does not answer:\n%s", log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// freePort is an address on loopback where nothing listens, below the ports that
// the system gives to connections.
func freePort(t *testing.T) string {
	t.Helper()
	for port := 20000 + os.Getpid()%5000; port < 30000; port++ {
		address := fmt.Sprintf("127.0.0.1:%d", port)
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		tcp, err := net.Listen("tcp", address)
		udp.Close()
		if err != nil {
			continue
		}
		tcp.Close()
		if _, taken := given.LoadOrStore(address, true); !taken {
			return address
		}
	}
	t.Fatal("no free port on 127.0.0.1")
	return ""
}

// given is the ports that peers of this run have.
var given sync.Map

// output is what a peer says, which may be read while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// The API is all that the provider needs: neither transfers nor dynamic updates
// (RFC 2136) have to be allowed.
func TestPowerDNS(t *testing.T) {
	t.Parallel()
	providertest.Run(t, backend(t, start(t, "disable-axfr=yes", "dnsupdate=no").api))
}

// tool runs a program beside the server.
func (p *peer) tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	said, err := exec.Command(program(t, name), args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", name, args, err, said)
	}
	return string(said)
}

func (p *peer) pdnsutil(t *testing.T, args ...string) string {
	t.Helper()
	return p.tool(t, "pdnsutil", append([]string{"--config-dir=" + p.dir}, args...)...)
}

// What stands beside the changed records stays in the real server, too: see the
// test of the same with the fake.
func TestPowerDNSKeeps(t *testing.T) {
	t.Parallel()
	keeps(t, backend(t, start(t).api))
}

// After a plan the server finds nothing wrong with the zone, a secondary gets it
// by transfer, and its serial is higher: with SOA-EDIT-API and without, signed
// and not.
func TestPowerDNSZoneIsSound(t *testing.T) {
	t.Parallel()
	p := start(t, "allow-axfr-ips=127.0.0.1")
	b := backend(t, p.api)
	for _, tt := range []struct {
		name, soaEditAPI string
		signed           bool
	}{{"default", "DEFAULT", false}, {"plain", "", false}, {"signed", "DEFAULT", true}, {"signed-plain", "", true}} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, b, tt.name+".example.", "Master", tt.soaEditAPI)
			if tt.signed {
				p.pdnsutil(t, "secure-zone", s.zone)
				p.pdnsutil(t, "set-meta", s.zone, "API-RECTIFY", "0") // so that the provider has to
			}
			before := s.serial(t)
			to, err := s.Open(t.Context(), s.zone)
			if err != nil {
				t.Fatal(err)
			}
			apply(t, to, edits(s.zone)...)
			if after := s.serial(t); int32(after-before) <= 0 {
				t.Errorf("the serial was %d and is %d", before, after)
			}
			if said := p.pdnsutil(t, "check-zone", s.zone); !strings.Contains(said, " 0 errors, 0 warnings.") {
				t.Errorf("pdnsutil check-zone:\n%s", said)
			}
			at, port, _ := net.SplitHostPort(p.dns)
			transferred := p.tool(t, "dig", "+noall", "+answer", "+onesoa", "-p", port, "@"+at, s.zone, "AXFR")
			got, err := zonefile.Read(strings.NewReader(transferred), s.zone)
			if err != nil {
				t.Fatalf("%v:\n%s", err, transferred)
			}
			signers := []string{"RRSIG", "NSEC", "DNSKEY", "NSEC3", "NSEC3PARAM", "CDS", "CDNSKEY"}
			got = slices.DeleteFunc(got, func(r record.Record) bool { return slices.Contains(signers, r.Type) })
			want := s.Records(t)
			for _, r := range want {
				if !slices.Contains(got, r) {
					t.Errorf("not transferred: %s", r)
				}
			}
			if len(got) != len(want) {
				t.Errorf("transferred:\n%s\nwant %d records", transferred, len(want))
			}
		})
	}
}

// The zones that the server would take changes of, and should not.
func TestPowerDNSCopies(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := serve(t, backend(t, p.api), "presigned.example.", "Native", "")
	p.pdnsutil(t, "set-presigned", s.zone)
	p.pdnsutil(t, "create-slave-zone", "copy.example", "192.0.2.1")
	for domain, want := range map[string]string{
		"presigned.example.": "signed elsewhere", "www.copy.example.": "the next transfer overwrites", "www.example.": "no such zone",
	} {
		if _, err := s.Open(t.Context(), domain); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): %v, want %q", domain, err, want)
		}
	}
	sqlite := exec.Command(program(t, "sqlite3"), filepath.Join(p.dir, "zones.db"), "INSERT INTO records (domain_id, name, type, content, ttl) SELECT id, name, 'TXT', 'no quotes', 60 FROM domains WHERE name = 'odd.example'")
	odd := serve(t, backend(t, p.api), "odd.example.", "Native", "")
	if said, err := sqlite.CombinedOutput(); err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, said)
	}
	to, err := odd.Open(t.Context(), odd.zone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Read(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "pdnsutil check-zone") {
		t.Errorf("Read of a zone with a record that cannot be read: %v", err)
	}
}
