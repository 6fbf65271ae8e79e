package desired

import (
	"math/big"
	"reflect"
	"strings"
	"testing"
)

// private512 is a modulus of 512 bits.
func private512() *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), 511)
	return n.Add(n, big.NewInt(187))
}

// same compares two states but for where their keys stand.
func same(a, b State) bool {
	a.at, b.at = nil, nil
	return reflect.DeepEqual(a, b)
}

func TestFormat(t *testing.T) {
	for name, text := range map[string]string{
		"full":  readFile(t, "full.yaml"),
		"mta":   readFile(t, "mta.yaml"),
		"acme":  mtaFile("tls: {acme: {email: a@example.com, directory: 'https://a.example/d', http: ':8080', alpn: ':8443', external-account: {key-id: 'a: 1', key-file: b}}}\nlisten: {mx: none, submission: '127.0.0.1:0'}\nusers: {'no': {password-file: 'a: b', send-as: '@example.com'}}"),
		"bare":  mtaFile("tls: {acme: }"),
		"none":  "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains: {example.com: {profile: standard}}\nmta: {}\n",
		"short": "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains: {example.com: {profile: mailu, dkim: " + edKey + ", dmarc: none, mta-sts: off, clients: none, reports: none, caa: none, services: [ses, improvmx]}}\n",
		"odd":   "version: 1\ndomains: {no.example: {services: {forwardemail: {forwards: ['a: b', \"# c\", 'yes'], selector: on, key: " + edKey + "}}, dkim: {no: " + edKey + "}, no-mail: ['null', '1', '2026-01-01']}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := state(t, text)
			first := Format(s)
			again := state(t, string(first))
			if !same(s, again) {
				t.Fatalf("what is written reads as something else:\n%s\n%+v\n%+v", first, s, again)
			}
			if second := Format(again); string(second) != string(first) {
				t.Errorf("not stable:\n%s\nthen\n%s", first, second)
			}
		})
	}
}

// TestFormatTellsWhatIsMissing: a file that init wrote says what to fill in.
func TestFormatTellsWhatIsMissing(t *testing.T) {
	text := string(Format(State{Domains: []Domain{{Name: "example.com.", Settings: Settings{Services: []Use{{Service: "postmark"}}}}}}))
	for _, want := range []string{"# selector: is missing.", "# key: is missing.", "Sender Signatures"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(readFile(f, "full.yaml"))
	f.Add(readFile(f, "mta.yaml"))
	f.Add(mtaFile("tls: {acme: {email: a@example.com}}\nlimits: {message: 1MiB}"))
	f.Add("version: 1\nhosts: {mail.example.com: [192.0.2.25]}\ndomains: {example.com: {profile: mailcow, services: fastmail, mx: fastmail}}\n")
	f.Add("version: 1\ndefaults: {profile: standard}\nhosts: {example.com: 192.0.2.1}\ndomains: {example.com: , sub.example.com: {no-mail: [www]}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, problems := Parse([]byte(text), files)
		for _, p := range problems {
			if strings.ContainsAny(p.Error(), "\x1b\x00\r") {
				t.Errorf("a problem has control octets: %q", p.Error())
			}
		}
		if len(problems) > 0 {
			return
		}
		again, problems := Parse(Format(s), files)
		if len(problems) > 0 || !same(s, again) {
			t.Fatalf("%q is written as\n%s\nwith problems %v", text, Format(s), problems)
		}
		one, problemsOne := s.Edits(Given{})
		two, problemsTwo := again.Edits(Given{})
		if !reflect.DeepEqual(one, two) || len(problemsOne) != len(problemsTwo) {
			t.Fatalf("the edits differ: %v and %v", one, two)
		}
	})
}
