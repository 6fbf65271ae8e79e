package report_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

// A topic in order says on one line what tells most.
func TestTextTelling(t *testing.T) {
	for _, c := range []struct {
		name string
		seen []diagnosis.Evidence
		want string
	}{
		{"the answer to a question stands alone", []diagnosis.Evidence{{Question: "MX", Answer: "10 mx.example.org"}, {Question: "TXT example.org", Answer: "v=spf1 -all"}}, "10 mx.example.org · 2 checks passed"},
		{"names have their owner", []diagnosis.Evidence{{Question: "MX", Answer: "10 mx.example.org"}, {Question: "mx.example.org", Answer: "192.0.2.1, 2001:db8::1"}}, "10 mx.example.org · mx.example.org → 192.0.2.1, 2001:db8::1"},
		{"a subject without its explanation", []diagnosis.Evidence{{Question: "192.0.2.1 (an MX host)", Answer: "on none of 14 lists"}}, "192.0.2.1 → on none of 14 lists"},
		{"other answers have a label", []diagnosis.Evidence{{Question: "MX records", Answer: "2"}}, "MX records: 2"},
		{"measures go before names", []diagnosis.Evidence{{Answer: "first"}, {Question: "mx.example.org", Answer: "192.0.2.1"}, {Question: "SPF lookups", Answer: "needs 7 of 10"}}, "first · SPF lookups: needs 7 of 10 · mx.example.org → 192.0.2.1"},
		{"what there is not is left out", []diagnosis.Evidence{{Question: "redirect", Answer: "none"}, {Answer: "no alias"}, {Answer: "192.0.2.1"}}, "192.0.2.1 · 3 checks passed"},
		{"unless there is nothing else", []diagnosis.Evidence{{Question: "redirect", Answer: "none"}}, "redirect: none"},
		{"a subject once", []diagnosis.Evidence{{Question: "s1._domainkey.example.org", Answer: "RSA 2048"}, {Question: "s1._domainkey.example.org", Answer: "no t=y"}}, "s1._domainkey.example.org → RSA 2048 · 2 checks passed"},
		{"the first line of several", []diagnosis.Evidence{{Answer: "one\ntwo"}}, "one"},
		{"what does not fit is left out", []diagnosis.Evidence{{Answer: "a"}, {Question: "L", Answer: strings.Repeat("b", 90) + " 1 of 2"}, {Question: "n", Answer: "1 of 2"}}, "a · n: 1 of 2 · 3 checks passed"},
		{"nothing seen", []diagnosis.Evidence{{}}, "1 check passed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := diagnosis.Report{Domain: "example.org"}
			for i, e := range c.seen {
				r.Results = append(r.Results, diagnosis.Result{Rule: diagnosis.Rule{ID: fmt.Sprintf("t.c%d", i)}, Seen: []diagnosis.Evidence{e}})
			}
			if text := render(t, report.TextOptions{Width: 80}, r); !strings.Contains(text, "✓ t  "+c.want+"\n") {
				t.Errorf("want %q in\n%s", c.want, text)
			}
		})
	}
}

// A topic that is not in order says what is wrong, or why it is not known.
func TestTextWorst(t *testing.T) {
	found := func(words ...string) (list []diagnosis.Finding) {
		for _, w := range words {
			list = append(list, diagnosis.Finding{Message: w, Severity: diagnosis.Warning})
		}
		return list
	}
	grave := fail("t.b", diagnosis.Critical, "", diagnosis.Finding{Message: "mail is lost", Severity: diagnosis.Critical})
	for _, c := range []struct {
		name    string
		results []diagnosis.Result
		want    string
	}{
		{"a finding", []diagnosis.Result{fail("t.a", diagnosis.Warning, "", found("one")...)}, "! t  one"},
		{"the gravest of several", []diagnosis.Result{fail("t.a", diagnosis.Warning, "", found("one", "two")...), grave}, "✗ t  mail is lost (+2 more)"},
		{"one that does not fit", []diagnosis.Result{fail("t.a", diagnosis.Warning, "", found(strings.Repeat("long ", 20), "two")...)}, "! t  long long long long long long long … (+1 more)"},
		{"one with an aside", []diagnosis.Result{fail("t.a", diagnosis.Warning, "", found("192.0.2.25 (an MX host that SPF lets send) is on 1 of 14 lists")...)}, "! t  192.0.2.25 is on 1 of 14 lists"},
		{"one with clauses", []diagnosis.Result{fail("t.a", diagnosis.Warning, "", found("the key at s1 has 1024 bits, too few; 2048 are expected: renew it")...)}, "! t  the key at s1 has 1024 bits, too few…"},
		{"brackets that fit", []diagnosis.Result{fail("t.a", diagnosis.Warning, "", found("one (two; three): four")...)}, "! t  one (two; three): four"},
		{"a doubt", []diagnosis.Result{doubt("t.a", "", "", "no answer")}, "? t  could not be told: no answer"},
		{"a doubt beside a pass", []diagnosis.Result{pass("t.a", "", "", "x"), doubt("t.b", "", "", "no answer")}, "? t  1 of 2 could not be told: no answer"},
		{"a doubt about something else", []diagnosis.Result{doubt("t.a", "dns.x", "", "because")}, "? t  could not be told, because of dns.x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := render(t, report.TextOptions{Width: 53}, diagnosis.Report{Domain: "example.org", Results: c.results})
			if !strings.Contains(text, "\n  "+c.want+"\n") {
				t.Errorf("want %q in\n%s", c.want, text)
			}
		})
	}
}

