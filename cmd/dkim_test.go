package cmd

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/x509"

	"github.com/maildoctor/maildoctor/desired"
)

// dkimRun runs dkim with a standard input, and gives all that it said.
func dkimRun(t *testing.T, in string, args ...string) (said string, code int) {
	t.Helper()
	var out bytes.Buffer
	a := &app{in: strings.NewReader(in), out: &out, err: &out, env: func(string) string { return "" }}
	a.wire()
	code = a.main(append([]string{"dkim"}, args...))
	return out.String(), code
}

// No command says anything of the private half, in whatever form, when it works
// and when it fails.
func TestPrivateKeysStaySecret(t *testing.T) {
	dir := t.TempDir()
	made := filepath.Join(dir, "made")
	var all strings.Builder
	run := func(in string, args ...string) {
		said, _ := dkimRun(t, in, args...)
		if said == "" {
			t.Errorf("dkim %v says nothing", args)
		}
		all.WriteString(said)
	}
	run("", "keygen", "--domain", "example.org", "--type", "both", "--selector", "r,e", "--out", made)
	file := filepath.Join(made, "example.org.r.key")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken.key")
	if err := os.WriteFile(broken, bytes.Replace(text, []byte("MII"), []byte("AII"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	packed := base64.StdEncoding.EncodeToString(text)
	for _, format := range []string{"text", "json"} {
		out := filepath.Join(dir, format)
		run("", "keygen", "--domain", "example.org", "--selector", "r", "--out", made, "--format", format)
		run("", "show", "--offline", "--format", format, made)
		run("", "show", "--offline", "--format", format, broken)
		run("", "show", "--format", format, "--resolver", "127.0.0.1:1", "--domain", "example.org", file)
		run(packed, "show", "--offline", "--format", format, "-")
		run("", "import", "--offline", "--format", format, "--out", out, file)
		run("", "import", "--offline", "--format", format, "--out", out, file)
		run("", "import", "--offline", "--format", format, "--out", out, broken)
		run(packed, "import", "--offline", "--format", format, "--out", out+"2", "-d", "example.org", "--selector", "s", "-")
		run(packed[:len(packed)-7], "import", "--offline", "--format", format, "--out", out, "-")
		run("", "import", "--offline", "--format", format, "--out", file, "-d", "example.com", file)
		run(string(text), "import", "--offline", "--from", "mailcow", "--type", "ed25519", "-")
	}
	said := all.String()
	for _, secret := range secretsOf(key.(*rsa.PrivateKey), text) {
		if at := strings.Index(said, secret); at >= 0 {
			t.Fatalf("a part of the private key is told: %q", said[max(0, at-80):at])
		}
	}
	if strings.Contains(said, "PRIVATE KEY-----") {
		t.Error("PEM of a private key is told")
	}
}

// secretsOf is parts of a private key as they might be written.
func secretsOf(key *rsa.PrivateKey, text []byte) []string {
	var list []string
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, line := range lines[len(lines)/2 : len(lines)-1] { // the modulus, which is public, stands before
		list = append(list, line[:min(len(line), 24)])
	}
	for _, n := range append(key.Primes, key.D) {
		raw := n.Bytes()
		list = append(list, n.String()[:40], hex.EncodeToString(raw)[:40])
		for shift := range 3 {
			list = append(list, base64.StdEncoding.EncodeToString(raw[shift:])[:24])
		}
	}
	return list
}

// What keygen prints for maildoctor.yaml is read, and publishes the very record.
func TestKeygenFitsDesired(t *testing.T) {
	for _, kind := range []string{"rsa", "ed25519", "both"} {
		t.Chdir(t.TempDir())
		said, code := dkimRun(t, "", "keygen", "--domain", "bücher.example", "--type", kind)
		if code != 0 {
			t.Fatalf("%s: %d %s", kind, code, said)
		}
		_, rest, _ := strings.Cut(said, "In the maildoctor.yaml of this directory:\n\n")
		hint, _, _ := strings.Cut(rest, "\nNext:")
		state, problems := desired.Parse([]byte("version: 1\n"+hint+"    services: {fastmail: {}}\n"), keyFile("."))
		if len(problems) > 0 || len(state.Domains) != 1 {
			t.Fatalf("%s: %v in\n%s", kind, problems, hint)
		}
		want := 1
		if kind == "both" {
			want = 2
		}
		if keys := state.Domains[0].DKIM; len(keys) != want {
			t.Fatalf("%s: %d keys", kind, len(keys))
		}
		for _, k := range state.Domains[0].DKIM {
			if !strings.Contains(said, k.Record+"\n") {
				t.Errorf("%s: the record %s was not printed", kind, k.Record)
			}
		}
	}
}

func TestFreeSelectors(t *testing.T) {
	dir := t.TempDir()
	f := keygenFlags{out: dir, now: func() time.Time { return time.Date(2027, 1, 1, 0, 30, 0, 0, time.FixedZone("", 3600)) }}
	take := func(names ...string) {
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, "example.org."+name+".key"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	take("2026b") // it is still 2026 in UTC
	got, err := f.names("example.org.", 2)
	if err != nil || strings.Join(got, " ") != "2026a 2026c" {
		t.Errorf("%v, %v", got, err)
	}
	for letter := 'a'; letter < 'z'; letter++ {
		take("2026" + string(letter))
	}
	if _, err := f.names("example.org.", 2); err == nil || !strings.Contains(err.Error(), "all letters of this year") {
		t.Errorf("with one letter left: %v", err)
	}
}

func TestPlainYAML(t *testing.T) {
	for text, want := range map[string]string{
		"mail": "mail", "dkim/a.key": "dkim/a.key", "2026a": `"2026a"`, "20260101": `"20260101"`, "no": `"no"`, "Yes": `"Yes"`,
		"my keys/a: b.key": `"my keys/a: b.key"`, `a"b`: `"a\"b"`, "1e5": `"1e5"`, "s1": `"s1"`, "xn--a.example": "xn--a.example",
	} {
		if got := plainYAML(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-day: "less than a day old", 0: "less than a day old", day: "1 day old", 89 * day: "89 days old", 90 * day: "3 months old", 800 * day: "26 months old",
	} {
		if got := age(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{time.Hour: "1h", 10 * time.Minute: "10m", 90 * time.Second: "1m30s", 0: "0s", 24 * time.Hour: "24h"} {
		if got := spoken(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
