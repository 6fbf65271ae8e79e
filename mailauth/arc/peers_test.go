package arc_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/authres"
)

// dkimpy seals or validates the messages of its standard input, one a line. A
// message is sealed with the results that stand in its Authentication-Results.
const dkimpy = `
import base64, json, sys, dkim
for line in sys.stdin:
    c = json.loads(line)
    text = base64.b64decode(c['text'])
    keys = dict((k.encode() + b'.', v.encode()) for k, v in c['keys'].items())
    try:
        if c['key']:
            fields = dkim.arc_sign(text, b's1', b'lists.example.org', open(c['key'], 'rb').read(), b'mx.lists.example.org',
                include_headers=c['fields'] and [f.encode() for f in c['fields']])
            out = base64.b64encode(b''.join(fields) + text).decode()
        else:
            cv, results, reason = dkim.arc_verify(text, dnsfunc=lambda name, timeout=5: keys.get(name))
            out = cv.decode() if cv else 'ended'
    except Exception as e:
        out = 'exception ' + repr(e).replace('\n', ' ')
    print(out)
`

type peerCase struct {
	Text   []byte   `json:"text"`
	Key    string   `json:"key"`
	Fields []string `json:"fields"`
	Keys   keys     `json:"keys"`
}

func askPeer(t *testing.T, cases []peerCase) []string {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import dkim, authres, nacl").Run(); err != nil {
		if os.Getenv("MAILDOCTOR_PEERS") == "1" {
			t.Fatal("python3-dkim is not installed, and MAILDOCTOR_PEERS=1")
		}
		t.Skip("python3-dkim is not installed; MAILDOCTOR_PEERS=1 makes this a failure")
	}
	var input strings.Builder
	for _, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
	}
	cmd := exec.Command(python, "-W", "ignore", "-c", dkimpy)
	cmd.Stdin, cmd.Stderr = strings.NewReader(input.String()), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dkimpy: %v", err)
	}
	answers := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d questions", len(answers), len(cases))
	}
	return answers
}

func keyFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey())})
	if err := os.WriteFile(name, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// randomMail is a message with the odd white space that canonicalisation is about.
func randomMail(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var b strings.Builder
	for range r.IntN(3) {
		b.WriteString("Received: from a by b;" + pick(" now", "\r\n now", "\r\n\tnow  ") + "\r\n")
	}
	b.WriteString(pick("From: ", "FROM:", "From:\r\n ") + "Ann <ann@example.com>" + pick("", " ", "\t") + "\r\n")
	b.WriteString("Subject: " + pick("hello", "two  words", "folded\r\n here", "", "gr\u00fc\u00dfe") + "\r\n")
	if r.IntN(2) == 0 {
		b.WriteString("DKIM-Signature: v=1; a=x;\r\n\tb=y\r\n" + pick("", "DKIM-Signature: v=1; b=z\r\n"))
	}
	b.WriteString("Message-ID: <1@example.com>\r\n\r\n")
	for range r.IntN(5) {
		b.WriteString(pick("", " ", "text", "text with  spaces ", "\ttab\t", ".", "\xff\xfe") + "\r\n")
	}
	b.WriteString(pick("", "", "no end", "\r\n\r\n"))
	return b.String()
}

// TestPeers: dkimpy validates what is sealed here and the other way round, and
// both say the same of chains that were tampered with. They differ in two things:
// dkimpy knows no Ed25519 in ARC, so that none is in the test, and a chain whose
// newest seal says cv=fail it calls ended, which is fail (RFC 8617, 5.2, 2).
func TestPeers(t *testing.T) {
	first, _, dns := sealers()
	second := arc.Sealer{Domain: "example.net", Selector: "rsa", Key: rsaKey()}
	dns["rsa._domainkey.example.net"] = keyRecord(rsaKey())
	key := keyFile(t)
	r := rand.New(rand.NewPCG(5, 6))
	var cases []peerCase
	for range 40 {
		raw := randomMail(r)
		for range 1 + r.IntN(3) {
			raw = seal(t, []arc.Sealer{first, second}[r.IntN(2)], dns, raw)
		}
		cases = append(cases, peerCase{Text: []byte(raw), Keys: dns}, peerCase{Text: []byte(tampered(r, raw)), Keys: dns})
	}
	pass := compare(t, cases)
	if pass < 40 || pass == len(cases) {
		t.Errorf("%d of %d pass", pass, len(cases))
	}

	var unsealed []peerCase
	for range 20 {
		raw := randomMail(r)
		for range r.IntN(3) {
			raw = seal(t, second, dns, raw)
		}
		chain := arc.Validate(t.Context(), parse(raw), verifier{dns})
		results := authres.Results{ID: "mx.lists.example.org", List: []authres.Result{authres.SPF("pass", "ann@example.com", ""), {Method: "arc", Value: string(chain.Status)}}}
		unsealed = append(unsealed, peerCase{Text: []byte(results.Field() + raw), Key: key, Fields: []string{"from", "subject", "message-id"}, Keys: dns})
	}
	var sealed []peerCase
	for i, answer := range askPeer(t, unsealed) {
		raw, err := base64.StdEncoding.DecodeString(answer)
		if err != nil {
			t.Fatalf("dkimpy did not seal: %s\n%s", answer, unsealed[i].Text)
		}
		if c := arc.Validate(t.Context(), parse(string(raw)), verifier{dns}); c.Status != arc.Pass {
			t.Errorf("sealed by dkimpy: %s\n%s", c, raw)
		}
		sealed = append(sealed, peerCase{Text: raw, Keys: dns}, peerCase{Text: []byte(tampered(r, string(raw))), Keys: dns})
	}
	compare(t, sealed)
}

// compare asks both and returns how many pass.
func compare(t *testing.T, cases []peerCase) (pass int) {
	t.Helper()
	for i, answer := range askPeer(t, cases) {
		c := arc.Validate(t.Context(), parse(string(cases[i].Text)), verifier{cases[i].Keys})
		if answer == "ended" {
			answer = "fail"
		}
		if string(c.Status) != answer {
			t.Errorf("dkimpy says %s, here it is %s\n%s", answer, c, cases[i].Text)
		}
		if c.Status == arc.Pass {
			pass++
		}
	}
	return pass
}

// tampered is a sealed message with something done to it.
func tampered(r *rand.Rand, raw string) string {
	m := parse(raw)
	i := r.IntN(min(len(m.Fields), 6))
	f := m.Fields[i]
	switch r.IntN(6) {
	case 0:
		return raw + "more\r\n"
	case 1:
		return strings.Replace(raw, string(f.Raw), "", 1)
	case 2:
		return string(f.Raw) + raw
	case 3:
		return strings.Replace(raw, "spf=pass", "spf=fail", 1)
	case 4:
		return strings.Replace(raw, "cv=none", "cv=fail", 1)
	}
	return strings.Replace(raw, "Subject: ", "Subject: [list] ", 1)
}
