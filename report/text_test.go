package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"charm.land/lipgloss/v2"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

var update = flag.Bool("update", false, "rewrite testdata/golden; the diff is the review")

func render(t testing.TB, o report.TextOptions, reports ...diagnosis.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Text(&b, reports, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("..", "testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run go test ./report -update and read what it writes", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; if that is meant, run go test ./report -update and read the diff\ngot:\n%s", path, got)
	}
}

func TestTextGolden(t *testing.T) {
	for _, c := range []struct {
		name    string
		reports []diagnosis.Report
		o       report.TextOptions
	}{
		{"healthy", []diagnosis.Report{healthy()}, report.TextOptions{}},
		{"sick", []diagnosis.Report{sick()}, report.TextOptions{}},
		{"interrupted", []diagnosis.Report{interrupted()}, report.TextOptions{}},
		{"hostile", []diagnosis.Report{hostile()}, report.TextOptions{}},
		{"several", []diagnosis.Report{healthy(), sick(), interrupted()}, report.TextOptions{}},
		{"verbose", []diagnosis.Report{sick()}, report.TextOptions{Verbose: true}},
	} {
		for _, width := range []int{60, 100} {
			name := fmt.Sprintf("%s.%d.txt", c.name, width)
			t.Run(name, func(t *testing.T) {
				o := c.o
				o.Width = width
				golden(t, name, render(t, o, c.reports...))
			})
		}
	}
}

// Nothing is wider than the page but records to publish, and names.
func TestTextFits(t *testing.T) {
	for _, width := range []int{40, 60, 80, 120} {
		for _, verbose := range []bool{false, true} {
			text := render(t, report.TextOptions{Width: width, Verbose: verbose}, healthy(), sick(), interrupted())
			for l := range strings.Lines(text) {
				if n := lipgloss.Width(strings.TrimSuffix(l, "\n")); n > width && !strings.Contains(l, " IN ") && !strings.Contains(l, "(xn--") {
					t.Errorf("width %d, verbose %v: %d columns: %s", width, verbose, n, l)
				}
			}
		}
	}
}

// A record stands whole on a line of its own, as a zone file takes it.
func TestTextRecordsPaste(t *testing.T) {
	text := render(t, report.TextOptions{Width: 40}, sick())
	for _, r := range sick().Results {
		for _, f := range r.Findings {
			for _, e := range f.Remedy.Edits {
				for _, want := range e.Want {
					if !strings.Contains(text, "\n"+want.String()+"\n") {
						t.Errorf("not on a line of its own: %s", want)
					}
				}
			}
		}
	}
}

// The same record is asked for once, however many findings it cures.
func TestTextRecordOnce(t *testing.T) {
	text := render(t, report.TextOptions{Width: 80}, sick())
	if n := strings.Count(text, `IN TXT "v=spf1 mx ip4`); n != 1 {
		t.Errorf("the merged SPF record is shown %d times, want once:\n%s", n, text)
	}
	if !strings.Contains(text, "The change shown for spf.single-record above cures this too.") {
		t.Errorf("the second finding does not point to the first:\n%s", text)
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

// What kept several checks from a verdict is said once.
func TestTextUnknownOnce(t *testing.T) {
	reason := "A mx.example.org: SERVFAIL"
	text := render(t, report.TextOptions{}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		doubt("mx.resolves", "", "mx.example.org", reason), doubt("dnsbl.ip-listed", "", "", reason), doubt("mx.count", "mx.resolves", "", "because mx.resolves could not be told"),
	}})
	if want := "\n  " + reason + "\n  mx.resolves, dnsbl.ip-listed; 1 check depends on it\n"; strings.Count(text, reason) != 1 || !strings.Contains(text, want) {
		t.Errorf("want once %q in\n%s", want, text)
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

// A topic in order says on one line what tells most.
func TestTextTelling(t *testing.T) {
	for _, c := range []struct {
		name string
		seen []diagnosis.Evidence
		want string
	}{
		{"answers to questions stand alone", []diagnosis.Evidence{{Question: "MX", Answer: "10 mx.example.org"}, {Question: "A mx.example.org", Answer: "192.0.2.1"}}, "10 mx.example.org · 192.0.2.1"},
		{"other answers have a label", []diagnosis.Evidence{{Question: "MX records", Answer: "2"}}, "MX records: 2"},
		{"measures go before the rest", []diagnosis.Evidence{{Answer: "first"}, {Answer: "second"}, {Question: "SPF lookups", Answer: "needs 7 of 10"}}, "first · SPF lookups: needs 7 of 10 · second"},
		{"what there is not goes last, or not at all", []diagnosis.Evidence{{Question: "redirect", Answer: "none"}, {Answer: "no alias"}, {Answer: "192.0.2.1"}}, "192.0.2.1 · no alias"},
		{"each once", []diagnosis.Evidence{{Answer: "10 mx.example.org"}, {Answer: "mx.example.org"}}, "10 mx.example.org"},
		{"the first line of several", []diagnosis.Evidence{{Answer: "one\ntwo"}}, "one"},
		{"what does not fit is left out", []diagnosis.Evidence{{Answer: "a"}, {Answer: strings.Repeat("b", 90)}, {Answer: "c"}}, "a · c"},
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

// Causes go before consequences even where those are graver, and the graver first.
func TestTextOrder(t *testing.T) {
	finding := func(s diagnosis.Severity) diagnosis.Finding {
		return diagnosis.Finding{Subject: "example.org", Message: "example.org is not well", Severity: s}
	}
	consequence := fail("a.consequence", diagnosis.Critical, "", finding(diagnosis.Critical))
	consequence.Cause = "b.cause"
	text := render(t, report.TextOptions{}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
		consequence,
		fail("b.cause", diagnosis.Advice, "", finding(diagnosis.Advice)),
		fail("c.first", diagnosis.Critical, "", finding(diagnosis.Critical)),
		fail("d.second", diagnosis.Critical, "", finding(diagnosis.Critical)),
	}})
	last := -1
	for _, id := range []string{"CRITICAL  c.first", "CRITICAL  d.second", "ADVICE  b.cause", "CRITICAL  a.consequence"} {
		at := strings.Index(text, id)
		if at <= last {
			t.Errorf("%s at %d, after %d:\n%s", id, at, last, text)
		}
		last = at
	}
}

func TestTextLastLine(t *testing.T) {
	count := func(o diagnosis.Outcome, n int) (list []diagnosis.Result) {
		for i := range n {
			r := diagnosis.Result{Rule: diagnosis.Rule{ID: fmt.Sprintf("t.%v-%d", o, i)}, Outcome: o}
			if o == diagnosis.Failed {
				r.Severity = diagnosis.Warning
				r.Findings = []diagnosis.Finding{{Message: "m", Severity: diagnosis.Warning}}
			}
			list = append(list, r)
		}
		return list
	}
	for _, c := range []struct {
		name string
		r    diagnosis.Report
		want string
	}{
		{"one of each", diagnosis.Report{Questions: 1, Took: time.Second, Results: append(count(diagnosis.Failed, 1), count(diagnosis.Unknown, 1)...)},
			"1 warning · 1 could not be told · 1 question in 1.0 s"},
		{"several", diagnosis.Report{Questions: 214, Took: 1249 * time.Millisecond, Results: append(count(diagnosis.Failed, 2), count(diagnosis.Passed, 61)...)},
			"2 warnings · 61 passed · 214 questions in 1.2 s"},
		{"all well", diagnosis.Report{Questions: 2, Took: 999 * time.Millisecond, Results: count(diagnosis.Passed, 1)},
			"nothing wrong · 1 passed · 2 questions in 999 ms"},
		{"not all told", diagnosis.Report{Results: count(diagnosis.Unknown, 2)},
			"nothing wrong found · 2 could not be told · 0 questions in 0 ms"},
		{"cut short", diagnosis.Report{Took: 59960 * time.Millisecond, CutShort: true, Results: count(diagnosis.Passed, 3)},
			"nothing wrong found · 3 passed · 0 questions in 1 min 0 s · cut short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.r.Domain = "example.org"
			all := strings.Split(strings.TrimSuffix(render(t, report.TextOptions{Width: 100}, c.r), "\n"), "\n")
			if got := all[len(all)-1]; got != c.want {
				t.Errorf("last line\n%q, want\n%q", got, c.want)
			}
		})
	}
}

// Many findings of one check are a sample and a count, and all of them on demand.
func TestTextManyFindings(t *testing.T) {
	var list []diagnosis.Finding
	for i := range 40 {
		list = append(list, diagnosis.Finding{Subject: fmt.Sprintf("host%d.example.org", i), Message: "has no reverse name", Severity: diagnosis.Warning})
	}
	r := diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{fail("ptr.exists", diagnosis.Warning, "", list...)}}
	short, long := render(t, report.TextOptions{}, r), render(t, report.TextOptions{Verbose: true}, r)
	if n := strings.Count(short, "has no reverse name"); n != 6 || !strings.Contains(short, "and 34 more findings of this kind; --verbose shows all") {
		t.Errorf("%d shown:\n%s", n, short)
	}
	if n := strings.Count(long, "has no reverse name"); n != 40 {
		t.Errorf("verbose: %d shown, want 40", n)
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Colour repeats: without it the text is the same.
func TestTextColourCarriesNothing(t *testing.T) {
	for _, r := range []diagnosis.Report{healthy(), sick(), interrupted(), hostile()} {
		without := render(t, report.TextOptions{Width: 70}, r)
		with := render(t, report.TextOptions{Width: 70, Colour: true}, r)
		if with == without {
			t.Error("no colour where it was asked for")
		}
		// Blanks at the end of a line may stand inside of a sequence.
		blanks := regexp.MustCompile(` +\n`)
		if got := blanks.ReplaceAllString(sgr.ReplaceAllString(with, ""), "\n"); got != without {
			t.Errorf("with colour:\n%s\nwithout:\n%s", got, without)
		}
	}
}

// Whatever came from the network, the terminal sees text and our own colours.
func TestTextIsInert(t *testing.T) {
	for _, verbose := range []bool{false, true} {
		for _, colour := range []bool{false, true} {
			text := render(t, report.TextOptions{Verbose: verbose, Colour: colour}, hostile(), hostile())
			if bad := firstControl(text, colour); bad != "" {
				t.Errorf("verbose %v, colour %v: the text holds %s", verbose, colour, bad)
			}
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "x", "\x1b[2J", "\u009b1m", "\u202e", "\xff\xfe", "a\nb\n\n", strings.Repeat("w", 300), "ü\u0301 \U0001f468\u200d\U0001f469", "   "} {
		f.Add(s, 60, true, true)
	}
	f.Fuzz(func(t *testing.T, s string, width int, verbose, colour bool) {
		text := render(t, report.TextOptions{Width: width, Verbose: verbose, Colour: colour}, hostileWith(s))
		if bad := firstControl(text, colour); bad != "" {
			t.Fatalf("the text holds %s: %q", bad, text)
		}
		if !utf8.ValidString(text) || !strings.HasSuffix(text, "\n") {
			t.Fatalf("not lines of UTF-8: %q", text)
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe is gone") }

func TestWriteErrors(t *testing.T) {
	reports := []diagnosis.Report{healthy()}
	if err := report.Text(broken{}, reports, report.TextOptions{}); err == nil {
		t.Error("Text passes over a writer's error")
	}
	if err := report.JSON(broken{}, reports); err == nil {
		t.Error("JSON passes over a writer's error")
	}
}

func TestRule(t *testing.T) {
	r := diagnosis.Rule{
		ID: "spf.lookup-limit", Title: "The whole tree needs at most ten querying terms", Severity: diagnosis.Critical,
		Why:  "The eleventh makes receivers answer permerror.",
		Doc:  "Counted are include, a,\nmx, ptr, exists and redirect.\n\nBy hand:\n- drop an include that\n  nobody uses\n- write addresses as ip4\n\n  example.org. IN TXT \"v=spf1 ip4:192.0.2.1 -all\"   ; not wrapped, however long it is on this page",
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.4"}, {Name: "M3AAWG", URL: "https://example.net/doc"}, {Name: "RFC 7208, appendix"}, {Name: "a book"}},
	}
	var b bytes.Buffer
	if err := report.Rule(&b, r, report.TextOptions{Width: 60}); err != nil {
		t.Fatal(err)
	}
	golden(t, "rule.60.txt", b.String())
	b.Reset()
	if err := report.Rules(&b, []diagnosis.Rule{r, {ID: "mx.exists", Title: "The domain publishes MX records"}}, report.TextOptions{Width: 60}); err != nil {
		t.Fatal(err)
	}
	golden(t, "rules.60.txt", b.String())
	b.Reset()
	if err := report.RulesJSON(&b, []diagnosis.Rule{r}); err != nil {
		t.Fatal(err)
	}
	golden(t, "rules.json", b.String())
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

// A removal is words, and says whose records stay.
func TestTextRemoval(t *testing.T) {
	for _, c := range []struct {
		edit record.Edit
		want string
	}{
		{record.Set(record.SPF("example.org")), `Remove every TXT record that begins "v=spf1" at example.org.`},
		{record.Set(record.MXSet("example.org")), "Remove all MX records at example.org."},
		{record.Set(record.DMARC("example.org"), record.TXT("_dmarc.example.org", "v=DMARC1; p=none")), `Publish this record. It replaces every TXT record that begins "v=DMARC1" at _dmarc.example.org:`},
	} {
		text := render(t, report.TextOptions{Width: 120}, diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{
			fail("a.b", diagnosis.Warning, "", diagnosis.Finding{Message: "m", Remedy: diagnosis.Remedy{Edits: []record.Edit{c.edit}}}),
		}})
		if !strings.Contains(text, c.want) {
			t.Errorf("want %q in\n%s", c.want, text)
		}
	}
}

// A word without an end takes no time without an end.
func TestTextLongWords(t *testing.T) {
	for _, unit := range []string{"p", "é", "\x00"} {
		start := time.Now()
		render(t, report.TextOptions{Verbose: true}, hostileWith(strings.Repeat(unit, 1<<12)))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q took %v", unit, took)
		}
	}
}
