package local

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// ed is the key of RFC 8463, appendix A.2, in PKCS #8; half is its public half.
const ed = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"

// said is what commands print in tests.
type said map[string]string

func (s said) Run(_ context.Context, name string, args ...string) ([]byte, error) {
	out, ok := s[strings.Join(append([]string{name}, args...), " ")]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if text, failed := strings.CutPrefix(out, "!"); failed {
		return nil, errors.New(text)
	}
	return []byte(out), nil
}

func files(pairs ...string) fstest.MapFS {
	m := make(fstest.MapFS)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i][1:]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

// summary is what was found in a few words: names, keys, sending, queues, doubts.
func summary(h *Host) string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	for _, n := range h.Names {
		add("name %s%v", n.Text, n.From)
	}
	for _, k := range h.Keys {
		what := "public"
		if k.Public == nil {
			what = k.Fault
		}
		add("key %s/%s %s %s", k.Domain, k.Selector, k.File, what)
	}
	for _, c := range h.Certificates {
		add("certificate %s", c.File)
	}
	for _, o := range h.Outgoing {
		add("from %s", o.Addr)
	}
	if h.Relay != "" {
		add("relay %s", h.Relay)
	}
	for _, q := range h.Queues {
		add("queue %d %s", q.Count, q.Oldest)
	}
	for _, s := range h.Idle {
		add("idle %s", s)
	}
	for _, d := range h.Doubts {
		if d.Area != Sockets && d.Area != Memories && d.Area != Disks {
			add("doubt %s", d.Reason)
		}
	}
	return strings.Join(words, "\n")
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		fs   fstest.MapFS
		run  said
		want string
	}{
		{name: "nothing here"},
		{
			name: "Postfix by postconf",
			fs:   files("/etc/postfix/main.cf", "myhostname = not-asked.example\n"),
			run: said{
				"postconf -x " + strings.Join(asked, " "): "inet_interfaces = 192.0.2.7, 127.0.0.1\nmyhostname = mx.example.org\nqueue_directory = /var/spool/postfix\nrelayhost =\nsmtp_helo_name = $myhostname\n",
				"postqueue -j": "{\"arrival_time\": 1000000000}\n{\"arrival_time\": 1000003600}\n{\"arr",
			},
			want: "name mx.example.org[]\nfrom 192.0.2.7\nqueue 2 2h0m0s",
		},
		{
			name: "Postfix by its files, with a spool",
			fs: files("/etc/postfix/main.cf", "mydomain = example.org\nsmtp_helo_name = out.$mydomain\nrelayhost = [relay.example.net]\nsmtp_bind_address6 = [2001:db8::7]\n",
				"/etc/hostname", "mx\n", "/var/spool/postfix/deferred/1/1A", "", "/var/spool/postfix/deferred/2/2A", "", "/var/spool/postfix/active/3A", ""),
			want: "name out.example.org[]\nfrom 2001:db8::7\nrelay [relay.example.net]\nqueue 3 0s",
		},
		{
			name: "Postfix that knows no name",
			fs:   files("/etc/postfix/main.cf", "", "/etc/hostname", "mx\n"),
			want: "name mx.localdomain[]\ndoubt the queue of Postfix is not at /var/spool/postfix",
		},
		{
			name: "clients in master.cf",
			fs: files("/etc/postfix/main.cf", "myhostname = mx.example.org\n",
				"/etc/postfix/master.cf", "a unix - - n - - smtp\n -o smtp_bind_address=192.0.2.8\nb unix - - n - - smtp -o smtp_helo_name=b.example.org -o smtp_bind_address=192.0.2.9\nc inet n - n - - smtpd -o smtp_bind_address=192.0.2.10"),
			want: "name mx.example.org[]\nname mx.example.org[192.0.2.8]\nname b.example.org[192.0.2.9]\nfrom 192.0.2.8\nfrom 192.0.2.9\ndoubt the queue of Postfix is not at /var/spool/postfix",
		},
		{
			name: "OpenDKIM with one key",
			fs:   files("/etc/opendkim.conf", "Domain example.net, Example.ORG\nSelector S1 # the first\nKeyFile /k.private\n", "/k.private", ed),
			want: "key example.org./s1 /k.private public",
		},
		{
			name: "OpenDKIM with tables of which one key signs",
			fs: files("/etc/opendkim.conf", "keytable /t\nSigningTable refile:/s\n",
				"/t", "old example.org:old:/old.private\nnew example.org:new:/new.private\nother example.net:new:/net.private\nall %:any:"+seed+"\n",
				"/s", "*@example.org new\n*@example.net other\n* all\n", "/new.private", ed),
			want: "key example.org./new /new.private public\nkey example.org./any /t public",
		},
		{
			name: "OpenDKIM with a database",
			fs:   files("/etc/opendkim.conf", "KeyTable dsn:mysql://user:secret@host/db\n"),
			want: "doubt the table dsn:... is none that can be read from here",
		},
		{
			name: "dkimpy-milter with both kinds",
			fs: files("/etc/dkimpy-milter/dkimpy-milter.conf", "Domain example.org\nKeyFile /rsa\nSelector r\nKeyFileEd25519 /ed\nSelectorEd25519 e\n",
				"/rsa", "no key", "/ed", seed),
			want: "key example.org./r /rsa holds no private key that can be read\nkey example.org./e /ed public",
		},
		{
			name: "OpenDKIM, whose place rspamd has taken",
			fs: files("/etc/opendkim.conf", "Domain example.org\nSelector old\nKeyFile /k.private\n", "/k.private", ed,
				"/etc/rspamd/local.d/dkim_signing.conf", "sign_local = true;", "/var/lib/rspamd/dkim/example.org.dkim.key", ed,
				"/proc/1/comm", "systemd\n", "/proc/77/comm", "rspamd\n"),
			want: "key example.org./dkim /var/lib/rspamd/dkim/example.org.dkim.key public\nidle OpenDKIM",
		},
		{
			name: "amavis",
			fs: files("/etc/amavis/conf.d/50-user", "# dkim_key('example.org', 'old', '/old.pem');\n dkim_key(\"example.org\", 'dkim', '/k.pem');\ndkim_key('example.net', 'dkim', '/net.pem');\n", "/k.pem", ed,
				"/proc/1/comm", "init\n", "/proc/99/comm", "/usr/sbin/amavi\n"),
			want: "key example.org./dkim /k.pem public",
		},
		{
			name: "Postfix that is stopped",
			fs:   files("/etc/postfix/main.cf", "myhostname = mx.example.org\n", "/var/spool/postfix/deferred/1/1A", ""),
			run:  said{"postqueue -j": "!Mail system is down"},
			want: "name mx.example.org[]\nqueue 1 0s",
		},
		{
			name: "Exim that was taken away",
			fs:   files("/etc/exim4/exim4.conf.localmacros", "DKIM_DOMAIN = example.org\nDKIM_SELECTOR = s\nDKIM_PRIVATE_KEY = /k.pem\n", "/k.pem", ed),
		},
		{
			name: "rspamd with its defaults",
			fs: files("/etc/rspamd/local.d/dkim_signing.conf", "sign_local = true;", "/var/lib/rspamd/dkim/example.org.dkim.key", ed,
				"/var/lib/rspamd/dkim/example.org.other.key", ed),
			want: "key example.org./dkim /var/lib/rspamd/dkim/example.org.dkim.key public",
		},
		{
			name: "rspamd with several selectors",
			fs:   files("/etc/rspamd/override.d/dkim_signing.conf", `domain { example.org { selectors [ { path: "$CONFDIR/a.key"; selector: "a" }, { path: "/b.key"; selector: "b" } ] } }`, "/etc/rspamd/a.key", ed),
			want: "key example.org./a /etc/rspamd/a.key public\nkey example.org./b /b.key does not exist",
		},
		{
			name: "rspamd with Redis",
			fs:   files("/etc/rspamd/local.d/dkim_signing.conf", "use_redis = true; try_fallback = false"),
			want: "doubt rspamd keeps its DKIM keys in Redis, which is not looked into",
		},
		{
			name: "rspamd that only filters",
			fs:   files("/etc/rspamd/local.d/dkim_signing.conf", "enabled = false;", "/var/lib/rspamd/dkim/example.org.dkim.key", ed),
		},
		{
			name: "Exim",
			fs: files("/etc/exim4/update-exim4.conf.conf", "dc_eximconfig_configtype='smarthost'\ndc_smarthost='smtp.example.net::587'\n",
				"/etc/exim4/conf.d/main/000_local", "DKIM_DOMAIN = example.org\nDKIM_SELECTOR = s\nDKIM_PRIVATE_KEY = /k.pem\n",
				"/etc/exim4/conf.d/transport/30_remote", "dkim_private_key = DKIM_PRIVATE_KEY\n", "/k.pem", ed),
			run:  said{"exim4 -bP primary_hostname": "primary_hostname = mx.example.org\n", "exim4 -bpr": "!exim: permission denied"},
			want: "name mx.example.org[]\nkey example.org./s /k.pem public\nrelay smtp.example.net::587\ndoubt exim4 -bpr: exim: permission denied",
		},
		{
			name: "Exim with a key that it looks up",
			fs:   files("/etc/exim4/exim4.conf.localmacros", "DKIM_DOMAIN = ${lc:x}\nDKIM_SELECTOR = s\nDKIM_PRIVATE_KEY = ${lookup{$dkim_domain}lsearch{/k}}\n"),
			run:  said{"exim4 -bP primary_hostname": "primary_hostname = mx\n", "exim4 -bpr": ""},
			want: "name mx[]\nqueue 0 0s\ndoubt Exim chooses its DKIM key by an expression: dkim_private_key = \"${lookup{$dkim_domain}lsearch{/k}}\"",
		},
		{
			name: "Exim for local mail only",
			fs:   files("/etc/exim4/update-exim4.conf.conf", "dc_eximconfig_configtype='local'\n"),
		},
		{
			name: "mailcow, and not the Postfix beside it",
			fs: files("/opt/mailcow-dockerized/mailcow.conf", "MAILCOW_HOSTNAME=mail.example.org\nDBPASS=secret\n",
				"/opt/mailcow-dockerized/data/conf/postfix/extra.cf", "smtp_bind_address = 192.0.2.9\n", "/etc/postfix/main.cf", "myhostname = cron.example\n",
				"/var/lib/docker/volumes/mailcowdockerized_postfix-vol-1/_data/deferred/A/AB", ""),
			want: "name mail.example.org[]\nfrom 192.0.2.9\nqueue 1 0s\ndoubt mailcow keeps its DKIM keys in Redis, which is not looked into; compare the record with the one that mailcow shows under System, Configuration, ARC/DKIM keys\ndoubt mailcow is to show the certificate in /opt/mailcow-dockerized/data/assets/ssl/cert.pem, which does not exist",
		},
		{
			name: "Mailu",
			fs: files("/mailu/mailu.env", "HOSTNAMES=mail.example.org,alias.example.org\nDKIM_SELECTOR=d1\nRELAYHOST=\n", "/mailu/dkim/example.org.d1.key", ed,
				"/mailu/mailqueue/active/A", ""),
			want: "name mail.example.org[]\nkey example.org./d1 /mailu/dkim/example.org.d1.key public\nqueue 1 0s",
		},
		{
			name: "docker-mailserver with its certificate by certbot",
			fs: files("/opt/dms/mailserver.env", "OVERRIDE_HOSTNAME=mail.example.org\nSSL_TYPE=manual\n", "/etc/letsencrypt/live/mail.example.org/fullchain.pem", must(selfSigned()),
				"/opt/dms/docker-data/dms/mail-state/spool-postfix/active/A", ""),
			want: "name mail.example.org[]\ncertificate /etc/letsencrypt/live/mail.example.org/fullchain.pem\nqueue 1 0s",
		},
		{
			name: "docker-mailserver with OpenDKIM",
			fs: files("/opt/docker-mailserver/compose.yaml", "services:\n  mailserver:\n    hostname: mail.example.org # its name\n",
				"/opt/docker-mailserver/docker-data/dms/config/opendkim/KeyTable", "mail._domainkey.example.org example.org:mail:/etc/opendkim/keys/example.org/mail.private\n",
				"/opt/docker-mailserver/docker-data/dms/config/opendkim/SigningTable", "*@example.org mail._domainkey.example.org\n",
				"/opt/docker-mailserver/docker-data/dms/config/opendkim/keys/example.org/mail.private", ed,
				"/opt/docker-mailserver/docker-data/dms/mail-state/spool-postfix/active/A", ""),
			want: "name mail.example.org[]\nkey example.org./mail /opt/docker-mailserver/docker-data/dms/config/opendkim/keys/example.org/mail.private public\nqueue 1 0s",
		},
		{
			name: "docker-mailserver with rspamd",
			fs: files("/srv/mailserver/mailserver.env", "OVERRIDE_HOSTNAME=mail.example.org\n",
				"/srv/mailserver/docker-data/dms/config/rspamd/override.d/dkim_signing.conf", "domain { example.org { path = \"/tmp/docker-mailserver/rspamd/dkim/rsa-2048-mail-example.org.private.txt\"; selector = \"mail\"; } }",
				"/srv/mailserver/docker-data/dms/config/rspamd/dkim/rsa-2048-mail-example.org.private.txt", ed,
				"/srv/mailserver/docker-data/dms/mail-state/spool-postfix/active/A", ""),
			want: "name mail.example.org[]\nkey example.org./mail /srv/mailserver/docker-data/dms/config/rspamd/dkim/rsa-2048-mail-example.org.private.txt public\nqueue 1 0s",
		},
		{
			name: "mox",
			fs: files("/home/mox/config/mox.conf", "Hostname: mail.example.org\nListeners:\n\tpublic:\n\t\tTLS:\n\t\t\tHostPrivateKeyFiles:\n\t\t\t\t- hostkeys/a.pem\n\t\t\t\t- hostkeys/next.pem\n",
				"/home/mox/config/hostkeys/a.pem", ed, "/home/mox/config/hostkeys/next.pem", ed,
				"/home/mox/config/domains.conf", "Domains:\n\texample.org:\n\t\tDKIM:\n\t\t\tSelectors:\n\t\t\t\t2026a:\n\t\t\t\t\tPrivateKeyFile: dkim/a.pem\n\t\t\t\t2026b:\n\t\t\t\t\tPrivateKeyFile: dkim/b.pem\n\t\t\tSign:\n\t\t\t\t- 2026a\n",
				"/home/mox/config/dkim/a.pem", ed),
			want: "name mail.example.org[]\nkey example.org./2026a /home/mox/config/dkim/a.pem public\ncertificate /home/mox/config/hostkeys/a.pem\ndoubt mox keeps its queue in a database; mox queue list shows it",
		},
		{
			name: "Stalwart",
			fs: files("/opt/stalwart/etc/config.toml", "server.hostname = \"mail.example.org\"\n[signature.rsa]\nprivate-key = \"%{file:/k.pem}%\"\ndomain = \"example.org\"\nselector = \"r\"\n[signature.ed]\nprivate-key = '''\n"+ed+"'''\ndomain = \"example.org\"\nselector = \"e\"\n",
				"/k.pem", ed),
			want: "name mail.example.org[]\nkey example.org./e /opt/stalwart/etc/config.toml public\nkey example.org./r /k.pem public\ndoubt Stalwart keeps its queue in its store; its web interface shows it",
		},
		{
			name: "Stalwart with its settings elsewhere",
			fs:   files("/etc/stalwart/config.json", `{"server": {"hostname": "mail.example.org"}, "store": "x"}`),
			want: "name mail.example.org[]\ndoubt Stalwart keeps its DKIM keys in its database, which is not looked into; compare the records that its web interface shows for the domain\ndoubt Stalwart keeps its queue in its store; its web interface shows it",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := func() time.Time { return time.Unix(1000007200, 0) }
			h := Read(t.Context(), System{Files: tt.fs, Run: tt.run, Now: now}, []string{"example.org"})
			if got := summary(h); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			text, err := json.Marshal(h)
			if err != nil || holdsSecret(string(text)) {
				t.Errorf("it holds a secret, or %v: %s", err, text)
			}
		})
	}
}