// A URL is copied as a whole, so it is printed as a whole.
func TestTextKeepsURLs(t *testing.T) {
	url := "https://lists.example.net/" + strings.Repeat("remove/", 12) + "?ip=192.0.2.25"
	text := render(t, report.TextOptions{Width: 60}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		fail("dnsbl.ip-listed", diagnosis.Critical, "", diagnosis.Finding{Message: "m", Remedy: diagnosis.Remedy{Steps: []string{"Use the form at " + url + " for removal."}}}),
	}})
	if !strings.Contains(text, url+"\n        for removal.") {
		t.Errorf("want %s whole in\n%s", url, text)
	}
}

// What kept several checks from a verdict is said once.
func TestTextUnknownOnce(t *testing.T) {
	reason := "A mx.example.org: SERVFAIL"
	text := render(t, report.TextOptions{}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		doubt("mx.resolves", "", "mx.example.org", reason), doubt("dnsbl.ip-listed", "", "", reason), doubt("mx.count", "mx.resolves", "", "because mx.resolves could not be told"),
	}})
	_, below, _ := strings.Cut(text, "COULD NOT BE TOLD")
	if want := "\n  " + reason + "\n  mx.resolves, dnsbl.ip-listed; 1 check depends on it\n"; strings.Count(below, reason) != 1 || !strings.Contains(text, want) {
		t.Errorf("want once %q in\n%s", want, text)
	}
}

// A long step is said once, and pointed to from other checks; a short one is
// said again, and every finding of one check says all of its own.
func TestTextStepOnce(t *testing.T) {
	long := "Set the reverse DNS of 192.0.2.25 to mail.example.org in the panel of whoever rents you the address."
	finding := func(steps ...string) diagnosis.Finding {
		return diagnosis.Finding{Message: "m", Remedy: diagnosis.Remedy{Steps: steps}}
	}
	text := render(t, report.TextOptions{Width: 120}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		fail("ptr.exists", diagnosis.Warning, "", finding(long, "Reload."), finding(long)),
		fail("ptr.generic-name", diagnosis.Warning, "", finding("Reload.", long)),
	}})
	if a, b := strings.Count(text, long), strings.Count(text, "Reload."); a != 2 || b != 2 {
		t.Errorf("the long step is said %d times, the short one %d times, want 2 and 2:\n%s", a, b, text)
	}
	if !strings.Contains(text, "2. As for ptr.exists above.") {
		t.Errorf("the third finding does not point to the first:\n%s", text)
	}
}

// Findings of one check that the same steps cure say them once.
func TestTextStepsTheSame(t *testing.T) {
	steps := diagnosis.Remedy{Steps: []string{"Publish the public address of the host in place of this one.", "Wait until it is known everywhere."}}
	text := render(t, report.TextOptions{}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		fail("mx.public-address", diagnosis.Warning, "", diagnosis.Finding{Message: "a", Remedy: steps}, diagnosis.Finding{Message: "b", Remedy: steps}),
	}})
	if strings.Count(text, steps.Steps[0]) != 1 || !strings.Contains(text, "\n  b (advice)\n\n  fix   The same as above.\n") {
		t.Errorf("the steps are not said once:\n%s", text)
	}
}

// Who pastes a TXT record into a panel is told of the quotes, once.
func TestTextQuotes(t *testing.T) {
	const hint = "without the quotes"
	for _, c := range []struct {
		name   string
		record string
		want   int
	}{{"TXT", `Publish ` + "`" + `example.org. IN TXT "v=spf1 -all"` + "`", 1}, {"MX", "Publish `example.org. IN MX 10 mx.example.org.`", 0}} {
		r := diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
			fail("a.b", diagnosis.Warning, "", diagnosis.Finding{Message: "m", Remedy: diagnosis.Remedy{Steps: []string{c.record}}}),
		}}
		if text := render(t, report.TextOptions{}, r, r); strings.Count(text, hint) != c.want {
			t.Errorf("%s: want the hint %d times in\n%s", c.name, c.want, text)
		}
	}
}

// A record in a step is not wrapped either; other code is part of the words.
func TestTextRecordInStep(t *testing.T) {
	ptr := "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.0.0.8.b.d.0.1.0.0.2.ip6.arpa. IN PTR mail.example.org."
	text := render(t, report.TextOptions{Width: 60}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		fail("ptr.exists", diagnosis.Warning, "", diagnosis.Finding{Message: "m", Remedy: diagnosis.Remedy{Steps: []string{
			"Set the PTR: `" + ptr + "`.", "Then run `postfix reload` and `" + ptr + "` once more; an odd ` is no harm",
		}}}),
	}})
	want := `
  fix   1. Set the PTR:

` + ptr + `

        2. Then run ` + "`postfix reload`" + ` and

` + ptr + `

           once more; an odd ` + "`" + ` is no harm
`
	if !strings.Contains(text, want) {
		t.Errorf("want %s\nin\n%s", want, text)
	}
}

// Commands in steps are whole, and the lines of a file stand by themselves.
func TestTextCommands(t *testing.T) {
	const command = "`openssl rsa -in dkim.pem -pubout -outform DER | openssl base64 -A`"
	step := "By hand, and this once: " + command + " prints the key. Serve `version: STSv1` `mode: testing` `mx: mail.example.org`, and see."
	text := render(t, report.TextOptions{Width: 60}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		fail("a.check", diagnosis.Warning, "", diagnosis.Finding{Message: "m", Severity: diagnosis.Warning, Remedy: diagnosis.Remedy{Steps: []string{
			step, "A mark from elsewhere: \ue000; an open ` too.",
		}}}),
	}})
	for _, want := range []string{command, "\nversion: STSv1\nmode: testing\nmx: mail.example.org\n", `\u{e000}`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not there:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\ue000") {
		t.Errorf("the glue shows:\n%s", text)
	}
}
