package desired_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
)

const examined = `version: 1
hosts:
  mail.example.com: 192.0.2.25
domains:
  example.com: {profile: standard}
`

func TestChecking(t *testing.T) {
	const section = `check:
  domains: [Example.NET, bücher.example]
  selectors: s1
  senders: [192.0.2.80, "2001:db8::80"]
  mx: [MX1.example.com, mx2.example.com]
  dmarc: quarantine
  spamhaus-key: DQS
  resolvers: tls://192.0.2.53
  policies: gmail-bulk
  skip: [bimi, dkim.key-strength]
  severities: {dmarc.policy-none: critical, bimi.svg: advice}
  waivers:
    - {check: dnsbl.ip-listed, subject: 192.0.2.80, owner: ann@example.com, reason: "goes back, soon", until: 2026-12-31}
    - check: ptr
      domain: Example.net
      owner: bob
      reason: moves
      until: "2027-01-31"
  fail-on: warning
`
	s, problems := desired.Parse([]byte(examined+section), nil)
	if len(problems) > 0 || s.Check == nil {
		t.Fatal(problems)
	}
	c := *s.Check
	if len(c.Domains) != 2 || c.Domains[0].Name != "example.net." || c.Domains[1].Name != "xn--bcher-kva.example." || c.FailOn != "warning" || len(c.Senders) != 2 {
		t.Errorf("%+v", c)
	}
	if len(c.MX) != 2 || c.MX[0] != "mx1.example.com." || c.DMARC != "quarantine" || c.KeyFrom != "DQS" {
		t.Errorf("%+v", c)
	}
	if len(c.Severities) != 2 || c.Severities[1] != (desired.Graded{Check: "dmarc.policy-none", Severity: diagnosis.Critical}) {
		t.Errorf("%+v", c.Severities)
	}
	if len(c.Waivers) != 2 {
		t.Fatalf("%+v", c.Waivers)
	}
	if w := c.Waivers[1]; w.Check != "ptr" || w.Domain != "example.net." || w.Owner != "bob" || w.Until.Format("2006-01-02") != "2027-01-31" || w.At != "19" {
		t.Errorf("%+v", w)
	}
	text := desired.Format(s)
	again, problems := desired.Parse(text, nil)
	if len(problems) > 0 {
		t.Fatalf("%v in\n%s", problems, text)
	}
	if string(desired.Format(again)) != string(text) {
		t.Errorf("written again it is\n%s", desired.Format(again))
	}
}

func TestCheckingProblems(t *testing.T) {
	for section, want := range map[string]string{
		"check: {fail-on: sometimes}":                                               `line 6:18: check.fail-on: no severity "sometimes"`,
		"check: {severities: {spf.exists: grave}}":                                  "line 6:34: check.severities.spf.exists: no severity",
		"check: {waivers: {check: spf}}":                                            "is not a list",
		"check: {waivers: [{check: spf, owner: ann, until: 2026-12-31}]}":           "a waiver of spf has no reason",
		"check: {waivers: [{check: spf, owner: ann, reason: x}]}":                   "a waiver of spf has no until, its last day",
		"check: {waivers: [{check: spf, owner: ann, reason: x, until: soon}]}":      `"soon" is not a day`,
		"check: {waivers: [{check: spf, reason: x, until: 2026-12-31}]}":            "has no owner",
		"check: {waiver: [{check: spf, owner: ann, reason: x, until: 2026-12-31}]}": "did you mean waivers",
		"check: {domains: {example.net: {mx: mx1}}}":                                `"mx1"`,
		"check: {domains: {example.net: {dmarc: strict}}}":                          `line 6:40: check.domains.example.net.dmarc: no DMARC policy "strict"`,
		"check: {domains: {example.net: {selector: s1}}}":                           "did you mean selectors",
		"check: {domains: {example.net: , EXAMPLE.net: }}":                          "stands twice",
		"check: {domains: {}}":                                                      "has no domain",
		"check: {dmarc: p=reject}":                                                  `no DMARC policy "p=reject"`,
		"check: {spamhaus-key: abcdefghijklmnopqrstuvwxyz}":                         "line 6:23: check.spamhaus-key: is not the name of an environment variable",
		"check: {domains: example}\n":                                               "check.domains",
		"check: {skip: [a b]}":                                                      "write a list",
		"check: {skip: [spf, spf]}":                                                 "stands twice",
		"check: {waivers: [{check: spf, owner: ann, until: 2026-12-31, reason: " + strings.Repeat("x", 600) + "}]}": "longer than 500 octets",
	} {
		_, problems := desired.Parse([]byte(examined+section), nil)
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), want) {
			t.Errorf("%.80s: %v, want %q", section, problems, want)
		}
	}
}

// More can be said of single domains, and a file may be for examinations alone.
func TestExamined(t *testing.T) {
	const text = `version: 1
check:
  domains:
    example.net:
      selectors: [s1, s2]
      senders: 192.0.2.80
      mx: mx1.example.net
      dmarc: reject
    "bücher.example":
`
	s, problems := desired.Parse([]byte(text), nil)
	if len(problems) > 0 || len(s.Check.Domains) != 2 {
		t.Fatal(problems)
	}
	e := s.Check.Domains[0]
	if e.Name != "example.net." || len(e.Selectors) != 2 || e.Senders[0].String() != "192.0.2.80" || e.MX[0] != "mx1.example.net." || e.DMARC != "reject" {
		t.Errorf("%+v", e)
	}
	if s.Check.Domains[1].Name != "xn--bcher-kva.example." {
		t.Errorf("%+v", s.Check.Domains[1])
	}
	again, problems := desired.Parse(desired.Format(s), nil)
	if len(problems) > 0 || !reflect.DeepEqual(again.Check, s.Check) {
		t.Errorf("written it is %v\n%s", problems, desired.Format(s))
	}
	if _, problems := desired.Parse([]byte("version: 1\ncheck: {dmarc: none}\n"), nil); len(problems) != 1 || !strings.Contains(problems[0].Error(), "domains: is missing") {
		t.Errorf("a file without any domain: %v", problems)
	}
}

// What stands where the name of a variable should may be the key.
func TestKeyIsNotRepeated(t *testing.T) {
	for _, key := range []string{"abcdefghijklmnopqrstuvwxyz", "ABC-DEF", "A b", "7ABC", `""`, strings.Repeat("A", 65)} {
		_, problems := desired.Parse([]byte(examined+"check: {spamhaus-key: "+key+"}"), nil)
		if len(problems) != 1 || key != `""` && strings.Contains(problems[0].Error(), key) {
			t.Errorf("%s: %v", key, problems)
		}
	}
}

func TestMX(t *testing.T) {
	const text = `version: 1
hosts: {mx1.example.com: 192.0.2.25, mx2.example.com: 192.0.2.26}
domains:
  example.com: {profile: standard, hosts: [mx2.example.com, mx1.example.com]}
  example.net: {services: fastmail}
  example.org: {profile: no-mail}
  lacks.example: {services: microsoft365}
`
	s, problems := desired.Parse([]byte(text), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for domain, want := range map[string]string{
		"example.com.":   "mx2.example.com. mx1.example.com.",
		"example.net.":   "in1-smtp.messagingengine.com. in2-smtp.messagingengine.com.",
		"example.org.":   "",
		"lacks.example.": "",
		"other.example.": "",
	} {
		if got := strings.Join(s.MX(domain), " "); got != want {
			t.Errorf("%s: %q, want %q", domain, got, want)
		}
	}
}
