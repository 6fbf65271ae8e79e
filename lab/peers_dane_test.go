//go:build linux

package lab_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// What a sender that knows DANE makes of a host.
const (
	matches  = "matches"         // what it shows is what a TLSA record names
	refuses  = "refuses"         // a sender does not deliver there
	unheeded = "does not matter" // nobody goes by its TLSA records
)

// A daneCase is a domain with one mail host, what that shows, and what is
// published about it.
type daneCase struct {
	name     string
	cert     smtpscript.Certificate // for the host's name unless it says another
	withRoot bool                   // the chain goes up to the authority
	noTLS    bool                   // the host knows no STARTTLS
	unsigned bool                   // the zone of the domain is
	secured  bool                   // the host is in the signed zone all the same
	tlsa     []published
	want     string

	domain, host, address string
	chain                 [][]byte
	records               []string
}

// published is one TLSA record: of which certificate of the chain it is, or of
// one that nobody shows.
type published struct {
	of       int // index into the chain; -1 is another certificate
	usage    dane.Usage
	selector dane.Selector
	matching dane.Matching
}

// daneCases are those that RFC 7671 and RFC 7672 tell apart.
var daneCases = []*daneCase{
	{name: "3 1 1", tlsa: []published{{0, 3, 1, 1}}, want: matches},
	{name: "3 0 1", tlsa: []published{{0, 3, 0, 1}}, want: matches},
	{name: "3 1 2", tlsa: []published{{0, 3, 1, 2}}, want: matches},
	{name: "3 1 0, the whole key", tlsa: []published{{0, 3, 1, 0}}, want: matches},
	{name: "3 1 1 of another key", tlsa: []published{{-1, 3, 1, 1}}, want: refuses},
	{name: "the next key's record before this one's", tlsa: []published{{-1, 3, 1, 1}, {0, 3, 1, 1}}, want: matches},
	{name: "3 1 1, expired", tlsa: []published{{0, 3, 1, 1}}, cert: smtpscript.Certificate{Expired: true}, want: matches},
	{name: "3 1 1, self-signed", tlsa: []published{{0, 3, 1, 1}}, cert: smtpscript.Certificate{SelfSigned: true}, want: matches},
	{name: "3 1 1, for another name", tlsa: []published{{0, 3, 1, 1}}, cert: smtpscript.Certificate{Names: []string{"www.example.com"}}, want: matches},
	{name: "2 1 1", tlsa: []published{{1, 2, 1, 1}}, withRoot: true, want: matches},
	{name: "2 0 1", tlsa: []published{{1, 2, 0, 1}}, withRoot: true, want: matches},
	{name: "2 1 1, the authority not shown", tlsa: []published{{1, 2, 1, 1}}, want: refuses},
	{name: "2 1 1, for another name", tlsa: []published{{1, 2, 1, 1}}, withRoot: true, cert: smtpscript.Certificate{Names: []string{"www.example.com"}}, want: refuses},
	{name: "2 1 1, expired", tlsa: []published{{1, 2, 1, 1}}, withRoot: true, cert: smtpscript.Certificate{Expired: true}, want: refuses},
	{name: "2 1 1 of another authority", tlsa: []published{{-1, 2, 1, 1}}, withRoot: true, want: refuses},
	{name: "2 1 1 of another authority beside 3 1 1", tlsa: []published{{-1, 2, 1, 1}, {0, 3, 1, 1}}, withRoot: true, want: matches},
	{name: "1 1 1, which SMTP does not use", tlsa: []published{{0, 1, 1, 1}}, want: unheeded},
	{name: "0 0 1 of another, which SMTP does not use", tlsa: []published{{-1, 0, 0, 1}}, want: unheeded},
	{name: "1 1 1 beside 3 1 1 of another key", tlsa: []published{{0, 1, 1, 1}, {-1, 3, 1, 1}}, want: refuses},
	{name: "none", want: unheeded},
	{name: "3 1 1 of another key in an unsigned zone", unsigned: true, tlsa: []published{{-1, 3, 1, 1}}, want: unheeded},
	{name: "3 1 1, by an MX record that is not secure", unsigned: true, secured: true, tlsa: []published{{0, 3, 1, 1}}, want: matches},
	{name: "3 1 1 of another key, by an MX record that is not secure", unsigned: true, secured: true, tlsa: []published{{-1, 3, 1, 1}}, want: refuses},
	{name: "3 1 1 and no STARTTLS", tlsa: []published{{0, 3, 1, 1}}, noTLS: true, want: refuses},
}

