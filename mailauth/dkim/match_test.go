package dkim

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := New(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	ed, err := New(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		t.Fatal(err)
	}
	record := mine.String()
	for name, tt := range map[string]struct {
		texts []string
		want  Match
		says  string
	}{
		"published":        {[]string{record}, Same, ""},
		"with white space": {[]string{strings.Replace(record, "p=MIIB", "p=MI IB", 1)}, Same, ""},
		"in testing":       {[]string{strings.Replace(record, "; p=", "; t=y; p=", 1)}, Same, ""},
		"nothing":          {nil, Absent, "no record"},
		"another":          {[]string{ed.String()}, Another, "another key (Ed25519)"},
		"revoked":          {[]string{"v=DKIM1; p="}, Withdrawn, "withdraws"},
		"cut short":        {[]string{record[:200]}, Unusable, "cut short"},
		"without sha256":   {[]string{strings.Replace(record, "; p=", "; h=sha1; p=", 1)}, Unusable, "sha256"},
		"of another kind":  {[]string{"v=spf1 -all"}, Unusable, `no DKIM key: "v=spf1 -all"`},
		"two":              {[]string{record, "v=DKIM1; p="}, Several, "2 TXT records"},
		"with controls":    {[]string{"\x1b[2J"}, Unusable, `\x1b`},
	} {
		t.Run(name, func(t *testing.T) {
			got, says := Compare(tt.texts, private.Public())
			if got != tt.want || !strings.Contains(says, tt.says) || (says == "") != (got == Same) {
				t.Errorf("%d %q, want %d %q", got, says, tt.want, tt.says)
			}
		})
	}
}

// Whatever is published, only a record with the very key matches.
func FuzzCompare(f *testing.F) {
	public := ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))
	key, err := New(public)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{key.String(), "v=DKIM1; p=", "v=DKIM1; k=rsa; p=AAAA", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		match, says := Compare([]string{text}, public)
		if (match == Same) != (says == "") {
			t.Fatalf("%d says %q", match, says)
		}
		if read, _ := ParseKey(text); match == Same && !public.Equal(read.Public) {
			t.Errorf("%q matches", text)
		}
	})
}
