package rfc2136

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	raw    = "0123456789abcdef0123456789abcdef"
	secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

func TestParseKey(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"one line", "hmac-sha256:mail.example:" + secret, "hmac-sha256:mail.example:"},
		{"one line in a file", "\n hmac-sha512:Mail.Example.:" + secret + "\n", "hmac-sha512:mail.example:"},
		{"tsig-keygen", "key \"mail.example\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secret + "\";\n};\n", "hmac-sha256:mail.example:"},
		{"BIND without quotes, on one line", "key k{algorithm HMAC-SHA384;secret " + secret + ";};", "hmac-sha384:k:"},
		{"BIND in the other order, with comments", "# one\n// two\n/* three\n */ key k { secret \"" + secret + "\"; /* in */ algorithm hmac-sha224; // after\n};", "hmac-sha224:k:"},
		{"BIND without the last semicolon", "key k { algorithm hmac-sha256; secret \"" + secret + "\"; }", "hmac-sha256:k:"},
		{"keymgr", "# hmac-sha256:k:" + secret + "\nkey:\n  - id: k\n    algorithm: hmac-sha256\n    secret: " + secret + "\n", "hmac-sha256:k:"},
		{"Knot with quotes", "key:\n- id: \"k\"\n  algorithm: 'hmac-sha256'\n  secret: \"" + secret + "\"", "hmac-sha256:k:"},
		{"SHA-1", "hmac-sha1:k:" + secret, "hmac-sha1:k: the key k is for HMAC-SHA-1"},
		{"short", "hmac-sha256:k:MDEyMzQ1Njc=", "hmac-sha256:k: the secret of the key k has 64 bits only"},

		{"MD5", "hmac-md5:k:" + secret, "error: HMAC-MD5 must not be used any more"},
		{"MD5 of BIND", "key k { algorithm hmac-md5.sig-alg.reg.int; secret \"" + secret + "\"; };", "error: HMAC-MD5"},
		{"another algorithm", "hmac-sha3:k:" + secret, "error: the algorithm of the key is none of"},
		{"not base64", "hmac-sha256:k:" + raw + "!", "error: the secret of the key is not base64"},
		{"without padding", "hmac-sha256:k:" + strings.TrimRight(secret, "="), "error: the secret of the key is not base64"},
		{"no secret", "hmac-sha256:k:", "error: the secret of the key is empty"},
		{"no secret in BIND", "key k { algorithm hmac-sha256; };", "error: the secret of the key is empty"},
		{"no algorithm", "k:" + secret, "error: a key looks like"},
		{"no name", "hmac-sha256::" + secret, "error: the name of the key"},
		{"a bad name", "hmac-sha256:a..b:" + secret, "error: the name of the key"},
		{"nothing", "", "error: it holds no key"},
		{"comments", "# none\n/* here */", "error: it holds no key"},
		{"two keys", strings.Repeat("key k { algorithm hmac-sha256; secret \""+secret+"\"; };\n", 2), "error: it holds 2 keys"},
		{"two secrets", "key k { secret \"" + secret + "\"; secret \"" + secret + "\"; };", "error: the secret of the key is said twice"},
		{"another word", "key k { algorithm hmac-sha256; secrets \"" + secret + "\"; };", "error: a key has an algorithm and a secret"},
		{"cut off", "key k { algorithm hmac-sha256; secret \"" + secret, "error: a quoted string does not end"},
		{"cut off later", "key k { algorithm hmac-sha256; secret \"" + secret + "\";", "error: a key of BIND looks like"},
		{"a comment without end", "/* " + secret, "error: a comment does not end"},
		{"a configuration", "options { };\nkey k { algorithm hmac-sha256; secret \"" + secret + "\"; };", "error: it holds no key"},
		{"a PEM file", "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n", "error: it holds no key"},
		{"huge", strings.Repeat(" ", maxKeyFile+1), "error: it is longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, err := ParseKey(tt.text)
			got := ""
			if err != nil {
				got = "error: " + err.Error()
			} else {
				got = strings.TrimSuffix(k.String(), "(secret)") + " " + k.Warning()
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			quiet(t, got)
		})
	}
}

// quiet fails where a text tells of the secret.
func quiet(t *testing.T, text string) {
	t.Helper()
	for _, s := range []string{raw, secret, secret[:12], raw[:12], hex.EncodeToString([]byte(raw))[:12], fmt.Sprint([]byte(raw))[1:30]} {
		if strings.Contains(text, s) {
			t.Errorf("the secret stands in %q", text)
		}
	}
}

// A key is printed without its secret, however it is printed.
func TestKeyIsQuiet(t *testing.T) {
	k, err := ParseKey("hmac-sha256:k:" + secret)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Server: "192.0.2.53", Key: k}
	p := &Provider{server: server{key: k}}
	for _, v := range []any{k, *k, options, &options, p, *p, signing{key: k}, []any{*k, k}, map[string]Key{"k": *k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			quiet(t, fmt.Sprintf(verb, v))
		}
		text, err := json.Marshal(v)
		if err == nil {
			quiet(t, string(text))
		}
	}
	if got, want := fmt.Sprint(k), "hmac-sha256:k:(secret)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	for _, tt := range []struct {
		text string
		mode os.FileMode
		want string
	}{
		{"hmac-sha256:k:" + secret, 0o600, ""},
		{"hmac-sha256:k:" + secret, 0o640, ""},
		{"hmac-sha256:k:" + secret, 0o644, "may be read by everybody"},
		{"hmac-sha256:k:" + secret + secret, 0o600, "cannot be read: the secret of the key is not base64"},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, tt.mode); err != nil {
			t.Fatal(err)
		}
		k, err := ReadKey(file)
		got := k.Warning()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%o: %q, want %q", tt.mode, got, tt.want)
		}
		quiet(t, got)
	}
	if _, err := ReadKey(file + ".none"); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// What reads as a key has all that a key has, and nothing tells of the text.
func FuzzParseKey(f *testing.F) {
	for _, s := range []string{
		"hmac-sha256:k:" + secret, "key \"k\" { algorithm hmac-sha256; secret \"" + secret + "\"; };",
		"key:\n  - id: k\n    algorithm: hmac-sha256\n    secret: " + secret, "/* */ // #\n key", "key : {", "\x00\x01key\x02",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			for _, r := range err.Error() {
				if r < ' ' || r > '~' {
					t.Errorf("%q has odd octets", err)
				}
			}
			return
		}
		if !k.usable() || k.Name == "" || len(k.mac([]byte("x"))) == 0 {
			t.Errorf("%q gives %v", text, k)
		}
		if again, err := ParseKey(text); err != nil || again.Name != k.Name || !bytes.Equal(again.mac([]byte("x")), k.mac([]byte("x"))) {
			t.Errorf("%q reads as %v, and as %v", text, k, again)
		}
		if strings.ContainsFunc(k.String()+k.Warning(), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q has odd octets", k)
		}
	})
}
