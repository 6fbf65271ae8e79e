package report_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

// osc8 is a link as this program writes it: to HTTPS, opened and closed.
var osc8 = regexp.MustCompile("\x1b]8;;(https://[!-~]+)\x1b\\\\(.*?)\x1b]8;;\x1b\\\\")

// unlinked is text without its links.
func unlinked(s string) string { return osc8.ReplaceAllString(s, "$2") }

// Links are put around words and change neither them nor where lines end.
func TestTextLinksCarryNothing(t *testing.T) {
	for _, width := range []int{40, 70, 120} {
		for _, colour := range []bool{false, true} {
			for _, r := range []diagnosis.Report{healthy(), sick(), interrupted(), hostile()} {
				o := report.TextOptions{Width: width, Colour: colour, Verbose: true}
				without := render(t, o, r)
				o.Links = true
				with := render(t, o, r)
				if got := unlinked(with); got != without {
					t.Errorf("with links:\n%q\nwithout:\n%q", got, without)
				}
				for _, m := range osc8.FindAllStringSubmatch(with, -1) {
					if !strings.HasPrefix(m[1], "https://github.com/maildoctor/maildoctor/blob/main/docs/checks.md#") {
						t.Errorf("a report leads to %q", m[1])
					}
				}
			}
		}
	}
	if text := render(t, report.TextOptions{Links: true}, sick()); !osc8.MatchString(text) {
		t.Errorf("no links where they were asked for:\n%s", text)
	}
}

// TestLinksAreOurs: nothing that a report from elsewhere holds becomes the address
// of a link, and what becomes none stands as text.
func TestLinksAreOurs(t *testing.T) {
	for _, id := range []string{
		"spf.x\x1b\\\x1b]8;;https://evil.example\x1b\\", "spf.x\a", "spf.x https://evil.example", "spf.x;y", "spf.ü", "spf", "spf.", ".x",
		"spf.x#/../../evil", "spf.x\n", "zone.syntax", "auth.spf", strings.Repeat("x", 99) + ".y", "https://evil.example/a.b",
	} {
		r := sick()
		for i := range r.Results {
			r.Results[i].Rule.ID = id
		}
		if text := render(t, report.TextOptions{Links: true}, r); strings.Contains(text, "\x1b") {
			t.Errorf("the ID %q makes a link:\n%q", id, text)
		}
	}
	if text := render(t, report.TextOptions{Links: true}, hostile()); firstControl(unlinked(text), false) != "" {
		t.Errorf("the text holds %s", firstControl(unlinked(text), false))
	}
}

func TestRuleLinks(t *testing.T) {
	r := diagnosis.Rule{ID: "spf.lookup-limit", Severity: diagnosis.Critical, Title: "It holds", Refs: []diagnosis.Ref{
		{Name: "RFC 7208, 4.6.4"},
		{Name: "A page", URL: "https://support.google.com/mail/answer/81126?hl=en"},
		{Name: "No page"},
		{Name: "No HTTPS", URL: "http://example.org/"},
		{Name: "No such thing", URL: "javascript:alert(1)"},
		{Name: "No host", URL: "https:///etc/passwd"},
		{Name: "Ends it", URL: "https://example.org/\x1b\\x"},
		{Name: "A user", URL: "https://support.google.com@evil.example/"},
	}}
	var b bytes.Buffer
	if err := report.Rule(&b, r, report.TextOptions{Links: true}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range osc8.FindAllStringSubmatch(b.String(), -1) {
		got = append(got, m[2]+" "+m[1])
	}
	const section = "https://www.rfc-editor.org/rfc/rfc7208#section-4.6.4"
	const page = "https://support.google.com/mail/answer/81126?hl=en"
	want := []string{
		"spf.lookup-limit https://github.com/maildoctor/maildoctor/blob/main/docs/checks.md#spf.lookup-limit",
		"RFC 7208, 4.6.4 " + section, section + " " + section, "A page " + page, page + " " + page,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("links:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var plain, list bytes.Buffer
	if err := report.Rule(&plain, r, report.TextOptions{}); err != nil || unlinked(b.String()) != plain.String() {
		t.Errorf("with links:\n%s\nwithout:\n%s", unlinked(b.String()), plain.String())
	}
	plain.Reset()
	_ = report.Rules(&list, []diagnosis.Rule{r, r}, report.TextOptions{Width: 60, Links: true})
	_ = report.Rules(&plain, []diagnosis.Rule{r, r}, report.TextOptions{Width: 60})
	if unlinked(list.String()) != plain.String() || !osc8.MatchString(list.String()) {
		t.Errorf("a list with links:\n%q\nwithout:\n%q", list.String(), plain.String())
	}
}
