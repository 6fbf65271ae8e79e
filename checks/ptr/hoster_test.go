package ptr_test

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/ptr"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/scenario"
)

const nameless = `domain: example.org
SETTINGS

-- zone --
@ MX 10 mx
@ TXT "v=spf1 mx -all"
mx A 192.0.2.25
mx AAAA 2001:db8::25
-- zone asn.cymru.com --
2.0.192.origin TXT "V4 | 192.0.2.0/24 | ZZ | iana | 2010-01-01"
*.8.b.d.0.1.0.0.2.origin6 TXT "V6 | 2001:db8::/32 | ZZ | iana | 2010-01-01"
`

// steps is what the owner of the nameless addresses is told to do.
func steps(t *testing.T, settings, v4, v6 string) map[string][]string {
	t.Helper()
	s, err := scenario.Parse([]byte(strings.NewReplacer("SETTINGS", settings, "V4", v4, "V6", v6).Replace(nameless)))
	if err != nil {
		t.Fatal(err)
	}
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string][]string)
	env := world.EnvOver(t.Context(), world.DNS(), world.Dial)
	for _, r := range checks.Run(t.Context(), env, []*checks.Check{ptr.Exists}, nil) {
		if r.Outcome != diagnosis.Failed {
			t.Fatalf("%s is %v", r.Rule.ID, r.Outcome)
		}
		for _, f := range r.Findings {
			told[f.Subject] = f.Remedy.Steps
		}
	}
	return told
}

func TestWhereToClick(t *testing.T) {
	const a4, a6 = "192.0.2.25", "2001:db8::25"
	tests := []struct {
		name, settings, v4, v6 string
		want4, want6           string // in the second step; empty: no provider is named
	}{
		{"a hoster", "", "24940", "24940", "192.0.2.25 looks like an address of Hetzner (AS24940). In the Hetzner Console, ", "2001:db8::25 looks like an address of Hetzner (AS24940). "},
		{"two networks of one", "", "213230 24940", "64500", "of Hetzner (AS24940). ", ""},
		{"no way for IPv6", "", "8075", "8075", "of Microsoft Azure (AS8075). Set the property ReverseFqdn ", ""},
		{"an unknown network", "", "64500", "64500", "", ""},
		{"announced by two", "", "24940 16276", "24940 64500", "", ""},
		{"an answer that is none", "", "x", "", "", ""},
		{"nobody asks who announces it", "https: off", "24940", "24940", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			told := steps(t, test.settings, test.v4, test.v6)
			for addr, want := range map[string]string{a4: test.want4, a6: test.want6} {
				list := told[addr]
				if len(list) == 0 || !strings.HasPrefix(list[0], "Set the reverse DNS (PTR, rDNS) of "+addr) {
					t.Fatalf("the first step for %s is in %q", addr, list)
				}
				all := strings.Join(list[1:], "\n")
				if named := strings.Contains(all, "looks like"); named != (want != "") || !strings.Contains(all, want) {
					t.Errorf("the steps for %s are\n%s\nwant %q in them", addr, strings.Join(list, "\n"), want)
				}
			}
		})
	}
}
