package desired_test

import (
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
	if len(c.Domains) != 2 || c.Domains[0] != "example.net." || c.Domains[1] != "xn--bcher-kva.example." || c.FailOn != "warning" || len(c.Senders) != 2 {
		t.Errorf("%+v", c)
	}
	if len(c.Severities) != 2 || c.Severities[1] != (desired.Graded{Check: "dmarc.policy-none", Severity: diagnosis.Critical}) {
		t.Errorf("%+v", c.Severities)
	}
	if len(c.Waivers) != 2 {
		t.Fatalf("%+v", c.Waivers)
	}
	if w := c.Waivers[1]; w.Check != "ptr" || w.Domain != "example.net." || w.Owner != "bob" || w.Until.Format("2006-01-02") != "2027-01-31" || w.At != "16" {
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
