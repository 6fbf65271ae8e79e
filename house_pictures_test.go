package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/cmd"
)

// A still is a picture in docs/pictures of what the demo prints on a terminal.
type still struct {
	file, title, says string
	parts             []stretch
}

// A stretch is lines of the demo's output: from the first that begins with from,
// after the last stretch, to before the next that begins with to.
type stretch struct{ from, to string }

var stills = []still{
	{"check.svg", "maildoctor examines a domain", "Seventeen lines, one for each topic, say what is in order and what is not. Below them one finding in full: SPF needs more DNS lookups than allowed, why that matters, what was seen, and how to fix it.",
		[]stretch{{"── bakery.example", "✗ CRITICAL"}, {"✗ CRITICAL  spf.lookup-limit", "✗ CRITICAL"}}},
	{"plan.svg", "maildoctor plans and rehearses", "A plan: records with what is published, behind a minus, and what it becomes, behind a plus, each with its reason. Below it the rehearsal: the findings before and after, receivers that would accept the mail then, and what goes away.",
		[]stretch{{"── plan for brewery.example", "~ TXT _dmarc"}, {"~ TXT _dmarc", "+ TXT"}, {"── rehearsal", "Now it is carried out"}}},
}

// TestPictures holds docs/pictures to what `go run . demo` prints; make pictures
// draws them anew.
func TestPictures(t *testing.T) {
	lines := strings.Split(colouredDemo(t), "\n")
	for _, s := range stills {
		path := filepath.Join("docs", "pictures", s.file)
		want := terminal(t, s.title, s.says, s.lines(t, lines))
		had, err := os.ReadFile(path)
		if err == nil && measured.ReplaceAllString(string(had), "N") == measured.ReplaceAllString(want, "N") {
			continue
		}
		if !*update {
			t.Errorf("%s shows what the demo no longer prints (%v); run make pictures, and look at it", path, err)
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// lines is the stretches of a picture, with an elision where something is left out.
func (s still) lines(t *testing.T, all []string) []string {
	t.Helper()
	var list []string
	at := 0
	for i, part := range s.parts {
		from := next(all, at, part.from)
		to := next(all, from+1, part.to)
		if from < 0 || to < 0 {
			t.Fatalf("%s: the demo prints nothing from %q to %q", s.file, part.from, part.to)
		}
		if i > 0 && strings.TrimSpace(strings.Join(all[at:from], "")) != "" {
			list = append(list, strings.TrimSpace(elision), "")
		}
		list, at = append(list, all[from:to]...), to
	}
	for strings.TrimSpace(list[len(list)-1]) == "" {
		list = list[:len(list)-1]
	}
	return list
}

// next is the first line from at on that begins so, whatever its colour; -1 if none.
func next(lines []string, at int, prefix string) int {
	for i := max(at, 0); i < len(lines); i++ {
		if strings.HasPrefix(style.ReplaceAllString(lines[i], ""), prefix) {
			return i
		}
	}
	return -1
}

func colouredDemo(t *testing.T) string {
	t.Helper()
	t.Setenv("COLUMNS", "80")
	t.Setenv("TERM", "xterm")
	t.Setenv("CLICOLOR_FORCE", "1")
	t.Setenv("NO_COLOR", "")
	t.Setenv("FORCE_HYPERLINK", "0")
	var out, errs bytes.Buffer
	if code := cmd.Main([]string{"demo"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("demo exits with %d: %s", code, errs.String())
	}
	return out.String()
}
