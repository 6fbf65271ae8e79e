package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/net/html"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

func written(t testing.TB, f report.Format, reports ...diagnosis.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, reports, options()); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b.String()
}

func options() report.Options {
	return report.Options{FailOn: diagnosis.Warning, Version: "1.2.3", Text: report.TextOptions{Width: 80}}
}

// placed has a finding from a file, and waived ones.
func placed() diagnosis.Report {
	r := sick()
	listed := diagnosis.Finding{Subject: "192.0.2.25", Message: "192.0.2.25 is on 1 of 14 lists", Severity: diagnosis.Critical}
	r.Results = append(r.Results, diagnosis.Result{
		Rule: rule("dnsbl.ip-listed", "No address is listed", diagnosis.Critical, "Why."), Severity: diagnosis.Critical, Outcome: diagnosis.Skipped,
		Reason: "waived until 2026-12-31 by ann@sick.example: not ours any more",
		Waived: []diagnosis.Waived{
			{Finding: listed, By: "ann@sick.example", Reason: "not ours any more", Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)},
			{Finding: listed, Reason: "known since 1 November 2026"},
		},
	})
	r.Results[1].Findings[0].Places = []string{"zones/sick.example.zone:12", "zones/sick.example.zone:13"}
	return r
}

// TestFormats holds every format to its golden file.
func TestFormats(t *testing.T) {
	for _, f := range report.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			got := written(t, f, healthy(), placed(), interrupted())
			golden(t, filepath.Join("formats", f.Name), got)
		})
	}
}

// TestFormatsReadBack: a format is a function of the JSON report.
func TestFormatsReadBack(t *testing.T) {
	reports := []diagnosis.Report{healthy(), placed(), interrupted(), hostile()}
	read, err := report.ReadJSON(bytes.NewReader(toJSON(t, reports...)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Formats() {
		if got, want := written(t, f, read...), written(t, f, reports...); got != want {
			t.Errorf("%s of what was read back differs:\n%s", f.Name, firstDifference(got, want))
		}
	}
}

func firstDifference(a, b string) string {
	one, other := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			return one[i] + "\n" + other[i]
		}
	}
	return "one is longer"
}

// wellFormed tells what keeps a program from reading a document of a format.
func wellFormed(name, doc string) error {
	switch name {
	case "json", "sarif", "gitlab":
		if !json.Valid([]byte(doc)) {
			return errors.New("no JSON")
		}
	case "ndjson":
		for line := range strings.Lines(doc) {
			if _, err := report.ReadJSON(strings.NewReader(line)); err != nil {
				return err
			}
		}
	case "junit":
		d := xml.NewDecoder(strings.NewReader(doc))
		for {
			if _, err := d.Token(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	case "csv":
		_, err := csv.NewReader(strings.NewReader(doc)).ReadAll()
		return err
	case "prometheus":
		p := expfmt.NewTextParser(model.UTF8Validation)
		_, err := p.TextToMetricFamilies(strings.NewReader(doc))
		return err
	case "html":
		return htmlHarmless(doc)
	}
	return nil
}

// htmlHarmless reads a page as a browser does: there is one script and one style,
// no handler, and nothing that is fetched.
func htmlHarmless(doc string) error {
	z := html.NewTokenizer(strings.NewReader(doc))
	count := map[string]int{}
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				return z.Err()
			}
			if count["script"] != 1 || count["style"] != 1 {
				return errors.New("scripts or styles beside ours")
			}
			return nil
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := z.Token()
			count[tag.Data]++
			switch tag.Data {
			case "img", "iframe", "object", "embed", "link", "base", "form", "svg", "audio", "video", "source":
				return errors.New("a tag <" + tag.Data + ">")
			}
			for _, a := range tag.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" {
					return errors.New("an attribute " + a.Key)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "https://") {
					return errors.New("a link to " + a.Val)
				}
			}
		}
	}
}

// payloads are texts that one reader or another would act on.
var payloads = map[string]string{
	"terminal":        "\x1b]0;owned\a\x1b[2J\u009b31m",
	"html":            `</script></style><script>alert(1)</script><img src=x onerror="alert(1)">`,
	"attribute":       `" onmouseover="alert(1)" x='`,
	"javascript URL":  "javascript:alert(1)",
	"formula":         `=cmd|' /C calc'!A0`,
	"formula, minus":  "-1+1+cmd|' /C calc'!A0",
	"formula, quoted": "\"=1+1",
	"quotes":          `"'"`,
	"marks":           strings.Repeat("##[", 20<<10),
	"command":         "::error::owned",
	"command, lines":  "x\n::set-output name=a::b\r\n##[error]owned",
	"azure":           "##vso[task.setvariable variable=a]b",
	"cdata":           "]]><evil/>&xxe;",
	"markdown":        "**bold** [link](javascript:alert(1)) ![](https://evil.example/x) `code` | cell\n# head\n```\nfence\n```\n<b>",
	"mention":         "@everyone https://evil.example www.evil.example #1",
	"perfdata":        "| evil=1;2;3",
	"metric":          "\"} 1\nevil_metric{a=\"b",
	"long":            strings.Repeat("A", 64<<10),
	"not UTF-8":       "\xff\xfe\xc3(",
	"bidi":            "\u202egnp.exe\u2066\u200b",
	"NUL":             "a\x00b",
	"template":        "{{.}} ${jndi:ldap://x} %s%n",
}