// holdsSecret reports whether a text has the private key of the tests in it, in
// any form in which it was read, or a password.
func holdsSecret(text string) bool {
	raw, _ := base64.StdEncoding.DecodeString(seed)
	return slices.ContainsFunc([]string{seed, seed[:20], "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v", "PRIVATE KEY", "secret", string(raw)}, func(s string) bool { return strings.Contains(text, s) })
}

// selfSigned is a certificate in PEM.
func selfSigned() (string, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mx.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return block("CERTIFICATE", der), err
}

func TestCertificates(t *testing.T) {
	leaf := must(selfSigned())
	both := block("PRIVATE KEY", []byte("x")) + leaf + leaf + block("EC PRIVATE KEY", []byte("y")) + leaf
	h := Read(t.Context(), System{Files: files("/etc/postfix/main.cf", "smtpd_tls_chain_files = /both.pem, /none.pem, /text.pem", "/both.pem", both, "/text.pem", "no certificate")}, nil)
	if len(h.Certificates) != 1 || len(h.Certificates[0].Chain) != 2 { // the second has the same key
		t.Errorf("certificates %+v", h.Certificates)
	}
	want := []string{"Postfix is to show the certificate in /none.pem, which does not exist", "/text.pem holds no certificate that can be read"}
	if got := h.Unread(Certificates); !slices.Equal(got, want) {
		t.Errorf("doubts %q", got)
	}
}

