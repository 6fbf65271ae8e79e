//go:build linux

package powerdns

import (
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

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

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
	server, sqlite := peertest.Program(t, "pdns_server"), peertest.Program(t, "sqlite3")
	schema, err := os.Open(schemaFile)
	if err != nil {
		peertest.Missing(t, "the schema of pdns-backend-sqlite3 is not there")
	}
	defer schema.Close()
	web := peertest.Address(t)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: web})
	proxy.Transport = new(http.Transport) // not the default one, whose connections other tests close
	p := &peer{dir: t.TempDir(), dns: peertest.Address(t), api: inTurn(proxy)}
	database := filepath.Join(p.dir, "zones.db")
	create := exec.Command(sqlite, database)
	create.Stdin = schema
	peertest.Run(t, create)
	_, dnsPort, _ := net.SplitHostPort(p.dns)
	_, webPort, _ := net.SplitHostPort(web)
	settings = append([]string{
		"launch=gsqlite3", "gsqlite3-database=" + database, "gsqlite3-dnssec=yes", "gsqlite3-pragma-synchronous=0", "gsqlite3-pragma-journal-mode=MEMORY",
		"api=yes", "api-key=" + testKey, "webserver=yes", "webserver-address=127.0.0.1", "webserver-port=" + webPort, "webserver-allow-from=127.0.0.1",
		"webserver-loglevel=none", "loglevel=3",
		"local-address=127.0.0.1", "local-port=" + dnsPort,
		"socket-dir=" + p.dir, "write-pid=no", "daemon=no", "guardian=no", "disable-syslog=yes",
		"security-poll-suffix=", "distributor-threads=1", "cache-ttl=0", "negquery-cache-ttl=0", "query-cache-ttl=0", "zone-cache-refresh-interval=0",
		"domain-metadata-cache-ttl=0", "dnssec-key-cache-ttl=0",
	}, settings...)
	peertest.Write(t, filepath.Join(p.dir, "pdns.conf"), strings.Join(settings, "\n")+"\n")
	peertest.Start(t, exec.Command(server, "--config-dir="+p.dir), peertest.Listens(web))
	return p
}

// inTurn lets one change at a time through: of two, SQLite fails one ("database
// is locked") where the databases that servers are run with have it wait.
func inTurn(api http.Handler) http.Handler {
	var turn sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			turn.Lock()
			defer turn.Unlock()
		}
		api.ServeHTTP(w, r)
	})
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
	return peertest.Run(t, exec.Command(peertest.Program(t, name), args...))
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
	sqlite := exec.Command(peertest.Program(t, "sqlite3"), filepath.Join(p.dir, "zones.db"), "INSERT INTO records (domain_id, name, type, content, ttl) SELECT id, name, 'TXT', 'no quotes', 60 FROM domains WHERE name = 'odd.example'")
	odd := serve(t, backend(t, p.api), "odd.example.", "Native", "")
	peertest.Run(t, sqlite)
	to, err := odd.Open(t.Context(), odd.zone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Read(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "pdnsutil check-zone") {
		t.Errorf("Read of a zone with a record that cannot be read: %v", err)
	}
}
