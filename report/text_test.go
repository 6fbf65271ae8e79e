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
		{"compact", []diagnosis.Report{healthy(), sick(), interrupted(), hostile()}, report.TextOptions{Compact: true}},
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
		{"not all told", diagnosis.Report{Results: append(count(diagnosis.Unknown, 2), count(diagnosis.Passed, 2)...)},
			"nothing wrong found · 2 passed, 2 could not be told · 0 questions in 0 ms"},
		{"less told than not", diagnosis.Report{Results: append(count(diagnosis.Unknown, 2), count(diagnosis.Passed, 1)...)},
			"inconclusive · 1 passed, 2 could not be told · 0 questions in 0 ms"},
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
	// The topic's line has the first of them too.
	r := diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{fail("ptr.exists", diagnosis.Warning, "", list...)}}
	short, long := render(t, report.TextOptions{}, r), render(t, report.TextOptions{Verbose: true}, r)
	if n := strings.Count(short, "has no reverse name"); n != 1+6 || !strings.Contains(short, "and 34 more findings of this kind; --verbose shows all") {
		t.Errorf("%d shown:\n%s", n, short)
	}
	if n := strings.Count(long, "has no reverse name"); n != 1+40 {
		t.Errorf("verbose: %d shown, want 41", n)
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

// The gravest come first, and those alike in the order in which they were asked for.
func TestTextCompactOrder(t *testing.T) {
	of := func(domain string, severities ...diagnosis.Severity) diagnosis.Report {
		r := diagnosis.Report{Domain: domain, Results: []diagnosis.Result{{Rule: diagnosis.Rule{ID: "a.passes"}, Outcome: diagnosis.Passed}}}
		for i, s := range severities {
			r.Results = append(r.Results, fail(fmt.Sprintf("a.check-%d", i), s, "", diagnosis.Finding{Subject: domain, Message: domain + " is not well", Severity: s}))
		}
		return r
	}
	unknown := of("unknown.example")
	unknown.Results = append(unknown.Results, diagnosis.Result{Rule: diagnosis.Rule{ID: "a.open"}, Outcome: diagnosis.Unknown, Reason: "timed out"})
	text := render(t, report.TextOptions{Compact: true}, of("well.example"), of("advised.example", diagnosis.Advice), of("b-warned.example", diagnosis.Warning), unknown,
		of("a-warned.example", diagnosis.Warning), of("ill.example", diagnosis.Critical), of("worse.example", diagnosis.Critical, diagnosis.Critical))
	last := -1
	for _, name := range []string{"7 domains", "✗ worse", "✗ ill", "! b-warned", "! a-warned", "! advised", "? unknown", "✓ well", "2 with critical findings · 2 with warnings", "maildoctor check worse.example"} {
		at := strings.Index(text, name)
		if at <= last {
			t.Errorf("%s stands at %d:\n%s", name, at, text)
		}
		last = at
	}
}

// What a name from a report in a file could do to a shell stands in no command.
func TestTextCompactCommand(t *testing.T) {
	for _, name := range []string{"$(reboot).example", "a.example;reboot", "-rf", "`x`", "a b", ""} {
		r := diagnosis.Report{Domain: name, Results: []diagnosis.Result{fail("a.check", diagnosis.Critical, "", diagnosis.Finding{Message: "m", Severity: diagnosis.Critical})}}
		if text := render(t, report.TextOptions{Compact: true}, r, r); strings.Contains(text, "maildoctor check") {
			t.Errorf("%q:\n%s", name, text)
		}
	}
}

func TestTextCompactFits(t *testing.T) {
	for _, width := range []int{40, 60, 80, 120} {
		for l := range strings.Lines(render(t, report.TextOptions{Width: width, Compact: true}, healthy(), sick(), interrupted())) {
			if n := lipgloss.Width(strings.TrimSuffix(l, "\n")); n > width && !strings.Contains(l, "(xn--") && !strings.Contains(l, "maildoctor check ") {
				t.Errorf("width %d: %d columns: %s", width, n, l)
			}
		}
	}
}
