package probe_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// client is a conversation of a mail program with a scripted host.
func client(t *testing.T, script string, service probe.Service, port uint16) (probe.Session, [][]string) {
	t.Helper()
	s, err := smtpscript.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.At(port)
	prober := &probe.Prober{RootCAs: ca.Pool(), Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return s.Connect(ctx, smtpscript.Options{CA: ca})
	}}
	target := target
	target.Port, target.Service = port, service
	target.ImplicitTLS = port == 465 || port == 993 || port == 995
	session := prober.Converse(t.Context(), target)
	synctest.Wait()
	return session, s.Sent()
}

func TestClientConversations(t *testing.T) {
	const sieve = "\"IMPLEMENTATION\" \"x\"\n\"SASL\" \"\"\n\"STARTTLS\"\nOK \"ready\""
	tests := []struct {
		name    string
		service probe.Service
		port    uint16
		script  string
		stages  string
		err     string
		clear   string // LoginInClear
		sent    string
	}{
		{"IMAP over TLS", probe.IMAP, 993, "* OK ready", "connect tls banner quit", "", "", "a3 LOGOUT"},
		{"POP3 over TLS", probe.POP3, 995, "+OK ready", "connect tls banner quit", "", "", "QUIT"},
		{"submission over TLS", probe.Submission, 465, "220 mx.example.org ESMTP", "connect tls banner quit", "", "", "QUIT"},
		{"IMAP", probe.IMAP, 143, "* OK ready", "connect banner capability starttls tls quit", "", "", "a1 CAPABILITY|a2 STARTTLS|a3 LOGOUT"},
		{"POP3", probe.POP3, 110, "+OK ready", "connect banner capability starttls tls quit", "", "", "CAPA|STLS|QUIT"},
		{"ManageSieve", probe.ManageSieve, 4190, sieve, "connect banner starttls tls quit", "", "", "STARTTLS|LOGOUT"},
		{"submission", probe.Submission, 587, "220 mx.example.org ESMTP", "connect banner ehlo starttls tls quit", "", "", "EHLO probe.example.net|STARTTLS|QUIT"},
		{"IMAP without TLS", probe.IMAP, 143, "!no-starttls\n* OK ready", "connect banner capability quit", "", "AUTH PLAIN", "a1 CAPABILITY|a3 LOGOUT"},
		{"IMAP that lets in", probe.IMAP, 143, "* OK ready\nCAPABILITY\n* CAPABILITY IMAP4rev1 STARTTLS\nTAG OK done", "connect banner capability starttls tls quit", "", "LOGIN", "a1 CAPABILITY|a2 STARTTLS|a3 LOGOUT"},
		{"POP3 that lets in", probe.POP3, 110, "+OK ready\nCAPA\n+OK\nUSER\nSTLS\n.", "connect banner capability starttls tls quit", "", "USER", "CAPA|STLS|QUIT"},
		{"POP3 without CAPA", probe.POP3, 110, "+OK ready\nCAPA\n-ERR what", "connect banner capability starttls tls quit", "", "", "CAPA|STLS|QUIT"},
		{"ManageSieve that lets in", probe.ManageSieve, 4190, strings.Replace(sieve, `"SASL" ""`, `"SASL" "PLAIN LOGIN"`, 1), "connect banner starttls tls quit", "", "SASL PLAIN", "STARTTLS|LOGOUT"},
		{"submission that lets in", probe.Submission, 587, "220 mx\nEHLO\n250-mx\n250-AUTH CRAM-MD5 PLAIN\n250 STARTTLS", "connect banner ehlo starttls tls quit", "", "AUTH PLAIN", "EHLO probe.example.net|STARTTLS|QUIT"},
		{"a challenge is no secret", probe.Submission, 587, "220 mx\nEHLO\n250-mx\n250-AUTH CRAM-MD5\n250 STARTTLS", "connect banner ehlo starttls tls quit", "", "", "EHLO probe.example.net|STARTTLS|QUIT"},
		{"IMAP that is full", probe.IMAP, 993, "* BYE too many", "connect tls banner quit", `banner: refusal ("* BYE too many")`, "", "a3 LOGOUT"},
		{"TLS is refused", probe.IMAP, 143, "* OK ready\nSTARTTLS\nTAG NO later", "connect banner capability starttls quit", `starttls: refusal ("a2 NO later")`, "", "a1 CAPABILITY|a2 STARTTLS|a3 LOGOUT"},
		{"SMTP at the port of IMAP", probe.IMAP, 993, "220 mx.example.org ESMTP", "connect tls banner", "banner: not what the protocol has (an unexpected line)", "", ""},
		{"clear text at the port of TLS", probe.IMAP, 993, "!clear\n* OK ready", "connect tls", "tls: TLS handshake failed", "", ""},
		{"garbage in place of TLS", probe.POP3, 995, "!tls-fail\n+OK", "connect tls", "tls: TLS handshake failed", "", ""},
		{"refused", probe.IMAP, 993, "!refuse", "connect", "connect: connection refused", "", ""},
		{"silent", probe.IMAP, 143, "!silent", "connect banner quit", "banner: timed out (no complete answer within 30s)", "", "a3 LOGOUT"},
		{"without end", probe.IMAP, 143, "!flood\n* OK", "connect banner", "banner: not what the protocol has (a line of more than 2048 octets)", "", ""},
		{"hangs up", probe.IMAP, 143, "!close", "connect banner", "banner: connection closed", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sent := client(t, tt.script, tt.service, tt.port)
				got := ""
				if s.Err != nil {
					got = s.Err.Error()
				}
				if tt.err == "" && got != "" || !strings.HasPrefix(got, tt.err) {
					t.Errorf("ended with %q, want %q", got, tt.err)
				}
				if stages(s) != tt.stages {
					t.Errorf("stages %s, want %s", stages(s), tt.stages)
				}
				if s.LoginInClear() != tt.clear {
					t.Errorf("lets in by %q in clear text, want %q", s.LoginInClear(), tt.clear)
				}
				var lines string
				if len(sent) > 0 {
					lines = strings.Join(sent[0], "|")
				}
				if lines != tt.sent && tt.name != "clear text at the port of TLS" {
					t.Errorf("sent %q, want %q", lines, tt.sent)
				}
				if strings.Contains(tt.stages, " tls ") && (s.TLS == nil || !s.TLS.Trusted() || s.TLS.NameFault != "") {
					t.Errorf("TLS %v", s.TLS)
				}
				if e := s.Evidence(); !strings.HasPrefix(e.Question, tt.service.String()+" 192.0.2.25:") {
					t.Errorf("evidence of %q", e.Question)
				}
			})
		})
	}
}

