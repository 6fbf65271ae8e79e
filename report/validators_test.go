package report_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/peertest"
)

// every is reports of each kind, by name.
func every() map[string][]diagnosis.Report {
	list := map[string][]diagnosis.Report{"none": nil, "golden": {healthy(), placed(), interrupted()}, "address": {address()}, "hostile": {hostile()}}
	for name, evil := range payloads {
		list["hostile, "+name] = []diagnosis.Report{hostileWith(evil)}
	}
	return list
}

// judged has a program judge a document; what it says is empty where all is well.
func judged(t *testing.T, doc, program string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "doc")
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(program, append(args, file)...).CombinedOutput()
	if err != nil {
		return err.Error() + "\n" + string(said)
	}
	return string(said)
}

// TestJUnitSchema holds the test results to the schema that says what is promised.
func TestJUnitSchema(t *testing.T) {
	xmllint := peertest.Program(t, "xmllint")
	valid := func(doc string) string {
		return judged(t, doc, xmllint, "--nonet", "--noout", "--huge", "--quiet", "--schema", filepath.Join("testdata", "junit.xsd"))
	}
	for name, reports := range every() {
		if said := valid(written(t, format(t, "junit"), reports...)); said != "" {
			t.Errorf("%s: %.1000s", name, said)
		}
	}
	doc := written(t, format(t, "junit"), placed())
	for _, c := range []struct{ old, new string }{
		{`<skipped message=`, `<skipped text=`}, {`type="critical"`, `type="grave"`}, {`time="1.234"`, `time="1,234"`}, {`timestamp="2026-11-22T02:00:00"`, `timestamp="yesterday"`}, {`classname="sick.example"`, `classname=""`},
	} {
		bad := strings.Replace(doc, c.old, c.new, 1)
		if bad == doc {
			t.Errorf("%s is not in the document", c.old)
		} else if valid(bad) == "" {
			t.Errorf("the schema takes %s", c.new)
		}
	}
}

// TestJUnitCounts: the figures are those of what follows, which no schema can say.
func TestJUnitCounts(t *testing.T) {
	type figures struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	for name, reports := range every() {
		var doc struct {
			figures
			Suites []struct {
				figures
				Cases []struct {
					Failure *struct{} `xml:"failure"`
					Skipped *struct{} `xml:"skipped"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal([]byte(written(t, format(t, "junit"), reports...)), &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var all figures
		for _, s := range doc.Suites {
			var own figures
			for _, c := range s.Cases {
				own.Tests++
				if c.Failure != nil {
					own.Failures++
				}
				if c.Skipped != nil {
					own.Skipped++
				}
			}
			if own != s.figures {
				t.Errorf("%s: a suite of %+v says %+v", name, own, s.figures)
			}
			all.Tests, all.Failures = all.Tests+own.Tests, all.Failures+own.Failures
		}
		if all != doc.figures || len(doc.Suites) != len(reports) {
			t.Errorf("%s: %d suites of %+v, the document says %+v", name, len(doc.Suites), all, doc.figures)
		}
	}
}

// TestHTMLValid has a validator read the page.
func TestHTMLValid(t *testing.T) {
	tidy := peertest.Program(t, "tidy")
	for name, reports := range every() {
		if name == "hostile, long" || name == "hostile, marks" {
			continue // what is long is of no other form
		}
		if said := judged(t, written(t, format(t, "html"), reports...), tidy, "-quiet", "-errors", "-utf8"); said != "" {
			t.Errorf("%s: %.1000s", name, said)
		}
	}
	if judged(t, strings.Replace(written(t, format(t, "html"), healthy()), "</article>", "", 1)+"<blink>", tidy, "-quiet", "-errors", "-utf8") == "" {
		t.Error("the validator takes anything")
	}
}

// TestPrometheusFamilies: to Prometheus' own parser every metric has a name with our
// prefix and a base unit or none, a help text, a type, and each of its series once.
func TestPrometheusFamilies(t *testing.T) {
	name := regexp.MustCompile(`^maildoctor_[a-z]+(_[a-z]+)*$`)
	for which, reports := range every() {
		p := expfmt.NewTextParser(model.LegacyValidation)
		families, err := p.TextToMetricFamilies(strings.NewReader(written(t, format(t, "prometheus"), reports...)))
		if err != nil {
			t.Errorf("%s: %v", which, err)
		}
		for n, f := range families {
			if !name.MatchString(n) || strings.HasSuffix(n, "_total") || f.GetHelp() == "" || f.GetType().String() != "GAUGE" || len(f.GetMetric()) == 0 {
				t.Errorf("%s: %s is %s, %q", which, n, f.GetType(), f.GetHelp())
			}
			seen := make(map[string]bool)
			for _, m := range f.GetMetric() {
				series := fmt.Sprint(m.GetLabel())
				if seen[series] {
					t.Errorf("%s: %s twice: %.200s", which, n, series)
				}
				seen[series] = true
			}
		}
	}
}
