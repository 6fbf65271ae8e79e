package zonelint

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/zonefile"
)

var update = flag.Bool("update", false, "rewrite what the zones of testdata/zones/lint want; the diff is the review")

// want begins the comment at the end of a zone that says what is found in it.
const want = "\n; want:\n"

// load reads a zone file as the command does; origin is for one that does not
// say of which zone it is.
func load(t testing.TB, name, text, origin string) File {
	t.Helper()
	file, problems, err := zonefile.Parse(strings.NewReader(text), zonefile.ReadOptions{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	file.Name = name
	zone, ok := ZoneOf(file)
	if !ok {
		zone = origin
	}
	return File{File: file, Problems: problems, Zone: zone}
}

// findings is a line for each finding and doubt.
func findings(r diagnosis.Report) string {
	var b strings.Builder
	for _, result := range r.Results {
		for _, f := range result.Findings {
			fmt.Fprintf(&b, "; %s %s %s: %s\n", f.Severity, result.Rule.ID, strings.Join(f.Places, ","), f.Message)
		}
		for _, d := range result.Doubts {
			fmt.Fprintf(&b, "; unknown %s %s: %s\n", result.Rule.ID, d.Subject, d.Reason)
		}
	}
	return b.String()
}

// TestRules judges testdata/zones/lint/ID.zone, in which the rule ID is broken,
// and the zones named ID.*.zone beside it. Each ends with what is found in it.
func TestRules(t *testing.T) {
	const dir = "../testdata/zones/lint"
	names, err := filepath.Glob(dir + "/*.zone")
	if err != nil || len(names) == 0 {
		t.Fatalf("no zones: %v", err)
	}
	for _, r := range Rules() {
		if !slices.Contains(names, dir+"/"+r.ID+".zone") {
			t.Errorf("%s/%s.zone is missing: a zone that breaks the rule", dir, r.ID)
		}
	}
	for _, name := range names {
		base := filepath.Base(name)
		t.Run(base, func(t *testing.T) {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text, wanted, _ := strings.Cut(string(content), want)
			got := findings(Lint(t.Context(), []File{load(t, base, text+"\n", "example.org.")})[0])
			if *update {
				if err := os.WriteFile(name, []byte(strings.TrimRight(text, "\n")+"\n"+want+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != wanted {
				t.Errorf("found\n%swanted\n%s", got, wanted)
			}
			if id := strings.TrimSuffix(base, ".zone"); slices.ContainsFunc(Rules(), func(r diagnosis.Rule) bool { return r.ID == id }) && !strings.Contains(got, " "+id+" ") {
				t.Errorf("nothing breaks %s:\n%s", id, got)
			}
			if strings.Contains(base, ".good.") && got != "" {
				t.Errorf("found in a good zone:\n%s", got)
			}
		})
	}
}

// TestGoodZones: what the suites and the services tell people to publish is
// found in order; what is found is advice at most.
func TestGoodZones(t *testing.T) {
	names, err := filepath.Glob("../testdata/zones/*.zone")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d zones: %v", len(names), err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		report := Lint(t.Context(), []File{load(t, filepath.Base(name), string(content), "example.org.")})[0]
		for line := range strings.Lines(findings(report)) {
			if !strings.HasPrefix(line, "; advice ") {
				t.Errorf("%s: %s", filepath.Base(name), line)
			}
		}
	}
}

// TestRemediesCure does what remedies say, each alone, on the zones of TestRules:
// the finding is gone then, and nothing above advice has come.
func TestRemediesCure(t *testing.T) {
	names, err := filepath.Glob("../testdata/zones/lint/*.zone")
	if err != nil || len(names) == 0 {
		t.Fatalf("no zones: %v", err)
	}
	cured := 0
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file := load(t, "before", string(content), "example.org.")
		before := Lint(t.Context(), []File{file})[0]
		rewritten := Lint(t.Context(), []File{load(t, "rewritten", written(t, file.Entries), "example.org.")})[0]
		for _, result := range before.Results {
			for _, f := range result.Findings {
				entries, ok := cure(t, file, f)
				if !ok {
					continue
				}
				cured++
				after := Lint(t.Context(), []File{load(t, "after", written(t, entries), "example.org.")})[0]
				for _, r := range after.Results {
					for _, g := range r.Findings {
						same := r.Rule.ID == result.Rule.ID && g.Message == f.Message
						if same || g.Severity > diagnosis.Advice && !says(before, g.Message) && !says(rewritten, g.Message) {
							t.Errorf("%s: after the remedy for %q: %q", filepath.Base(name), f.Message, g.Message)
						}
					}
				}
			}
		}
	}
	if cured < 20 {
		t.Errorf("only %d remedies were tried", cured)
	}
}

// cure is the entries of a file after the remedy of a finding; ok is false where
// it is for a person alone.
func cure(t *testing.T, file File, f diagnosis.Finding) (entries []zonefile.Entry, ok bool) {
	entries = slices.Clone(file.Entries)
	for _, edit := range f.Remedy.Edits {
		if !strings.HasSuffix(edit.Slot.Name, ".example.org.") && edit.Slot.Name != "example.org." {
			return nil, false // for another zone
		}
		entries = slices.DeleteFunc(entries, func(e zonefile.Entry) bool { return edit.Slot.Holds(e.Record) })
		for _, r := range edit.Want {
			entries, ok = append(entries, zonefile.Entry{Record: r}), true
		}
		ok = ok || len(edit.Want) == 0
	}
	for _, step := range f.Remedy.Steps {
		if _, line, found := strings.Cut(step, "Write it as `"); found {
			read, err := zonefile.Read(strings.NewReader(strings.TrimSuffix(line, "`")+"\n"), ".")
			if err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			at := slices.IndexFunc(entries, func(e zonefile.Entry) bool { return slices.Contains(f.Places, file.Place(e)) })
			entries[at].Record, ok = read[0], true
		}
	}
	return entries, ok
}

// written is entries as a file, which shows no more how they were written before.
func written(t *testing.T, entries []zonefile.Entry) string {
	t.Helper()
	var b bytes.Buffer
	if err := zonefile.Write(&b, entries, zonefile.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func says(r diagnosis.Report, message string) bool {
	return slices.ContainsFunc(r.Results, func(result diagnosis.Result) bool {
		return slices.ContainsFunc(result.Findings, func(f diagnosis.Finding) bool { return f.Message == message })
	})
}

// Every rule says what it claims, why that matters and by whose word.
func TestTexts(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range Rules() {
		if seen[r.ID] || !strings.HasPrefix(r.ID, "zone.") {
			t.Errorf("the ID %s is not zone.name, or there twice", r.ID)
		}
		seen[r.ID] = true
		for _, text := range []string{r.Title, r.Why, r.Doc} {
			if text == "" || strings.TrimSpace(text) != text {
				t.Errorf("%s: a text is empty or has white space around it: %q", r.ID, text)
			}
		}
		if strings.HasSuffix(r.Title, ".") || len(r.Refs) == 0 || !strings.Contains(r.Doc, "To fix it") {
			t.Errorf("%s: a title is no sentence; the doc says how to fix it; there is a reference", r.ID)
		}
		for _, ref := range r.Refs {
			if ref.URL == "" && !strings.HasPrefix(ref.Name, "RFC ") {
				t.Errorf("%s: %s has no URL", r.ID, ref.Name)
			}
		}
	}
}

// One file answers what another leaves open.
func TestSeveralFiles(t *testing.T) {
	const org = "$ORIGIN example.org.\n@ SOA ns h 1 2 3 4 5\n@ NS ns.example.net.\n@ MX 10 mx.example.net.\n_dmarc TXT \"v=DMARC1; p=none; rua=mailto:d@example.net\"\n"
	const net = "$ORIGIN example.net.\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nmail A 192.0.2.25\n"
	alone := findings(Lint(t.Context(), []File{load(t, "org", org, "")})[0])
	both := findings(Lint(t.Context(), []File{load(t, "org", org, ""), load(t, "net", net, "")})[0])
	if alone != "" {
		t.Errorf("alone: %s", alone)
	}
	for _, part := range []string{"zone.target-address org:4", "zone.report-consent org:5"} {
		if !strings.Contains(both, part) {
			t.Errorf("no %s in\n%s", part, both)
		}
	}
}

func TestZoneOf(t *testing.T) {
	for text, wanted := range map[string]string{
		"$ORIGIN example.org.\n@ SOA a b 1 2 3 4 5\n":                            "example.org.",
		"$ORIGIN example.org.\n$ORIGIN sub\n@ A 192.0.2.1\n":                     "example.org.",
		"example.org. A 192.0.2.1\n_dmarc.example.org. TXT x\n":                  "example.org.",
		"_dmarc.example.org. TXT x\n":                                            "example.org.",
		"_25._tcp.mail.example.org. TLSA 3 1 1 00\n*.example.org. A 192.0.2.1\n": "example.org.",
		"@ A 192.0.2.1\n": "",
		"a.example. A 192.0.2.1\nb.test. A 192.0.2.1\n": "",
		"@ SOA a b 1 2 3 4 5\n":                         "",
		"":                                              "",
	} {
		file, _, err := zonefile.Parse(strings.NewReader(text), zonefile.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if zone, ok := ZoneOf(file); ok != (wanted != "") || ok && zone != wanted {
			t.Errorf("%q: %s %v, want %q", text, zone, ok, wanted)
		}
	}
}

// big is a zone of n records or so, of every kind that mail needs.
func big(n int) string {
	var b bytes.Buffer
	b.WriteString("$ORIGIN example.org.\n$TTL 3600\n@ SOA ns h 1 2 3 4 5\n@ NS ns.example.net.\n")
	for i := range n / 5 {
		fmt.Fprintf(&b, "d%d MX 10 mail%d\nd%d TXT \"v=spf1 a:mail%d.example.org mx include:_spf.example.net -all\"\n_dmarc.d%d TXT \"v=DMARC1; p=reject; rua=mailto:d@example.org\"\nmail%d A 198.51.100.1\ns._domainkey.d%d CNAME s.relay.example.\n", i, i, i, i, i, i, i)
	}
	return b.String()
}

func BenchmarkLint(b *testing.B) {
	text := big(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if got := findings(Lint(context.Background(), []File{load(b, "big", text, "")})[0]); got != "" {
			b.Fatal(got)
		}
	}
}

// FuzzLint: whatever a file holds is judged, without controls from it in what
// is said.
func FuzzLint(f *testing.F) {
	f.Add(big(10))
	f.Add("$ORIGIN example.org\n@ SOA a b 1 2 3 4 5\n@ MX 10 192.0.2.1\n@ MX 0 .\n@ TXT v=spf1 mx -all\n@ TXT v=spf1 include:example.org ~all\nx._domainkey TXT v=DKIM1; p=\n")
	f.Add("@ CNAME @\n@ MX 10 a.example.org\na_b A 10.0.0.1\n_25._tcp TLSA 3 1 1 00\n@ CAA 1 issue x\n_x SRV 0 0 0 y ; cf_tags=cf-proxied:true\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 || strings.Contains(strings.ToUpper(text), "$GENERATE") {
			t.Skip("bounded elsewhere")
		}
		for _, r := range Lint(t.Context(), []File{load(t, "fuzz", text, "example.org.")}) {
			if got := findings(r); strings.IndexFunc(got, func(r rune) bool { return r != '\n' && r < ' ' || r == 0x7f }) >= 0 {
				t.Errorf("a control in %q", got)
			}
		}
	})
}
