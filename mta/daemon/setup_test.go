package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

func TestDirectory(t *testing.T) {
	for _, c := range []struct {
		name  string
		m     desired.MTA
		boxes map[string]string // of addresses; empty: none
	}{
		{"defaults", desired.MTA{}, map[string]string{
			"postmaster@example.com": "postmaster@example.com", "Abuse@example.net": "abuse@example.net", "info@example.com": "",
			"postmaster": "postmaster@example.com", "postmaster@mail.example.com": "postmaster@example.com", "mailer-daemon@mail.example.com": "postmaster@example.com",
			"info@mail.example.com": "", "postmaster+x@mail.example.com": "",
		}},
		{"names", desired.MTA{Mailboxes: []string{"info", "ann@example.com", "größe@xn--bcher-kva.example"}}, map[string]string{
			"INFO@example.com": "info@example.com", "info@example.net": "info@example.net", "ann@example.com": "ann@example.com", "ann@example.net": "",
			"ann+lists@example.com": "ann@example.com", "+x@example.com": "", "GRÖSSE@xn--bcher-kva.example": "", "größe@bücher.example": "größe@xn--bcher-kva.example",
		}},
		{"aliases", desired.MTA{Mailboxes: []string{"ann", "a+b"}, Aliases: []desired.Alias{{Name: "abuse", To: "ann@example.com"}, {Name: "a", To: "b"}, {Name: "b", To: "ann"}, {Name: "lost", To: "nobody"}}}, map[string]string{
			"abuse@example.net": "ann@example.com", "a@example.net": "ann@example.net", "a+b@example.net": "a+b@example.net", "a+c@example.net": "ann@example.net", "lost@example.com": "",
		}},
		{"an alias of one domain", desired.MTA{Mailboxes: []string{"ann", "sales"}, Aliases: []desired.Alias{{Name: "sales@example.com", To: "ann"}}}, map[string]string{
			"sales@example.com": "ann@example.com", "sales@example.net": "sales@example.net",
		}},
		{"a circle", desired.MTA{Aliases: []desired.Alias{{Name: "a", To: "b"}, {Name: "b", To: "a"}}}, map[string]string{"a@example.com": ""}},
		{"everybody", desired.MTA{Mailboxes: []string{"*"}}, map[string]string{
			"x@example.com": "x@example.com", "x+y@example.com": "x+y@example.com", "x@mail.example.com": "",
		}},
		{"catch-all", desired.MTA{Mailboxes: []string{"ann"}, Aliases: []desired.Alias{{Name: "*", To: "ann@example.com"}}}, map[string]string{
			"x@example.net": "ann@example.com", "postmaster@example.net": "postmaster@example.net", "x@mail.example.com": "",
		}},
	} {
		c.m.Hostname = "mail.example.com."
		d := newDirectory(c.m, []string{"example.com", "example.net", "xn--bcher-kva.example"})
		for text, want := range c.boxes {
			local, domain, _ := strings.Cut(text, "@")
			box, ok := d.find(smtpd.Address{Local: local, Domain: domain})
			if !ok {
				box = ""
			}
			if box != want {
				t.Errorf("%s: mail for %s goes to %q, want %q", c.name, text, box, want)
			}
		}
	}
}

func TestPrepareProblems(t *testing.T) {
	w := newWorld(t)
	w.write("empty", "\n")
	w.write("lines", "one\ntwo\n")
	w.write("large", strings.Repeat("x", maxSecret+1))
	w.write("binary", "\xff\xfe")
	w.write("broken.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	if err := os.Mkdir(filepath.Join(w.dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	relay := func(name string) string {
		return "  relays: {ses: {host: a.example, user: x, password-file: " + name + "}}"
	}
	for lines, want := range map[string]string{
		relay("gone"):   "line 11:12: mta.relays.ses: gone cannot be read: no such file",
		relay("dir"):    "dir cannot be read: is no file",
		relay("empty"):  "empty is empty",
		relay("lines"):  "lines has more than one line",
		relay("large"):  "large has 4097 octets",
		relay("binary"): "binary holds no password",
	} {
		w.write("maildoctor.yaml", file(lines))
		if _, err := w.setup(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", lines, err, want)
		}
	}
	w.write("maildoctor.yaml", strings.Replace(file(), "s1.key", "cert.pem", 1))
	if _, err := w.setup(); err == nil {
		t.Error("a certificate passes for a DKIM key")
	}
	if _, problems := Prepare(desired.State{}, ""); len(problems) != 1 || !strings.Contains(problems[0].Error(), "mta: {}") {
		t.Errorf("without a section: %v", problems)
	}
	w.write("maildoctor.yaml", strings.Replace(file(), "cert: cert.pem", "cert: s1.key", 1))
	s, err := w.setup()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Certificates(); err == nil {
		t.Error("a key passes for a certificate")
	}
}

