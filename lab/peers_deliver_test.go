//go:build linux

package lab_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// held is the option of smtpd that keeps every message in the queue, as it came.
const held = "{smtpd_data_restrictions=check_client_access static:HOLD}"

// secured makes every answer of a zone secure.
type secured struct{ *resolve.Zone }

func (s secured) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	answer, err := s.Resolve(ctx, q)
	return resolve.Proof{Security: resolve.Secure, Answer: answer}, err
}

// TestPeersDeliver: a real Postfix takes what mta/deliver sends, over STARTTLS
// that DANE, a relay's settings or nothing asks for, as exactly one message with
// exactly those lines, whatever stands in it.
func TestPeersDeliver(t *testing.T) {
	mta := newPostfix(t)
	postcat := peertest.Program(t, "postcat")
	ca := newCA(t)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Root())
	cert := issue(t, ca, smtpscript.Certificate{Names: []string{"mx.example.org"}})
	own, err := ca.Issue(smtpscript.Certificate{Names: []string{"elsewhere.example.org"}, SelfSigned: true})
	if err != nil {
		t.Fatal(err)
	}
	trusted := mta.present(t, "example.org", "mx.example.org", cert, held)
	selfSigned := mta.present(t, "example.com", "mx.example.com", own, held)
	relay := mta.present(t, "relay.example", "mx.example.org", cert, held, "mynetworks=127.0.0.0/8", "smtpd_relay_restrictions=permit_mynetworks,reject")
	var logins [2]string
	for i, mechanism := range []string{"PLAIN", "LOGIN"} {
		logins[i] = mta.present(t, "relay.example", "mx.example.org", cert, held, "smtpd_sasl_auth_enable=yes", "smtpd_sasl_type=dovecot",
			"smtpd_sasl_path=inet:"+authServer(t, mechanism, "user", "p\xc3\xa4ss word"), "smtpd_tls_auth_only=yes", "smtpd_relay_restrictions=permit_sasl_authenticated,reject")
	}
	plain := mta.present(t, "example.net", "mx.example.net", cert, held, "smtpd_tls_security_level=none", "{smtpd_discard_ehlo_keywords=pipelining, 8bitmime, dsn}")
	mta.start(t)

	tlsa, err := dane.Of(own.Certificate[0], dane.EE, dane.Key, dane.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	other, err := dane.Of(cert.Certificate[0], dane.EE, dane.Key, dane.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	zone := func(domain string, tlsa ...dane.Record) secured {
		mx := "mx." + domain + "."
		records := []record.Record{record.MX(domain+".", 10, mx), record.Address(mx, netip.MustParseAddr("127.0.0.1"))}
		for _, r := range tlsa {
			records = append(records, record.Record{Name: dane.Name(mx), Type: "TLSA", Data: r.String()})
		}
		return secured{resolve.NewZone(records)}
	}
	body := func(lines string) string {
		return "From: a@sender.example\r\nTo: b@example.org\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\nSubject: test\r\n\r\n" + lines
	}
	open := &deliver.Relay{Host: "mx.example.org"}
	login := &deliver.Relay{Host: "mx.example.org", User: "user", Password: "p\xc3\xa4ss word"}
	wrong := &deliver.Relay{Host: "mx.example.org", User: "user", Password: "guess"}
	for _, test := range []struct {
		name, domain, address string
		zone                  secured
		relay                 *deliver.Relay
		message               string
		want                  string // of the result
		policy                deliver.Source
	}{
		{"opportunistic, self-signed", "example.com", selfSigned, zone("example.com"), nil, body("hello\r\n"), "delivered", deliver.Opportunistic},
		{"DANE, self-signed", "example.com", selfSigned, zone("example.com", tlsa), nil, body("hello\r\n"), "delivered", deliver.DANE},
		{"DANE, of another key", "example.com", selfSigned, zone("example.com", other), nil, body("hello\r\n"), "temporary", deliver.DANE},
		{"verified relay", "example.org", relay, zone("example.org"), open, body("hello\r\n"), "delivered", deliver.Configured},
		{"relay with PLAIN", "example.org", logins[0], zone("example.org"), login, body("hello\r\n"), "delivered", deliver.Configured},
		{"relay with LOGIN", "example.org", logins[1], zone("example.org"), login, body("hello\r\n"), "delivered", deliver.Configured},
		{"relay, wrong password", "example.org", logins[0], zone("example.org"), wrong, body("hello\r\n"), "temporary", deliver.Configured},
		{"relay, no login", "example.org", logins[0], zone("example.org"), open, body("hello\r\n"), "permanent", deliver.Configured},
		{"relay of another name", "example.org", selfSigned, zone("example.org"), open, body("hello\r\n"), "temporary", deliver.Configured},
		{"no TLS, no pipelining", "example.net", plain, zone("example.net"), nil, body("hello\r\n"), "delivered", deliver.Opportunistic},
		{"8 bits, not offered", "example.net", plain, zone("example.net"), nil, body("h\xc3\xa4\r\n"), "permanent", deliver.Opportunistic},
		{"8 bits", "example.org", trusted, zone("example.org"), nil, body("h\xc3\xa4\r\n"), "delivered", deliver.Opportunistic},
		{"dots", "example.org", trusted, zone("example.org"), nil, body(".\r\n..\r\n.x\r\n\r\n.\r\n"), "delivered", deliver.Opportunistic},
		{"commands behind a dot", "example.org", trusted, zone("example.org"), nil, body("x\r\n.\r\nMAIL FROM:<e@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\n"), "delivered", deliver.Opportunistic},
		{"no body", "example.org", trusted, zone("example.org"), nil, body(""), "delivered", deliver.Opportunistic},
		{"long lines", "example.org", trusted, zone("example.org"), nil, body(strings.Repeat("x", 998) + "\r\n"), "delivered", deliver.Opportunistic},
		{"large", "example.org", trusted, zone("example.org"), nil, body(strings.Repeat(".line\r\n", 100000)), "delivered", deliver.Opportunistic},
		{"LF.LF", "example.org", trusted, zone("example.org"), nil, body("x\n.\nMAIL FROM:<e@example.org>\r\n"), "permanent", 0},
		{"LF.CRLF", "example.org", trusted, zone("example.org"), nil, body("x\n.\r\nMAIL FROM:<e@example.org>\r\n"), "permanent", 0},
		{"CRLF.LF", "example.org", trusted, zone("example.org"), nil, body("x\r\n.\nMAIL FROM:<e@example.org>\r\n"), "permanent", 0},
		{"CR.CR", "example.org", trusted, zone("example.org"), nil, body("x\r.\rMAIL FROM:<e@example.org>\r\n"), "permanent", 0},
		{"CRLF.CR CRLF", "example.org", trusted, zone("example.org"), nil, body("x\r\n.\r\r\nMAIL FROM:<e@example.org>\r\n"), "permanent", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := mta.holds(t)
			s := &deliver.Sender{
				DNS: test.zone, Security: test.zone, Refuse: func(netip.Addr) string { return "" },
				Client: client.Client{Name: "out.sender.example", Roots: roots, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, test.address)
				}},
			}
			if test.relay != nil {
				s.Routes = deliver.Routes{Relays: map[string]deliver.Relay{"smart": *test.relay}, Rules: []deliver.Rule{{Relay: "smart"}}}
			}
			report := s.Deliver(t.Context(), deliver.Job{
				Destination: test.domain, From: "a@sender.example", Rcpts: []client.Rcpt{{Addr: "b@" + test.domain}, {Addr: "c@" + test.domain}},
				Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(test.message)), nil },
			})
			for _, r := range report.Results {
				if r.Status.String() != test.want {
					t.Errorf("%s: %s (%s), want %s", r.Addr, r.Status, r.Text, test.want)
				}
			}
			for _, session := range report.Sessions {
				if session.Policy.Source != test.policy {
					t.Errorf("policy %s", session.Policy)
				}
			}
			fresh := slices.DeleteFunc(mta.holds(t), func(id string) bool { return slices.Contains(before, id) })
			if test.want != "delivered" {
				if len(fresh) != 0 {
					t.Errorf("Postfix took %v", fresh)
				}
				return
			}
			if len(fresh) != 1 {
				t.Fatalf("Postfix took %d messages", len(fresh))
			}
			raw, err := exec.Command(postcat, "-c", filepath.Join(mta.dir, "etc"), "-bh", "-q", fresh[0]).Output()
			if err != nil {
				t.Fatal(err)
			}
			// What it puts in front is its own.
			if want := strings.ReplaceAll(test.message, "\r\n", "\n"); !strings.HasSuffix(string(raw), want) {
				t.Errorf("Postfix has\n%s", raw[max(0, len(raw)-2000):])
			}
		})
	}
	t.Run("ten messages in one conversation", func(t *testing.T) {
		before := mta.holds(t)
		s := &deliver.Sender{
			DNS: zone("example.com", tlsa), Security: zone("example.com", tlsa), Refuse: func(netip.Addr) string { return "" }, Pool: new(deliver.Pool),
			Client: client.Client{Name: "out.sender.example", Roots: roots, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, selfSigned)
			}},
		}
		defer s.Pool.Close()
		for n := range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			report := s.Deliver(ctx, deliver.Job{
				Destination: "example.com", From: "a@sender.example", Rcpts: []client.Rcpt{{Addr: "b@example.com"}},
				Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body("hello\r\n"))), nil },
			})
			cancel()
			if r := report.Results[0]; r.Status != deliver.Delivered || report.Sessions[0].Before != n || report.Sessions[0].Policy.Source != deliver.DANE {
				t.Errorf("%d: %s, after %d", n, r.Text, report.Sessions[0].Before)
			}
		}
		if fresh := slices.DeleteFunc(mta.holds(t), func(id string) bool { return slices.Contains(before, id) }); len(fresh) != 10 {
			t.Errorf("Postfix took %d messages", len(fresh))
		}
	})
}