func TestMachine(t *testing.T) {
	sys := System{
		Files: files("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 mx.example.org mx # pinned\n::1 other.example\nbroken\n", "/etc/resolv.conf", "# none\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\nsearch x\n",
			"/proc/net/tcp", "  sl  local rem st\n 0: 00000000:0019 00000000:0000 0A\n 1: 00000000:0019 0100007F:1234 01\n 2: 0100007F:1F90 00000000:0000 0A\n", "/proc/net/udp", " 0: 3500007F:0035 00000000:0000 07\n",
			"/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 250 kB\nHugePages_Total: 0\n", "/var/mail/x", "", "/var/spool/postfix/y", "", "/mailu/z", ""),
		Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("fe80::1")},
		Route: func(to netip.Addr) (netip.Addr, error) {
			if to.Is4() {
				return netip.MustParseAddr("192.0.2.7"), nil
			}
			return netip.Addr{}, errors.New("network is unreachable")
		},
		Room: func(path string) (Disk, error) {
			if path == "/mailu" {
				return Disk{}, errors.New("stale file handle")
			}
			return Disk{Free: 5, Total: 10}, nil
		},
	}
	h := Read(t.Context(), sys, []string{"example.org."})
	text := must(json.Marshal(h))
	want := `{"addresses":["192.0.2.7"],"outgoing":[{"addr":"192.0.2.7","source":"the route to the internet"}],"pins":[{"name":"mx.example.org.","addr":"127.0.1.1","line":2}],` +
		`"disks":[{"path":"/var/spool/postfix","free":5,"total":10}],"memory":{"available":256000,"total":1024000},` +
		`"sockets":[{"network":"tcp","at":"0.0.0.0:25"},{"network":"udp","at":"127.0.0.53:53"}],"resolvers":["127.0.0.53","fe80::1"],` +
		`"doubts":[{"area":"disks","reason":"how full the disk of /mailu is: stale file handle"}]}`
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// denied is a file system of which nothing may be read.
type denied struct{ fs.FS }