// TestPeersDANE: over a zone that BIND's tools sign, that BIND serves and unbound
// validates, dane.chain-match says of real TLS servers what Postfix's
// posttls-finger says at the security level "dane", and of chains what openssl
// s_client says with the same records; and mta/deliver sends, or does not, so.
func TestPeersDANE(t *testing.T) {
	finger, openssl := peertest.Program(t, "posttls-finger"), peertest.Program(t, "openssl")
	servers := newNameServers(t)
	peertest.Program(t, "dnssec-keygen")
	peertest.Program(t, "dnssec-signzone")
	if !inside(t) {
		return
	}
	ca := newCA(t)
	for i, c := range daneCases {
		c.begin(t, ca, i)
	}
	anchor := servers.startSigned(t, daneCases)
	for _, c := range daneCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got, said := c.examine(t, ca, anchor); got != c.want {
				t.Errorf("dane.chain-match: %s, want %s: %s", got, c.want, said)
			}
			if got, said := c.send(t, ca, anchor); got != c.want {
				t.Errorf("mta/deliver: %s, want %s: %s", got, c.want, said)
			}
			if got, said := c.finger(t, finger); got != c.want {
				t.Errorf("posttls-finger: %s, want %s:\n%s", got, c.want, said)
			}
			if got, said := c.sClient(t, openssl); got != c.want {
				t.Errorf("openssl s_client: %s, want %s:\n%s", got, c.want, said)
			}
		})
	}
}

// begin gives the case its names, its certificate and its records, and serves it.
func (c *daneCase) begin(t *testing.T, ca *smtpscript.CA, i int) {
	t.Helper()
	zone := "example.org"
	if c.unsigned {
		zone = "example.net"
	}
	c.domain = fmt.Sprintf("case%d.%s", i, zone)
	c.host = "mx." + c.domain
	if c.secured {
		c.host = fmt.Sprintf("mx.case%d.example.org", i)
	}
	c.address = fmt.Sprintf("192.0.2.%d:25", 10+i)
	if len(c.cert.Names) == 0 {
		c.cert.Names = []string{c.host}
	}
	cert := issue(t, ca, c.cert)
	other, err := ca.Issue(smtpscript.Certificate{Names: []string{"another.example.com"}, SelfSigned: true})
	if err != nil {
		t.Fatal(err)
	}
	whole := append(cert.Certificate[:1:1], ca.Root().Raw)
	if c.withRoot {
		cert.Certificate = whole
	}
	c.chain = cert.Certificate
	for _, p := range c.tlsa {
		der := other.Certificate[0]
		if p.of >= 0 {
			der = whole[p.of]
		}
		r, err := dane.Of(der, p.usage, p.selector, p.matching)
		if err != nil {
			t.Fatal(err)
		}
		c.records = append(c.records, r.String())
	}
	listener, err := net.Listen("tcp", c.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveSMTP(conn, c.host, cert, !c.noTLS)
		}
	}()
}

