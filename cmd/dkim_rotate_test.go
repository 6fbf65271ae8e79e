package cmd

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Nothing that rotate says or keeps holds a part of a private key.
func TestRotateKeepsSecrets(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("MAILDOCTOR_STATE_DIR", filepath.Join(dir, "state"))
	const zone = `@ 600 IN SOA ns1 hostmaster 1 7200 3600 1209600 600
@ 600 NS ns1
ns1 600 A 192.0.2.1
s1._domainkey 600 TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
`
	if err := os.WriteFile("ns1.zone", []byte(zone), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	run := func(at string, args ...string) {
		MainAt(append([]string{at, "dkim", "rotate", "example.org"}, args...), strings.NewReader(""), &said, &said)
	}
	run("2026-11-22T12:00:00Z", "--old", "s1", "--type", "rsa")
	run("2026-11-22T12:01:00Z", "--format", "json", "--provider", "zone:ns1.zone", "--yes")
	run("2026-11-22T12:01:00Z", "--begin")
	run("2026-11-22T13:00:00Z", "--signer", "rspamd")
	run("2026-11-22T13:00:00Z", "--switched", "--format", "json")
	text, err := os.ReadFile("dkim/example.org.2026a.key")
	if err != nil {
		t.Fatalf("%v in\n%s", err, said.String())
	}
	if !strings.Contains(said.String(), `"phase": "retiring"`) {
		t.Errorf("it did not come far:\n%s", said.String())
	}
	if err := filepath.WalkDir("state", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var f *os.File
			if f, err = os.Open(path); err == nil {
				_, err = io.Copy(&said, f)
				f.Close()
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range append(secretsOf(key.(*rsa.PrivateKey), text), "PRIVATE KEY") {
		if strings.Contains(said.String(), secret) {
			t.Error("a part of the private key is told")
		}
	}
}

func TestDays(t *testing.T) {
	for text, want := range map[string]string{"7d": "7d", "0": "0d", "0d": "0d", "36h": "36h", "48h": "2d", "90m": "1h30m"} {
		var d days
		if err := d.Set(text); err != nil || d.String() != want {
			t.Errorf("%s: %s, %v", text, d.String(), err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "-1h", "367d", "99999999d", "1w", "1d1h"} {
		var d days
		if err := d.Set(text); err == nil {
			t.Errorf("%q was read as %s", text, d.String())
		}
	}
}

func TestUntil(t *testing.T) {
	now := time.Date(2026, 11, 22, 13, 30, 10, 0, time.UTC)
	r := &rotating{app: &app{now: func() time.Time { return now }}}
	for rest, want := range map[time.Duration]string{
		-time.Hour:       "12:31 UTC",
		5 * time.Second:  "13:31 UTC (in 1 minute)",
		time.Hour:        "14:31 UTC (in 60 minutes)",
		5 * time.Hour:    "18:31 UTC (in 5 hours)",
		24 * time.Hour:   "2026-11-23 13:31 UTC (in 24 hours)",
		7 * aDay:         "2026-11-29 13:31 UTC (in 7 days)",
		50 * time.Second: "13:31 UTC (in 1 minute)",
	} {
		if got := r.until(now.Add(rest)); got != want {
			t.Errorf("%v: %s, want %s", rest, got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{
		"zone:/etc/bind/a.zone": "zone:/etc/bind/a.zone", "zone:my zone": "'zone:my zone'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "": "",
	} {
		if got := shellWord(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestBelow(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join(dir, "dkim", "a.key")
	for _, tt := range [][3]string{{".", file, "dkim/a.key"}, {"dkim", file, "a.key"}, {"other", file, file}, {".", "/etc/a.key", "/etc/a.key"}} {
		if got := below(tt[0], tt[1]); filepath.ToSlash(got) != filepath.ToSlash(tt[2]) {
			t.Errorf("%s from %s: %s", tt[1], tt[0], got)
		}
	}
}