// holds is the IDs of the messages that Postfix keeps.
func (p *postfix) holds(t *testing.T) []string {
	t.Helper()
	var ids []string
	entries, err := os.ReadDir(filepath.Join(p.dir, "queue", "hold"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids
}

// authServer knows one user and one mechanism, and tells Postfix so in the protocol
// of Dovecot's authentication server. It returns where it listens.
func authServer(t *testing.T, mechanism, user, password string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
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
			go authenticate(conn, mechanism, user, password)
		}
	}()
	return listener.Addr().String()
}

func authenticate(conn net.Conn, mechanism, user, password string) {
	defer conn.Close()
	fmt.Fprintf(conn, "VERSION\t1\t2\nMECH\t%s\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n", mechanism)
	var given []string // what was answered so far
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 3 || fields[0] != "AUTH" && fields[0] != "CONT" {
			continue
		}
		answer, _ := strings.CutPrefix(fields[len(fields)-1], "resp=")
		if fields[0] == "AUTH" {
			given = nil
		}
		if text, err := base64.StdEncoding.DecodeString(answer); err == nil && (fields[0] == "CONT" || strings.Contains(lines.Text(), "resp=")) {
			given = append(given, string(text))
		}
		switch said := strings.Join(given, "\x00"); {
		case mechanism == "LOGIN" && len(given) < 2:
			fmt.Fprintf(conn, "CONT\t%s\t%s\n", fields[1], base64.StdEncoding.EncodeToString([]byte([]string{"Username:", "Password:"}[len(given)])))
		case said == user+"\x00"+password || said == "\x00"+user+"\x00"+password:
			fmt.Fprintf(conn, "OK\t%s\tuser=%s\n", fields[1], user)
		default:
			fmt.Fprintf(conn, "FAIL\t%s\tuser=%s\n", fields[1], user)
		}
	}
}