func TestNotes(t *testing.T) {
	w := newWorld(t)
	text := strings.NewReplacer(
		"  tls: {cert: cert.pem, key: key.pem}\n", "", "profile: standard", "profile: standard, mta-sts: enforce", "domains:\n", "domains:\n  example.net: {profile: standard}\n",
		`send-as: "@example.com"`, `send-as: ["@example.net", lost@example.com]`,
	).Replace(file("  metrics: ':9125'"))
	w.write("maildoctor.yaml", text)
	want := []string{"example.com has an MTA-STS policy that is enforced", "no private key signs the mail of example.net", "ben may write with lost@example.com, which has no mailbox",
		"ann may write with ann@example.com, which has no mailbox", "metrics are shown at :9125"}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(filepath.Join(w.dir, "ann.password"), 0o644); err != nil {
			t.Fatal(err)
		}
		want = append(want, "others on this machine can read ann.password")
	}
	w.write("maildoctor.yaml", strings.Replace(text, "mailboxes: [ann]", "mailboxes: [info]", 1))
	s, err := w.setup()
	if err != nil {
		t.Fatal(err)
	}
	if !s.SelfSigned() {
		t.Error("it has a certificate from somewhere")
	}
	for _, note := range want {
		if !slices.ContainsFunc(s.Notes, func(n string) bool { return strings.HasPrefix(n, note) }) {
			t.Errorf("nothing is said of: %s", note)
		}
	}
	w.write("maildoctor.yaml", file())
	if err := os.Chmod(filepath.Join(w.dir, "ann.password"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = w.setup(); err != nil || len(s.Notes) > 0 {
		t.Errorf("%v, and a set-up that is right gives %q", err, s.Notes)
	}
}

func TestWays(t *testing.T) {
	w := newWorld(t)
	w.write("x", "of the relay")
	w.write("maildoctor.yaml", file(
		"  relays: {ses: {host: a.example, port: 465, user: x, password-file: x}, lan: {host: 192.0.2.1, tls: none}}",
		"  routes: [{to: [a.example, .b.example], via: ses}, {provider: google, via: direct}, {to: c.example, provider: yahoo, fallback: ses, after: 2, on-block: yes}, {via: lan}]",
		"  warm-up: {start: 2026-12-01, first: 50, last: 100, factor: 2}",
	))
	s, err := w.setup()
	if err != nil {
		t.Fatal(err)
	}
	r := routes(s.MTA, s.relays)
	if want := (deliver.Relay{Host: "a.example", Port: 465, ImplicitTLS: true, User: "x", Password: "of the relay"}); r.Relays["ses"] != want || !r.Relays["lan"].Clear {
		t.Errorf("%+v", r.Relays)
	}
	want := []deliver.Rule{
		{Domain: "a.example", Relay: "ses"}, {Domain: ".b.example", Relay: "ses"}, {Provider: "google"},
		{Domain: "c.example", Provider: "yahoo", Fallback: "ses", After: 2, OnBlock: true}, {Relay: "lan"},
	}
	if !slices.Equal(r.Rules, want) {
		t.Errorf("%+v", r.Rules)
	}
	if daily := fmt.Sprint(warmup(s.WarmUp, nil).Daily); daily != "[50 100]" {
		t.Errorf("warm-up %s", daily)
	}
	told := strings.Join(s.Ways(), "; ")
	for _, text := range []string{"a.example, .b.example: by ses", "what google receives: directly", "c.example at yahoo: directly, and by ses after 2 attempts or when we are blocked", "everything: by lan", "50 a day at first, up to 100"} {
		if !strings.Contains(told, text) {
			t.Errorf("no %q in %s", text, told)
		}
	}
	for _, text := range []string{told, fmt.Sprint(s.Notes, s.Boxes(), s.Writers())} {
		if strings.Contains(text, "of the relay") || strings.Contains(text, "of ann") {
			t.Errorf("a secret is told: %s", text)
		}
	}
}

// TestExternal: the key of an account with the authority is read, and not told when it
// is none.
func TestExternal(t *testing.T) {
	w := newWorld(t)
	w.write("maildoctor.yaml", strings.Replace(file(), "tls: {cert: cert.pem, key: key.pem}", "tls: {acme: {alpn: ':443', external-account: {key-id: kid-1, key-file: acme.key}}}", 1))
	for text, want := range map[string]string{
		"c2VjcmV0LWtleQ==\n": "", "c2VjcmV0LWtleQ": "",
		"hunter2+/": "mta.tls.acme.external-account: acme.key holds no key in base64url", "": "acme.key is empty",
	} {
		w.write("acme.key", text)
		s, err := w.setup()
		switch {
		case want == "" && (err != nil || s.external != "c2VjcmV0LWtleQ"):
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	w.write("acme.key", "c2VjcmV0LWtleQ")
	before, err := w.setup()
	if err != nil {
		t.Fatal(err)
	}
	w.write("acme.key", "YW5vdGhlci1rZXk")
	after, err := w.setup()
	if err != nil || sameCertificates(before, after) {
		t.Errorf("another key makes no difference: %v", err)
	}
}
