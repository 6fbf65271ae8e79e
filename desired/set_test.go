package desired

import (
	"slices"
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	var s Settings
	for _, kv := range [][2]string{
		{"profile", "mailcow"}, {"ses.tokens", "a, b,c"}, {"ses.region", "eu-west-1"}, {"services", "fastmail"}, {"dmarc.policy", "reject"}, {"dmarc.rua", "a@example.com,b@example.com"},
		{"dkim.s1", "v=DKIM1; k=ed25519; p=" + edKey}, {"dkim.s2.sub", edKey}, {"mta-sts", "testing"}, {"no-mail", "www"},
	} {
		if problems := s.Set(kv[0], kv[1], nil); len(problems) > 0 {
			t.Errorf("%s=%s: %v", kv[0], kv[1], problems)
		}
	}
	want := `    profile: mailcow
    services:
      fastmail:
      ses:
        region: eu-west-1
        tokens: [a, b, c]
    dkim:
      s1: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
      s2.sub: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    dmarc:
      policy: reject
      rua: [a@example.com, b@example.com]
    mta-sts: testing
    no-mail: www
`
	var got []string
	for line := range strings.Lines(string(Format(State{Domains: []Domain{{"example.com.", s}}}))) {
		if strings.HasPrefix(line, "    ") && !strings.Contains(line, "#") {
			got = append(got, line)
		}
	}
	if strings.Join(got, "") != want {
		t.Errorf("got\n%s", strings.Join(got, ""))
	}
	for key, message := range map[string]string{"profil": "did you mean profile?", "ses.tokn": "did you mean tokens?", "sess.region": "no such key", "dmarc": "no DMARC policy", "a.b.c.d.e.f": "no such key", "": "a key is a short text"} {
		if problems := s.Set(key, "x", nil); len(problems) != 1 || !strings.Contains(problems[0].Error(), message) {
			t.Errorf("%q: %v", key, problems)
		}
	}
}

func TestMissing(t *testing.T) {
	s := Settings{Services: []Use{{Service: "fastmail"}, {Service: "ses", Values: []Value{{"mail-from", []string{"bounce"}}}}}}
	var got []string
	for _, in := range s.Missing() {
		got = append(got, in.Name)
	}
	if !slices.Equal(got, []string{"ses.tokens", "ses.region"}) {
		t.Errorf("missing are %q", got)
	}
}