func (d denied) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestDenied(t *testing.T) {
	h := Read(t.Context(), System{Files: denied{}}, []string{"example.org"})
	if len(h.Software) > 0 {
		t.Errorf("it takes %q for granted", h.Software)
	}
	for _, area := range []Area{Keys, HostsFile, Resolvers, Sockets, Memories} {
		for _, reason := range h.Unread(area) {
			if !strings.HasPrefix(reason, "run as root to ") {
				t.Errorf("%s: %q does not say what to do", area, reason)
			}
		}
		if len(h.Unread(area)) == 0 {
			t.Errorf("%s: no doubt", area)
		}
	}
}

func TestBounds(t *testing.T) {
	large := strings.Repeat("x", maxFile+1)
	h := Read(t.Context(), System{Files: files("/etc/postfix/main.cf", large, "/etc/hosts", strings.Repeat("192.0.2.1 a.example.org\n", 1000))}, []string{"example.org"})
	if got := h.Unread(Names); len(got) != 1 || !strings.Contains(got[0], errLarge.Error()) {
		t.Errorf("a large file: %q", got)
	}
	if len(h.Pins) != maxEntries {
		t.Errorf("%d pins", len(h.Pins))
	}
	busy := " 0: 00000000:0019 00000000:0000 0A\n" + strings.Repeat(" 1: 0100007F:0019 0100007F:1234 01 and so on\n", maxFile/40)
	if h := Read(t.Context(), System{Files: files("/proc/net/tcp", busy)}, nil); len(h.Sockets) != 1 {
		t.Errorf("many connections: %+v, %q", h.Sockets, h.Unread(Sockets))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if h := Read(ended, System{Files: files("/etc/hosts", "127.0.0.1 mx.example.org")}, []string{"example.org"}); len(h.Pins) > 0 {
		t.Error("it reads on after the end")
	}
}

// FuzzRead reads a host on which every file says the same: no panic, and an end.
func FuzzRead(f *testing.F) {
	for _, s := range []string{ed, "myhostname = mx.example.org", "KeyTable /etc/opendkim/KeyTable", "a example.org:s:/etc/hosts", "Hostname: a.example.org", "0: 0100007F:0019 0:0 0A"} {
		f.Add(s)
	}
	paths := []string{
		"/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/opendkim.conf", "/etc/opendkim/KeyTable", "/etc/dkimpy-milter/dkimpy-milter.conf", "/etc/rspamd/local.d/dkim_signing.conf",
		"/etc/exim4/update-exim4.conf.conf", "/etc/exim4/exim4.conf.localmacros", "/etc/hosts", "/etc/resolv.conf", "/proc/net/tcp", "/proc/net/udp6", "/proc/meminfo",
	}
	suites := []string{"/opt/mailcow-dockerized/mailcow.conf", "/mailu/mailu.env", "/opt/docker-mailserver/mailserver.env", "/home/mox/config/mox.conf", "/home/mox/config/domains.conf", "/etc/stalwart/config.toml"}
	f.Fuzz(func(t *testing.T, text string) {
		for _, list := range [][]string{paths, suites} {
			m := make(fstest.MapFS)
			for _, p := range list {
				m[p[1:]] = &fstest.MapFile{Data: []byte(text)}
			}
			h := Read(t.Context(), System{Files: m, Run: said{"exim4 -bpr": text, "postqueue -j": text}, Now: time.Now}, []string{"example.org"})
			if _, err := json.Marshal(h); err != nil {
				t.Error(err)
			}
			for _, k := range h.Keys {
				if (k.Public == nil) == (k.Fault == "") {
					t.Errorf("a key with neither or both: %+v", k)
				}
			}
		}
	})
}