// TestFormatsHarmless: what comes from the network makes no format do anything.
func TestFormatsHarmless(t *testing.T) {
	for name, evil := range payloads {
		for _, f := range report.Formats() {
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				doc := written(t, f, hostileWith(evil))
				harmless(t, f.Name, doc)
			})
		}
	}
}

func harmless(t *testing.T, format, doc string) {
	t.Helper()
	if err := wellFormed(format, doc); err != nil {
		t.Errorf("%v in\n%.2000s", err, doc)
	}
	if bad := firstControl(strings.ReplaceAll(doc, "\r\n", "\n"), true); bad != "" {
		t.Errorf("it holds %s", bad)
	}
	for line := range strings.Lines(doc) {
		trimmed := strings.TrimLeft(line, " ")
		if rest, ok := strings.CutPrefix(trimmed, "::"); ok && strings.Contains(rest, "::") && (format != "github" || !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::warning ") && !strings.HasPrefix(line, "::notice ")) {
			t.Errorf("a command: %.200s", line)
		}
		if strings.Contains(line, "##[") || strings.Contains(line, "##vso[") {
			t.Errorf("a command: %.200s", line)
		}
	}
	switch format {
	case "csv":
		all, _ := csv.NewReader(strings.NewReader(doc)).ReadAll()
		for _, row := range all {
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r|%") {
					t.Errorf("a formula: %.200s", cell)
				}
			}
		}
	case "nagios":
		if line, _, _ := strings.Cut(doc, "\n"); strings.Count(line, "|") != 1 {
			t.Errorf("performance data of somebody else: %.300s", line)
		}
	case "prometheus":
		if strings.Contains(doc, "\nevil_metric") {
			t.Error("a metric of somebody else")
		}
	case "markdown":
		for _, bad := range []string{"\n# head", "@everyone", "@e", "https://evil", "<b>alert", "<script", "<img", "](javascript"} {
			if strings.Contains(strings.ReplaceAll(outsideFences(doc), `\]`, ""), bad) {
				t.Errorf("it holds %q", bad)
			}
		}
	}
}

// outsideFences is Markdown without its blocks of code.
func outsideFences(doc string) string {
	var b strings.Builder
	fence := ""
	for line := range strings.Lines(doc) {
		bare := strings.TrimSpace(line)
		ticks := len(bare) - len(strings.TrimLeft(bare, "`"))
		switch {
		case fence == "" && ticks >= 3:
			fence = bare[:ticks]
		case fence != "" && bare == fence:
			fence = ""
		case fence == "":
			b.WriteString(line)
		}
	}
	return b.String()
}

func FuzzFormats(f *testing.F) {
	for _, evil := range payloads {
		f.Add(evil)
	}
	f.Fuzz(func(t *testing.T, evil string) {
		if len(evil) > 4<<10 {
			t.Skip()
		}
		for _, format := range report.Formats() {
			harmless(t, format.Name, written(t, format, hostileWith(evil)))
		}
	})
}

// TestNagiosState: the exit code of a plugin.
func TestNagiosState(t *testing.T) {
	unclear := healthy()
	unclear.Results = append(unclear.Results, doubt("dmarc.exists", "", "", "SERVFAIL"))
	warned := healthy()
	warned.Results = append(warned.Results, fail("a.b", diagnosis.Warning, "", diagnosis.Finding{Severity: diagnosis.Warning}))
	advised := healthy()
	advised.Results = append(advised.Results, fail("a.b", diagnosis.Advice, "", diagnosis.Finding{Severity: diagnosis.Advice}))
	for name, test := range map[string]struct {
		reports []diagnosis.Report
		want    int
	}{
		"healthy":         {[]diagnosis.Report{healthy()}, 0},
		"advice":          {[]diagnosis.Report{advised}, 0},
		"a doubt":         {[]diagnosis.Report{unclear}, 0},
		"warning":         {[]diagnosis.Report{healthy(), warned}, 1},
		"critical":        {[]diagnosis.Report{warned, sick(), healthy()}, 2},
		"cut short":       {[]diagnosis.Report{interrupted()}, 3},
		"doubt + warning": {[]diagnosis.Report{interrupted(), warned}, 1},
		"nothing":         {nil, 3},
	} {
		if got := report.NagiosState(test.reports); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// TestFingerprints: they stay when the words and the order change, and differ
// where the findings do.
func TestFingerprints(t *testing.T) {
	before := prints(t, sick())
	changed := sick()
	for i := range changed.Results {
		for j := range changed.Results[i].Findings {
			changed.Results[i].Findings[j].Message += " today"
		}
	}
	if after := prints(t, changed); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("they changed: %v, %v", before, after)
	}
	seen := map[string]bool{}
	for _, p := range before {
		if seen[p] {
			t.Errorf("%s stands for two", p)
		}
		seen[p] = true
	}
}

func prints(t *testing.T, r diagnosis.Report) []string {
	t.Helper()
	var issues []struct{ Fingerprint string }
	if err := json.Unmarshal([]byte(written(t, format(t, "gitlab"), r)), &issues); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, i := range issues {
		list = append(list, i.Fingerprint)
	}
	return list
}

func format(t testing.TB, name string) report.Format {
	for _, f := range report.Formats() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no format %s", name)
	return report.Format{}
}

// BenchmarkStream writes 10,000 reports; what a report takes is given back.
func BenchmarkStream(b *testing.B) {
	for _, name := range []string{"ndjson", "csv"} {
		f := format(b, name)
		reports := make([]diagnosis.Report, 10000)
		for i := range reports {
			reports[i] = sick()
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Write(io.Discard, reports, options()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