// FuzzClient talks to a server that says anything, in each protocol. It never
// sends more than it has to.
func FuzzClient(f *testing.F) {
	f.Add(byte(2), []byte("* OK hi\r\n\xfe* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n\xfea2 OK\r\n\xfe\x16\x03\x03\x00\x02\x02\x28"))
	f.Add(byte(3), []byte("+OK hi\r\n\xfe+OK\r\nSTLS\r\n.\r\n\xfe+OK\r\n\xfex"))
	f.Add(byte(4), []byte("\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\nOK\r\n\xfeOK\r\n\xfe\xfe"))
	f.Add(byte(1), []byte("220 mx\r\n\xfe250-mx\r\n250 STARTTLS\r\n\xfe220 go\r\n\xfe"))
	f.Fuzz(func(t *testing.T, service byte, said []byte) {
		synctest.Test(t, func(t *testing.T) {
			var heard []string
			prober := &probe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go parrot(server, strings.Split(string(said), "\xfe"), &heard)
				return client, nil
			}}
			target := target
			target.Service = probe.Service(service%4) + probe.Submission
			start := time.Now()
			s := prober.Converse(t.Context(), target)
			if took := time.Since(start); took > probe.DefaultTimeouts().Total+time.Second {
				t.Errorf("took %v", took)
			}
			synctest.Wait()
			for _, line := range heard {
				for _, secret := range []string{"LOGIN", "AUTH", "USER", "PASS"} {
					if strings.Contains(strings.ToUpper(line), secret) && !strings.HasPrefix(line, "\x16") {
						t.Errorf("sent %q", line)
					}
				}
			}
			s.LoginInClear()
			s.Evidence()
		})
	})
}
