package dkim

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	crand "crypto/rand"

	msgauth "github.com/emersion/go-msgauth/dkim"
)

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(crand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func signingRecord(ed bool) string {
	if ed {
		return edPair().record()
	}
	key, err := New(signingKey().Public())
	if err != nil {
		panic(err)
	}
	return key.String()
}

// randomMessage is a message as relays pass it on: CRLF throughout, with all
// that canonicalisation is about.
func randomMessage(rnd *rand.Rand) string {
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	words := func(n int) string {
		var b strings.Builder
		for range rnd.IntN(n) {
			b.WriteString(pick("a", "Wort", "gr\xc3\xbc\xc3\x9f", "\xff", "x=y;", " ", "  ", "\t", " \t ", ".", "b=1", "=20", strings.Repeat("long", 30)))
			b.WriteString(pick(" ", "", "  "))
		}
		return b.String()
	}
	fold := func() string { return pick("", "", "\r\n ", "\r\n\t", "\r\n  \t") }
	var b strings.Builder
	fields := []string{"From", "To", "Subject", "Date", "MIME-Version", "Content-Type", "Received", "X-Odd", "subject", "Cc"}
	rnd.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	for _, name := range fields[:3+rnd.IntN(len(fields)-2)] {
		b.WriteString(name + pick(":", ": ", ":  ", ": ") + "v" + words(5) + fold() + " w" + words(4) + pick("", " ", "\t") + "\r\n")
	}
	if !strings.Contains("\r\n"+b.String(), "\r\nFrom") {
		b.WriteString("From: a@example.org\r\n")
	}
	b.WriteString("\r\n")
	for range rnd.IntN(8) {
		b.WriteString(pick(words(10), words(10), "", " ", "\t\t") + "\r\n")
	}
	return b.String() + pick("", "", "\r\n", "\r\n\r\n\r\n", " \r\n", "\t\r\n\r\n")
}

// sealed is the message signed by go-msgauth.
func sealed(t *testing.T, rnd *rand.Rand, text string, ed bool) string {
	t.Helper()
	canons := []msgauth.Canonicalization{msgauth.CanonicalizationSimple, msgauth.CanonicalizationRelaxed}
	options := &msgauth.SignOptions{Domain: "example.org", Selector: "s1", HeaderCanonicalization: canons[rnd.IntN(2)], BodyCanonicalization: canons[rnd.IntN(2)]}
	options.Signer = signingKey()
	if ed {
		options.Signer = ed25519.NewKeyFromSeed(edPair().ed.Seed())
	}
	switch rnd.IntN(3) {
	case 0:
		options.HeaderKeys = []string{"From", "to", "SUBJECT", "Subject", "Subject", "From", "Reply-To", "Received", "X-Odd"}
	case 1:
		options.HeaderKeys = []string{"From", "Subject"}
	}
	if rnd.IntN(3) == 0 {
		options.Identifier = "anna@mail.example.org"
	}
	if rnd.IntN(4) == 0 {
		options.Expiration = time.Now().Add(time.Duration(rnd.IntN(3)-1) * time.Hour)
	}
	var b strings.Builder
	if err := msgauth.Sign(&b, strings.NewReader(text), options); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// damage changes a message at random, or not at all.
func damage(rnd *rand.Rand, text string) string {
	at := rnd.IntN(len(text))
	switch rnd.IntN(8) {
	case 0:
		return text + []string{"x\r\n", "\r\n", " \r\n", "\t\r\n\r\n"}[rnd.IntN(4)]
	case 1:
		return text[:at] + "x" + text[at:]
	case 2:
		return strings.Replace(text, "Subject: v", "Subject: [list] v", 1)
	case 3:
		return strings.Replace(text, "  ", " ", 1)
	case 4:
		return "Subject: another\r\n" + text
	case 5:
		return strings.Replace(text, "\r\n\r\n", "\r\nFrom: eve@example.net\r\n\r\n", 1)
	}
	return text
}

// TestAgainstMsgauth compares verdicts with those of go-msgauth on random
// messages that it signed, whole and damaged.
func TestAgainstMsgauth(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6376, 8301))
	tally := map[Code]int{}
	for n := range 400 {
		ed := n%3 == 0
		text := damage(rnd, sealed(t, rnd, randomMessage(rnd), ed))
		record := signingRecord(ed)
		theirs, err := msgauth.VerifyWithOptions(strings.NewReader(text), &msgauth.VerifyOptions{LookupTXT: func(string) ([]string, error) { return []string{record}, nil }})
		ours := Verify(t.Context(), at(record), parsed(text), time.Now())
		if err != nil || len(theirs) != len(ours) {
			if len(theirs) == 0 && slices.ContainsFunc(ours, func(v Verdict) bool { return v.Code == Pass }) {
				t.Errorf("go-msgauth: %v, we say %v\n%q", err, ours, text)
			}
			continue
		}
		for i, v := range ours {
			tally[v.Code]++
			if (theirs[i].Err == nil) != (v.Code == Pass) {
				t.Errorf("go-msgauth says %v, we say %s\n%q", theirs[i].Err, v, text)
			}
		}
	}
	t.Logf("verdicts compared: %v", tally)
	if tally[Pass] < 100 || tally[Fail] < 50 || tally[PermError] < 10 {
		t.Errorf("the messages are too much alike: %v", tally)
	}
}

// TestMsgauthFaults shows where go-msgauth is known to be wrong, so that we need
// not agree with it.
func TestMsgauthFaults(t *testing.T) {
	record := rsaPair().record()
	for name, tags := range map[string]string{
		"z with b= in it":   relaxedTags + " z=Subject:b=abc|To:x;",
		"i in other case":   relaxedTags + " i=anna@Example.ORG;",
		"i escaped":         relaxedTags + " i=anna=40x@example.org;",
		"l":                 relaxedTags + " l=5;",
		"a in capitals":     strings.Replace(relaxedTags, "rsa-sha256", "RSA-SHA256", 1),
		"key for any use":   relaxedTags,
		"canon in capitals": strings.Replace(relaxedTags, "relaxed/relaxed", "Relaxed/relaxed", 1),
	} {
		if name == "key for any use" {
			record = strings.Replace(record, "k=rsa;", "k=rsa; s=*;", 1)
		}
		text := sign(t, letter, tags, rsaPair())
		if v := one(t, at(record), text); v.Code != Pass {
			t.Errorf("%s: %s", name, v)
		}
		theirs, err := msgauth.VerifyWithOptions(strings.NewReader(text), &msgauth.VerifyOptions{LookupTXT: func(string) ([]string, error) { return []string{record}, nil }})
		if err != nil || len(theirs) != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Logf("%s: go-msgauth says %v", name, theirs[0].Err)
	}
}

func writeKey(t *testing.T, ed bool) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key")
	text := []byte(base64.StdEncoding.EncodeToString(edPair().ed.Seed()))
	if !ed {
		text = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(signingKey())})
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
