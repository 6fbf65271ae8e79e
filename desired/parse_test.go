package desired

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const edKey = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

// files are those that tests let keys name.
func files(name string) ([]byte, error) {
	if name != "dkim/filed.txt" {
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(filepath.Join("testdata", "filed.txt"))
}

// state reads a text that has no problem.
func state(t *testing.T, text string) State {
	t.Helper()
	s, problems := Parse([]byte(text), files)
	for _, p := range problems {
		t.Errorf("unexpected: %v", p)
	}
	if len(problems) > 0 {
		t.FailNow()
	}
	return s
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParseProblems(t *testing.T) {
	// A file of one domain, with these lines below it.
	domain := func(lines string) string {
		return "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains:\n  example.com:\n    " + strings.ReplaceAll(lines, "\n", "\n    ") + "\n"
	}
	tests := map[string]struct{ text, want string }{
		"empty":              {"", "is not YAML: no documents in stream"},
		"only a comment":     {"# nothing\n", "is not YAML: no documents in stream"},
		"no mapping":         {"- a\n", "line 1:1: is not a mapping"},
		"two documents":      {"version: 1\n---\nversion: 1\n", "expected single document"},
		"syntax":             {"version: [1\ndomains: x", "line 2:"},
		"no version":         {"domains: {example.com: }\n", "line 1:1: version: is missing"},
		"other version":      {"version: 2\ndomains: {example.com: }\n", `line 1:10: version: no version "2"`},
		"no domains":         {"version: 1\n", "line 1:1: domains: is missing"},
		"unknown key":        {domain("profil: mailcow"), "line 5:5: domains.example.com.profil: no such key; did you mean profile?"},
		"unknown top key":    {"version: 1\ndomain:\n  example.com:\n", "line 2:1: domain: no such key; did you mean domains?"},
		"twice":              {domain("profile: mox\nprofile: mailu"), "line 6:5: domains.example.com.profile: stands twice; the first is on line 5"},
		"same domain twice":  {"version: 1\ndomains: {example.com: {profile: no-mail}, EXAMPLE.COM.: {profile: no-mail}}\n", "stands twice in two ways of writing"},
		"unknown profile":    {domain("profile: mailcaw"), `line 5:14: domains.example.com.profile: no profile "mailcaw"; did you mean mailcow?`},
		"unknown service":    {domain("services: {sess: }"), `no service "sess"; did you mean ses?`},
		"unknown in a list":  {domain("services: [gogle]"), `no service "gogle"; did you mean google?`},
		"unknown input":      {domain("services: {ses: {tokns: [a]}}"), "domains.example.com.services.ses.tokns: no such key; did you mean tokens?"},
		"too many tokens":    {domain("services: {ses: {tokens: [a, b, c, d]}}"), "has 4 values; it is the three DKIM tokens"},
		"a list for one":     {domain("services: {ses: {region: [a, b]}}"), "is a list; a single value is wanted"},
		"no name":            {domain("hosts: mail_server@example.com"), `"mail_server@example.com" is not a domain name`},
		"unknown host":       {domain("profile: mox\nhosts: mial.example.com"), "no host mial.example.com stands under hosts; did you mean mail.example.com?"},
		"private address":    {"version: 1\nhosts: {mail.example.com: 10.0.0.1}\ndomains: {example.com: }\n", "10.0.0.1 is not a public address"},
		"shared address":     {"version: 1\nhosts: {mail.example.com: 100.64.0.1}\ndomains: {example.com: }\n", "100.64.0.1 is not a public address"},
		"no address":         {"version: 1\nhosts: {mail.example.com: mail}\ndomains: {example.com: }\n", `"mail" is not an IPv4 or IPv6 address`},
		"host without":       {"version: 1\nhosts: {mail.example.com: {}}\ndomains: {example.com: }\n", "has no address"},
		"anchor":             {"version: 1\ndefaults: &d {profile: mox}\ndomains: {example.com: {profile: mox}}\n", "anchors and aliases"},
		"tag":                {"version: 1\ndomains: {example.com: {profile: !x mox}}\n", "a tag"},
		"no value":           {domain("profile:"), "line 5:13: domains.example.com.profile: has no value"},
		"no key":             {domain("dkim: {s1: hello}"), "is neither a DKIM record nor the base64 of a public key"},
		"broken key":         {domain(`dkim: {s1: "v=DKIM1; k=rsa; p=AAAA"}`), "is not a DKIM key"},
		"key without":        {domain("dkim: {s1: {}}"), "has neither key nor file"},
		"no such file":       {domain("dkim: {s1: {file: other.txt}}"), "cannot be read: file does not exist"},
		"selector":           {domain("dkim: {-s1: " + edKey + "}"), "is not a name below the domain"},
		"policy":             {domain("dmarc: rejekt"), `no DMARC policy "rejekt"; did you mean reject?`},
		"stages":             {domain("dmarc:\n  stages:\n    - {from: 2027-01-02, policy: none}\n    - {from: 2027-01-01, policy: reject}"), "line 8:11: domains.example.com.dmarc.stages: the stage from 2027-01-01 is not later than the one before"},
		"no day":             {domain("dmarc: {stages: [{from: tomorrow, policy: none}]}"), `"tomorrow" is not a day`},
		"a stage without":    {domain("dmarc: {stages: [{policy: none}]}"), "a stage has a day, from, and a policy"},
		"address":            {domain("reports: somebody"), `"somebody" is not a mail address`},
		"two addresses":      {domain("reports: a@example.com,b@example.com"), "is not a mail address"},
		"ptr":                {domain("spf: {also: ptr}"), "ptr must not be used"},
		"not a mechanism":    {domain("spf: {also: redirect=x.example}"), "is not one mechanism"},
		"all":                {domain("spf: {all: +all}"), `no end of an SPF record "+all"`},
		"denying":            {domain(`spf: {also: "-ip4:192.0.2.1"}`), "refuses senders"},
		"tlsa":               {"version: 1\nhosts: {mail.example.com: {ips: 192.0.2.25, tlsa: abcd}}\ndomains: {example.com: }\n", "the data have 2 octets"},
		"pkix tlsa":          {"version: 1\nhosts: {mail.example.com: {ips: 192.0.2.25, tlsa: 1 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}}\ndomains: {example.com: }\n", "SMTP knows the usages 2 and 3 only"},
		"ttl":                {domain("ttl: 10s"), "10s is not between 1m and 7d"},
		"no time":            {domain("ttl: soon"), `"soon" is not a time`},
		"switch":             {domain("dnssec: maybe"), `"maybe" is neither true nor false`},
		"client":             {domain("clients: [imap4]"), `no way in "imap4"; did you mean imaps?`},
		"caa":                {domain("caa: https://letsencrypt.org"), "is not a domain name"},
		"caa without issue":  {domain("caa: {iodef: mailto:a@example.com}"), "has no issue"},
		"iodef":              {domain("caa: {issue: none, iodef: security@example.com}"), "is not a mailto: or https: URI"},
		"id":                 {domain("mta-sts: {mode: enforce, id: 2026-11-22}"), "is not 1 to 32 letters and digits"},
		"provider":           {domain("provider: cloudfare"), `line 5:15: domains.example.com.provider: no provider "cloudfare"; did you mean cloudflare?`},
		"provider with":      {domain("provider: powerdns:http://u:p@127.0.0.1"), "the API key comes from POWERDNS_API_KEY"},
		"a key as path":      {domain("tsig-key: hmac-sha256:k:c2VjcmV0"), "line 5:15: domains.example.com.tsig-key: is a key and not the path of one"},
		"empty list":         {domain("no-mail: []"), "is empty"},
		"control characters": {domain(`profile: "\e[31m"`), `no profile "\x1b[31m"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, problems := Parse([]byte(tt.text), files)
			var got []string
			for _, p := range problems {
				got = append(got, p.Error())
			}
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("got %q, want one with %q", got, tt.want)
			}
		})
	}
}

// TestParseGoesOn: several problems are told at once, in the order of the file.
func TestParseGoesOn(t *testing.T) {
	_, problems := Parse([]byte("version: 1\nhosts: {mail.example.com: 300.1.1.1}\ndomains:\n  example.com: {profile: x, dmarc: y}\n  example: {}\n"), nil)
	lines := []int{2, 4, 4, 5}
	if len(problems) != len(lines) {
		t.Fatalf("got %d problems: %v", len(problems), problems)
	}
	for i, p := range problems {
		if p.Line != lines[i] || p.Column == 0 {
			t.Errorf("problem %d stands at %+v, want line %d", i, p.Position, lines[i])
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	deep := "version: 1\ndomains: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		laughs += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ",") + "]\n"
	}
	var many strings.Builder
	many.WriteString("version: 1\ndomains:\n")
	for range maxDomains + 1 {
		many.WriteString("  d" + strings.Repeat("x", many.Len()%50) + ".example:\n")
	}
	for name, text := range map[string]string{"deep": deep, "laughs": laughs, "large": strings.Repeat(" ", maxFile+1), "many": many.String()} {
		if _, problems := Parse([]byte(text), nil); len(problems) == 0 || len(problems) > maxProblems {
			t.Errorf("%s: %d problems", name, len(problems))
		}
	}
}

func TestReadKey(t *testing.T) {
	public := ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	const zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	tests := map[string]struct {
		text string
		file bool
		want string // the record, or part of the error
	}{
		"base64":       {zeros, false, "v=DKIM1; k=ed25519; p=" + zeros},
		"record":       {"k=ed25519;p=" + zeros, false, "v=DKIM1; k=ed25519; p=" + zeros},
		"zone file":    {readFile(t, "filed.txt"), true, "v=DKIM1; k=ed25519; p=" + edKey},
		"PEM":          {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), false, "v=DKIM1; k=ed25519; p=" + zeros},
		"private file": {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), true, "v=DKIM1; k=ed25519; p=" + "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="},
		"private text": {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), false, "is a private key"},
		"certificate":  {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), true, `is PEM of a "CERTIFICATE"`},
		"revoked":      {"v=DKIM1; p=", false, "is not a DKIM key"},
		"empty":        {"", false, "is base64, but not of a public key"},
	}
	for name, tt := range tests {
		got, err := ReadKey(tt.text, tt.file)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	weak := &rsa.PublicKey{N: private512(), E: 65537}
	if _, err := ReadKey(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(weak)})), true); err == nil || !strings.Contains(err.Error(), "512 bits") {
		t.Errorf("a key of 512 bits: %v", err)
	}
}

func FuzzReadKey(f *testing.F) {
	for _, text := range []string{edKey, "v=DKIM1; k=ed25519; p=" + edKey, "k=rsa; p=AAAA", readFile(f, "filed.txt"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "\"p=\" \""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		record, err := ReadKey(text, true)
		if err != nil {
			return
		}
		again, err := ReadKey(record, false)
		if err != nil || again != record {
			t.Errorf("%q becomes %q, and that %q (%v)", text, record, again, err)
		}
	})
}