// serveSMTP is as much of a mail host as it takes to get to know its certificate.
func serveSMTP(conn net.Conn, host string, cert tls.Certificate, startTLS bool) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	fmt.Fprintf(conn, "220 %s ESMTP\r\n", host)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); {
		case verb == "EHLO" && startTLS:
			fmt.Fprintf(conn, "250-%s\r\n250 STARTTLS\r\n", host)
		case verb == "STARTTLS" && startTLS:
			fmt.Fprint(conn, "220 go ahead\r\n")
			secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
			if secure.Handshake() != nil {
				return
			}
			conn, in, startTLS = secure, bufio.NewReader(secure), false
		case verb == "DATA":
			fmt.Fprint(conn, "354 go ahead\r\n")
			for err == nil && line != ".\r\n" {
				line, err = in.ReadString('\n')
			}
			fmt.Fprint(conn, "250 ok\r\n")
		case verb == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

// startSigned serves the cases' zones, of which the root and example.org are
// signed, by named, and has unbound validate above it at 127.0.0.1:53. It
// returns the DS record of the root.
func (n nameServers) startSigned(t *testing.T, cases []*daneCase) record.Record {
	t.Helper()
	dir := peertest.Folder(t)
	head := func(origin string) string {
		return "$TTL 300\n$ORIGIN " + origin + "\n@ SOA ns.example.net. host.example.net. 1 3600 600 86400 300\n@ NS ns.example.net.\n"
	}
	zones := map[string]string{"example.org.": head("example.org."), "example.net.": head("example.net.") + "ns A 127.0.0.1\n"}
	for _, c := range cases {
		zone, hostZone := "example.org.", "example.org."
		if c.unsigned {
			zone = "example.net."
		}
		if !c.secured {
			hostZone = zone
		}
		address, _, _ := strings.Cut(c.address, ":")
		zones[zone] += fmt.Sprintf("%s. MX 10 %s.\n", c.domain, c.host)
		zones[hostZone] += fmt.Sprintf("%s. A %s\n", c.host, address)
		for _, r := range c.records {
			zones[hostZone] += fmt.Sprintf("_25._tcp.%s. TLSA %s\n", c.host, r)
		}
	}
	for origin, text := range zones {
		peertest.Write(t, filepath.Join(dir, origin+"zone"), text)
	}
	ds := sign(t, dir, "example.org.", "zone")
	peertest.Write(t, filepath.Join(dir, "root"), head(".")+"example.net. NS ns.example.net.\nns.example.net. A 127.0.0.1\nexample.org. NS ns.example.net.\n"+ds)
	anchor := strings.Fields(sign(t, dir, ".", "root"))
	trust := strings.Join(anchor[3:6], " ") + " " + strings.Join(anchor[6:], "")

	conf := filepath.Join(dir, "named.conf")
	peertest.Write(t, conf, fmt.Sprintf(namedConf, dir, "127.0.0.1", "5300")+fmt.Sprintf(`zone "." { type primary; file "%[1]s/root.signed"; };
zone "example.org." { type primary; file "%[1]s/example.org.zone.signed"; };
zone "example.net." { type primary; file "%[1]s/example.net.zone"; };
`, dir))
	named := peertest.Start(t, exec.Command(n.named, "-f", "-g", "-4", "-n", "1", "-c", conf), nil)
	text := fmt.Sprintf(unboundConf, "127.0.0.1", "53", "127.0.0.1@5300", dir, "\ttrust-anchor: \". DS "+trust+"\"\n")
	peertest.Write(t, filepath.Join(dir, "unbound.conf"), strings.Replace(text, `module-config: "iterator"`, `module-config: "validator iterator"`, 1))
	unbound := peertest.Start(t, exec.Command(n.unbound, "-d", "-p", "-c", filepath.Join(dir, "unbound.conf")), nil)
	named.Await(t, func() error { return answers("127.0.0.1:5300") })
	unbound.Await(t, func() error { return answers("127.0.0.1:53") })
	return record.Record{Name: ".", Type: "DS", Data: trust}
}

// sign signs the zone in a file and returns its DS records.
func sign(t *testing.T, dir, origin, suffix string) string {
	t.Helper()
	file := filepath.Join(dir, suffix)
	if suffix == "zone" {
		file = filepath.Join(dir, origin+suffix)
	}
	for _, args := range [][]string{
		{peertest.Program(t, "dnssec-keygen"), "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", dir, origin},
		{peertest.Program(t, "dnssec-signzone"), "-S", "-P", "-z", "-o", origin, "-K", dir, "-d", dir, "-f", file + ".signed", file},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		peertest.Run(t, cmd)
	}
	ds, err := os.ReadFile(filepath.Join(dir, "dsset-"+origin))
	if err != nil {
		t.Fatal(err)
	}
	return string(ds)
}

// examine is what dane.chain-match says.
func (c *daneCase) examine(t *testing.T, ca *smtpscript.CA, anchor record.Record) (verdict, said string) {
	t.Helper()
	list, err := checks.Select(suite.All(), []string{"dane.chain-match"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := resolve.ParseServer("127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	client := resolve.NewClient(resolve.Options{Servers: []resolve.Server{server}})
	defer client.Close()
	env := &checks.Env{
		Domain: c.domain + ".", DNS: resolve.NewMemo(t.Context(), client), Now: time.Now, Lab: true,
		SMTP:     &probe.Prober{RootCAs: ca.Pool()},
		Security: resolve.NewValidator(t.Context(), client, resolve.SecureOptions{Anchors: []record.Record{anchor}}),
	}
	r := checks.Run(t.Context(), env, list, nil)[0]
	said = fmt.Sprintf("%v %s %v %v", r.Outcome, r.Reason, r.Seen, r.Findings)
	switch {
	case r.Outcome == diagnosis.Failed && r.Severity == map[bool]diagnosis.Severity{false: diagnosis.Critical, true: diagnosis.Warning}[c.unsigned]:
		return refuses, said // all senders that know DANE, or those that go by it even so (RFC 7672, 2.2.1)
	case r.Outcome == diagnosis.Passed && strings.Contains(said, "matches TLSA"):
		return matches, said
	case r.Outcome == diagnosis.Passed:
		return unheeded, said
	}
	return r.Outcome.String(), said
}

// send is what comes of a message that mta/deliver sends.
func (c *daneCase) send(t *testing.T, ca *smtpscript.CA, anchor record.Record) (verdict, said string) {
	t.Helper()
	server, err := resolve.ParseServer("127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	dns := resolve.NewClient(resolve.Options{Servers: []resolve.Server{server}})
	defer dns.Close()
	s := &deliver.Sender{
		DNS: dns, Security: resolve.NewValidator(t.Context(), dns, resolve.SecureOptions{Anchors: []record.Record{anchor}}),
		Client: client.Client{Name: "probe.example.net", Roots: ca.Pool()}, Refuse: func(netip.Addr) string { return "" }, IPv4: true,
	}
	report := s.Deliver(t.Context(), deliver.Job{
		Destination: c.domain, From: "a@example.net", Rcpts: []client.Rcpt{{Addr: "b@" + c.domain}},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("Subject: test\r\n\r\n")), nil },
	})
	r := report.Results[0]
	said = fmt.Sprintf("%s %d %s %s", r.Status, r.Code, r.Enhanced, r.Text)
	for _, session := range report.Sessions {
		said += "; " + session.Policy.String()
	}
	switch {
	case r.Status == deliver.Temporary && strings.HasPrefix(r.Enhanced, "4.7."):
		return refuses, said
	case r.Status == deliver.Delivered && report.Sessions[0].Policy.Source == deliver.DANE && report.Sessions[0].Policy.Least == deliver.Verified:
		return matches, said
	case r.Status == deliver.Delivered:
		return unheeded, said
	}
	return r.Status.String(), said
}

// finger is what Postfix's client says, as it would deliver.
func (c *daneCase) finger(t *testing.T, program string) (verdict, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	etc := t.TempDir()
	peertest.Write(t, filepath.Join(etc, "main.cf"), "compatibility_level = 3.6\ninet_protocols = ipv4\nmyhostname = probe.example.net\nsmtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\n")
	cmd := exec.CommandContext(ctx, program, "-c", "-l", "dane", "-L", "routine,dane", "-o", "inet_protocols=ipv4", c.domain)
	cmd.Env = append(os.Environ(), "MAIL_CONFIG="+etc)
	out, err := cmd.CombinedOutput()
	said = string(out)
	switch bound := strings.Contains(said, "DNSSEC-signed TLSA record: "); { // one that is usable
	case err != nil:
		return err.Error(), said
	case !bound:
		return unheeded, said
	case strings.Contains(said, "Verified TLS connection established to "+c.host),
		// it matches, but who the host is nobody vouches for
		strings.Contains(said, "MX RRset insecure: log verified as trusted") && strings.Contains(said, "Trusted TLS connection established to "+c.host):
		return matches, said
	}
	return refuses, said
}

// sClient is what openssl says of the chain by itself. It knows neither DNSSEC nor
// what SMTP makes of usages 0 and 1, so it is only asked where there is no doubt.
func (c *daneCase) sClient(t *testing.T, program string) (verdict, said string) {
	t.Helper()
	if c.want == unheeded || c.noTLS {
		return c.want, ""
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	args := []string{"s_client", "-connect", c.address, "-starttls", "smtp", "-name", "probe.example.net", "-brief", "-verify_return_error",
		"-no-CApath", "-no-CAstore", "-no-CAfile", "-servername", c.host, "-dane_tlsa_domain", c.host, "-dane_ee_no_namechecks"}
	for i, r := range c.records {
		if c.tlsa[i].usage >= dane.TA {
			args = append(args, "-dane_tlsa_rrdata", r)
		}
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader("QUIT\r\n")
	out, err := cmd.CombinedOutput()
	if err == nil && strings.Contains(string(out), "Verification: OK") {
		return matches, string(out)
	}
	return refuses, string(out)
}
