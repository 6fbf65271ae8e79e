package desired

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMTA(t *testing.T) {
	s := state(t, readFile(t, "mta.yaml"))
	m := s.Server()
	if !reflect.DeepEqual(m, *s.MTA) {
		t.Error("what the file says in full has other defaults")
	}
	want := MTA{
		Hostname: "mail.example.com.", State: "/srv/mail", DMARC: Note, TestMailbox: On, Metrics: "127.0.0.1:9125",
		Listen:    Listen{MX: []string{"192.0.2.25:25", "[2001:db8:25::25]:25"}, Submission: []string{":587"}, Submissions: []string{":465"}},
		Certs:     []Cert{{"/etc/tls/a.pem", "/etc/tls/a.key"}, {"tls/b.pem", "tls/b.key"}},
		Mailboxes: []string{"info", "ann@example.com", "größe@xn--bcher-kva.example"},
		Aliases:   []Alias{{"*", "info"}, {"abuse", "postmaster"}, {"sales@example.com", "ann@example.com"}},
		Users: []User{
			{Name: "ann", PasswordFile: "ann.password", SendAs: []string{"ann@example.com", "@xn--bcher-kva.example"}},
			{Name: "ben@example.net", PasswordHash: "$2b$12$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV012345678"},
			{Name: "cy", PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"},
		},
		Relays: []Relay{
			{Name: "lan", Host: "192.0.2.1", TLS: "none"},
			{Name: "ses", Host: "email-smtp.eu-west-1.amazonaws.com", Port: 465, TLS: "implicit", User: "AKIA", PasswordFile: "/etc/maildoctor/ses.password"},
		},
		Routes: []Route{
			{To: []string{"gmail.com", ".example.org"}, Via: "ses"}, {Provider: "microsoft", Via: Direct}, {Fallback: "ses", After: 3, OnBlock: On},
		},
		WarmUp: &WarmUp{Start: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), First: 50, Last: 5000, Factor: 1.75},
		Limits: MTALimits{
			Message: 25 << 20, Recipients: 200, Sessions: 500, PerClient: 20, PerMinute: 60, Queue: 10000, QueueSize: 2 << 30,
			Free: 1000000 << 10, Mailbox: 1 << 30, GiveUp: 3 * 24 * time.Hour, DelayNotice: time.Hour,
		},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
	if got := s.Taken("mail.example.com."); !slices.Equal(got, []string{"example.com.", "xn--bcher-kva.example."}) {
		t.Errorf("mail.example.com takes the mail of %q", got)
	}
	if got := s.Taken("out.example.com."); !slices.Equal(got, []string{"xn--bcher-kva.example."}) {
		t.Errorf("out.example.com takes the mail of %q", got)
	}
}

func TestMTADefaults(t *testing.T) {
	for _, section := range []string{"", "mta: {}\n"} {
		m := state(t, "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains: {example.com: {profile: standard}}\n"+section).Server()
		want := MTA{Hostname: "mail.example.com.", State: DefaultState, DMARC: Apply, Listen: Listen{MX: []string{":25"}}}
		if !reflect.DeepEqual(m, want) {
			t.Errorf("%q: %+v", section, m)
		}
	}
	m := state(t, mtaFile("tls: {acme: {}}")).Server()
	if m.ACME == nil || *m.ACME != (ACME{}) {
		t.Errorf("acme: %+v", m.ACME)
	}
}

// mtaFile is a file of one host and two domains, the mail of one of which comes to it.
func mtaFile(lines string) string {
	return "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains:\n  example.com: {profile: standard}\n  example.net: {services: fastmail}\nmta:\n  " + strings.ReplaceAll(lines, "\n", "\n  ") + "\n"
}

func TestMTAProblems(t *testing.T) {
	const (
		tls    = "tls: {cert: a, key: b}\n"
		listen = "listen: {submissions: ':465'}\n"
		ann    = "users: {ann: {password-file: a}}\n"
	)
	for _, c := range []struct{ lines, want string }{
		{"listn: {}", "line 7:3: mta.listn: no such key; did you mean listen?"},
		{"hostname: mial.example.com", "line 7:3: mta.hostname: no host mial.example.com stands under hosts; did you mean mail.example.com?"},
		{"listen: {mx: 25}", `line 7:16: mta.listen.mx: "25" is no address with a port, such as ":25"`},
		{"listen: {mx: ':0'}", "has no port by which others find it"},
		{"listen: {mx: none}", "mta.listen: it listens nowhere"},
		{"listen: {mx: ':smtp'}", "is no address with a port"},
		{"listen: {mx: [':25', ':25']}", "stands twice"},
		{tls + ann + "listen: {mx: ':25', submission: ':25'}", "mta.listen: :25 stands twice, and one port is for one thing"},
		{tls + listen, "mta.listen: nobody can log in at :465: write users"},
		{tls + ann, "line 8:3: mta.users: they have no port to log in at"},
		{ann + listen, "mta.listen: users log in at :465 over TLS, which needs a certificate"},
		{"tls: {cert: a}", "a certificate is two files, cert and key"},
		{"tls: {cert: a, acme: {}}", "mta.tls.cert: no such key; there is acme"},
		{"tls: [{cert: a, key: b}, {certs: a, key: b}]", "mta.tls.certs: no such key; did you mean cert?"},
		{"tls: {acme: {directory: 'http://a.example/'}}", "is no https: URL"},
		{"tls: {acme: {email: x}}", "is not a mail address"},
		{"tls: {acme: {alpn: 443}}", "is no address with a port"},
		{"tls: {acme: {http: '192.0.2.25:80', alpn: ':443'}}", "http and alpn are answered at one address"},
		{"tls: {acme: {external-account: {key-id: a}}}", "mta.tls.acme.external-account: an account is two things"},
		{"tls: {acme: {external-account: {key-id: a, key: b}}}", "write key-file"},
		{"mailboxes: ['@example.com']", "is no address, and no part in front of its @"},
		{"mailboxes: [../../etc]", "is no address"},
		{"mailboxes: [info@example.net]", "line 7:3: mta.mailboxes: info@example.net is not taken here: the mail of example.net has to come to mail.example.com"},
		{"mailboxes: [info, INFO]", "stands twice"},
		{"aliases: {info: ann@example.org}", "line 7:13: mta.aliases.info: mail is not forwarded to others"},
		{"aliases: {info@example.net: ann}", "info@example.net is not taken here"},
		{"aliases: {a: b, b: c, c: a}", "line 7:13: mta.aliases.a: leads in a circle"},
		{"aliases: {a: A}", "leads in a circle"},
		{"aliases: {a: b, A: c}", "stands twice in two ways of writing"},
		{"aliases: {a: '*'}", "an alias leads to one mailbox"},
		{"mailboxes: a\naliases: {a: b}", "mta.aliases.a: is a mailbox, too"},
		{"mailboxes: '*'\naliases: {'*': b}", "under mailboxes \"*\" everybody has one"},
		{"users: {ann: {password: hunter2}}", "line 7:27: mta.users.ann.password: a secret does not stand in this file; write password-file"},
		{"users: {ann: {}}", "mta.users.ann: has no password"},
		{"users: {ann: {password-hash: hunter2}}", "is no hash by argon2id"},
		{"users: {ann: {password-hash: '$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHRzb21l$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI'}}", "has parameters that are not used"},
		{"users: {ann: {password-hash: $argon2id$v=19$m=19456,t=1,p=1$hunter2}}", "line 7:16: mta.users.ann.password-hash: ends at its first comma; put the hash into quotes"},
		{"users: {ann: {password-hash: $2b$31$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV012345678}}", "has a cost that is not used"},
		{"users: {ann: {password-file: a, password-hash: $2b$12$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV012345678}}", "has two passwords"},
		{"users: {a b: {password-file: a}}", "is no name to log in with"},
		{tls + listen + "users: {ann: {password-file: a, send-as: ann}}", `"ann" is no address; write ann@example.com`},
		{tls + listen + "users: {ann: {password-file: a, send-as: ann@example.org}}", "mta.users.ann: may write with ann@example.org, and example.org does not stand under domains"},
		{tls + listen + "users: {ann@example.org: {password-file: a}}", "example.org does not stand under domains"},
		{"dmarc: apply-it", `no word for mail that fails DMARC "apply-it"; did you mean apply?`},
		{"test-mailbox: maybe", "is neither true nor false"},
		{"relays: {ses: {port: 25}}", "mta.relays.ses: has no host"},
		{"relays: {ses: {host: a.example, password: x}}", "a secret does not stand in this file; write password-file"},
		{"relays: {ses: {host: a.example, user: x}}", "a login is a user and a password-file"},
		{"relays: {ses: {host: a.example, user: x, password-file: y, tls: none}}", "a password does not go over a connection without TLS"},
		{"relays: {ses: {host: a.example, port: 0}}", "0 is not between 1 and 65535"},
		{"relays: {direct: {host: a.example}}", "is no name of a relay"},
		{"routes: {via: ses}", "is not a list"},
		{"routes: [{to: a.example, via: sess}]\nrelays: {ses: {host: a.example}}", `line 7:12: mta.routes: no relay "sess" stands under relays; did you mean ses?`},
		{"routes: [{to: a.example, via: ses}]", `no relay "ses" stands under relays`},
		{"routes: [{to: a.example}]", "a route has a way: via, or fallback"},
		{"routes: [{fallback: ses}]\nrelays: {ses: {host: a.example}}", "the fallback is never taken"},
		{"routes: [{via: ses, fallback: ses, after: 1}]\nrelays: {ses: {host: a.example}}", "a route has via or fallback"},
		{"routes: [{via: direct, after: 1}]", "after and on-block say when the fallback is taken"},
		{"warm-up: {first: 1}", "has start, first and last"},
		{"warm-up: {start: 2026-12-01, first: 10, last: 5}", "last is less than first"},
		{"warm-up: {start: soon, first: 1, last: 5}", "is not a day"},
		{"warm-up: {start: 2026-12-01, first: 1, last: 5, factor: 1}", "is not a factor above 1"},
		{"limits: {message: 100MiB}", "100MiB is not between 64KiB and 50MiB"},
		{"limits: {message: 9999999999999GiB}", "is not between"},
		{"limits: {message: big}", "is not a size"},
		{"limits: {queue: -1}", "-1 is not between 1 and 1000000"},
		{"metrics: localhost:9125", "is no address with a port"},
	} {
		_, problems := Parse([]byte(mtaFile(c.lines)), files)
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want) {
			t.Errorf("%s\ngives %v, want %q", c.lines, problems, c.want)
		}
		for _, p := range problems {
			if strings.Contains(p.Error(), "hunter2") {
				t.Errorf("a secret is told: %v", p)
			}
		}
	}
}

func TestMTANobodyTaken(t *testing.T) {
	const file = "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains: {example.com: {services: fastmail}}\nmta:\n"
	_, problems := Parse([]byte(file+"  listen: {mx: ':25'}\n"), nil)
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "line 5:12: mta.listen.mx: no domain of this file has its mail taken by mail.example.com") {
		t.Error(problems)
	}
	const sender = "  listen: {mx: none, submissions: ':465'}\n  tls: {acme: {}}\n"
	_, problems = Parse([]byte(file+sender+"  users: {ann: {password-file: a}}\n"), nil)
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "mta.users.ann: has no address to write with") {
		t.Error(problems)
	}
	state(t, file+sender+"  users: {ann: {password-file: a, send-as: '@example.com'}}\n")
}
