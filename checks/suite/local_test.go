package suite_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/scenario"
)

// packed is what looks like a key or a password in a file of a mail host.
var packed = regexp.MustCompile(`[A-Za-z0-9+/]{30,}=*`)

// modulus is how many lines of an RSA key of 2048 bits in PEM hold its public half.
const modulus = 6

// TestRecordingHoldsNoSecret: neither the report nor the recording of a mail host
// that was looked into holds anything of a private key or a password, in the
// form that the file has or as octets.
func TestRecordingHoldsNoSecret(t *testing.T) {
	var seen atomic.Int64
	eachWorld(t, func(t *testing.T, name string, world *scenario.World) {
		secrets := secretsOf(t, name)
		if len(secrets) == 0 {
			return
		}
		seen.Add(1)
		recorder := scenario.NewRecorder()
		env := heard.env(t.Context(), world, recorder.DNS(world.DNS()))
		env.SMTP, env.HTTP = recorder.SMTP(env.SMTP), recorder.HTTP(env.HTTP)
		env.Security = recorder.Security(env.Security)
		report := reportOf(t, env, suite.All())
		text, err := recorder.Scenario(env, report)
		if err != nil {
			t.Fatal(err)
		}
		for _, out := range [][]byte{text, asJSON(t, report)} {
			for _, secret := range secrets {
				if bytes.Contains(out, secret) {
					t.Errorf("%q is in what is written", secret)
				}
			}
			if bytes.Contains(out, []byte("PRIVATE KEY-----")) {
				t.Error("a private key is in what is written")
			}
		}
		if !bytes.Contains(text, []byte("\n-- local --\n")) {
			t.Error("the mail host is not recorded")
		}
	})
	t.Cleanup(func() {
		if seen.Load() == 0 {
			t.Error("no scenario has a secret to keep")
		}
	})
}

// secretsOf is the secrets in the files of the mail host of a scenario, and of
// the one it is like: lines of private keys, what they hold, and passwords.
func secretsOf(t *testing.T, name string) [][]byte {
	data, err := os.ReadFile(filepath.Join(scenarios, name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(data)
	var list [][]byte
	for _, file := range archive.Files {
		if !strings.HasPrefix(file.Name, "local/") {
			continue
		}
		var key [][]byte
		for line := range bytes.Lines(file.Data) {
			line = bytes.TrimSpace(line)
			if variable, value, ok := strings.Cut(string(line), "="); ok && strings.HasSuffix(variable, "PASS") {
				list = append(list, []byte(value))
			}
			if packed.Match(line) && (bytes.Contains(file.Data, []byte("PRIVATE KEY")) || strings.HasSuffix(file.Name, ".key")) {
				key = append(key, line)
			}
		}
		if len(key) > modulus { // an RSA key begins with its public half
			key = key[modulus:]
		}
		for _, line := range key {
			list = append(list, line)
			if raw, err := base64.StdEncoding.DecodeString(string(line)); err == nil && len(raw) >= 16 {
				list = append(list, raw[len(raw)-16:])
			}
		}
	}
	for line := range strings.Lines(string(archive.Comment)) {
		if other, ok := strings.CutPrefix(line, "like: "); ok {
			list = append(list, secretsOf(t, strings.TrimSpace(other))...)
		}
	}
	return list
}

// TestLocalIsAskedFor: what looks at the mail host from within is no part of an
// examination from outside.
func TestLocalIsAskedFor(t *testing.T) {
	world := load(t, "inside.txtar")
	for _, inside := range []bool{true, false} {
		env := world.Env(t.Context())
		if !inside {
			env.Local = nil
		}
		found := 0
		for _, r := range checks.Run(t.Context(), env, suite.All(), nil) {
			if topic := checks.TopicOf(r.Rule.ID); topic == "host" || r.Rule.ID == "dkim.matches-private" || r.Rule.ID == "helo.hosts-file" {
				found++
			}
		}
		if inside && found < 8 || !inside && found != 0 {
			t.Errorf("from within: %t; %d results of the mail host", inside, found)
		}
	}
}
