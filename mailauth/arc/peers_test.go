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
	"github.com/maildoctor/maildoctor/peertest"
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

const mailDKIM = `
use strict;
use JSON::PP;
use MIME::Base64;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::ARC::Signer;

package Text { sub type { 'TXT' } sub txtdata { $_[0]->{text} } }
my $keys;
no warnings 'redefine';
*Mail::DKIM::DNS::query = sub { defined $keys->{$_[0]} ? (bless { text => $keys->{$_[0]} }, 'Text') : () };

while (my $line = <STDIN>) {
    my $c = decode_json($line);
    my $text = decode_base64($c->{text});
    $keys = $c->{keys};
    my $answer = eval {
        my $arc = $c->{key}
            ? Mail::DKIM::ARC::Signer->new(Algorithm => 'rsa-sha256', Chain => 'ar', Domain => 'lists.example.org',
                SrvId => 'mx.lists.example.org', Selector => 's1', KeyFile => $c->{key}, Headers => join(':', @{$c->{fields}}))
            : Mail::DKIM::ARC::Verifier->new();
        $arc->PRINT($text);
        $arc->CLOSE;
        $c->{key} ? encode_base64(join("\015\012", $arc->as_strings) . "\015\012" . $text, '') : $arc->result;
    };
    print defined $answer && $answer ne '' ? $answer : 'exception ' . ($@ =~ s/\n/ /gr), "\n";
}
`

type peerCase struct {
	Text   []byte   `json:"text"`
	Key    string   `json:"key"`
	Fields []string `json:"fields"`
	Keys   keys     `json:"keys"`
}

// A peer is another implementation: a program that answers each line of its
// standard input, a peerCase, with a line.
type peer struct {
	name    string
	needs   []string // the command that tells whether it is there
	command []string
}

var (
	python = peer{"python3-dkim", []string{"/usr/bin/python3", "-c", "import dkim, authres, nacl"}, []string{"/usr/bin/python3", "-W", "ignore", "-c", dkimpy}}
	perl   = peer{"libmail-dkim-perl", []string{"perl", "-MMail::DKIM::ARC::Verifier", "-MMail::DKIM::ARC::Signer", "-e", "1"}, []string{"perl", "-e", mailDKIM}}
)

// ask asks all cases.
func (p peer) ask(t *testing.T, cases []peerCase) []string {
	t.Helper()
	peertest.Works(t, p.name, p.needs...)
	var input strings.Builder
	for _, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
	}
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(input.String()), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
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

// TestPeers: dkimpy and Mail::DKIM validate what is sealed here and the other way
// round, and all say the same of chains that were tampered with. Two differences
// are known: dkimpy knows no Ed25519 in ARC, so that none is in the test, and a
// chain whose newest seal says cv=fail it calls ended (RFC 8617, 5.2, 2: fail).
func TestPeers(t *testing.T) {
	for _, p := range []peer{python, perl} {
		t.Run(p.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 6))
			first, _, dns := sealers()
			second := arc.Sealer{Domain: "example.net", Selector: "rsa", Key: rsaKey()}
			dns["rsa._domainkey.example.net"] = keyRecord(rsaKey())
			var cases []peerCase
			for range 15 {
				raw := randomMail(r)
				for range 1 + r.IntN(3) {
					raw = seal(t, []arc.Sealer{first, second}[r.IntN(2)], dns, raw)
				}
				cases = append(cases, peerCase{Text: []byte(raw), Keys: dns}, peerCase{Text: []byte(tampered(r, raw)), Keys: dns})
			}
			if pass := p.compare(t, cases); pass < 15 || pass == len(cases) {
				t.Errorf("%d of %d pass", pass, len(cases))
			}
			p.seals(t, r, second, dns)
		})
	}
}

// seals validates here what the peer sealed.
func (p peer) seals(t *testing.T, r *rand.Rand, before arc.Sealer, dns keys) {
	t.Helper()
	key := keyFile(t)
	var unsealed []peerCase
	for range 10 {
		raw := randomMail(r)
		for range r.IntN(3) {
			raw = seal(t, before, dns, raw)
		}
		chain := arc.Validate(t.Context(), parse(raw), verifier{dns})
		results := authres.Results{ID: "mx.lists.example.org", List: []authres.Result{authres.SPF("pass", "ann@example.com", ""), {Method: "arc", Value: string(chain.Status)}}}
		unsealed = append(unsealed, peerCase{Text: []byte(results.Field() + raw), Key: key, Fields: []string{"from", "subject", "message-id"}, Keys: dns})
	}
	var sealed []peerCase
	for i, answer := range p.ask(t, unsealed) {
		raw, err := base64.StdEncoding.DecodeString(answer)
		if err != nil {
			t.Fatalf("not sealed: %s\n%s", answer, unsealed[i].Text)
		}
		if c := arc.Validate(t.Context(), parse(string(raw)), verifier{dns}); c.Status != arc.Pass {
			t.Errorf("sealed by the peer: %s\n%s", c, raw)
		}
		sealed = append(sealed, peerCase{Text: raw, Keys: dns}, peerCase{Text: []byte(tampered(r, string(raw))), Keys: dns})
	}
	p.compare(t, sealed)
}

// compare asks the peer, and here, and returns how many pass.
func (p peer) compare(t *testing.T, cases []peerCase) (pass int) {
	t.Helper()
	for i, answer := range p.ask(t, cases) {
		c := arc.Validate(t.Context(), parse(string(cases[i].Text)), verifier{cases[i].Keys})
		if answer == "ended" {
			answer = "fail"
		}
		if string(c.Status) != answer {
			t.Errorf("the peer says %s, here it is %s\n%s", answer, c, cases[i].Text)
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
