package main_test

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/cmd"
)

var update = flag.Bool("update", false, "rewrite the picture in README.md")

var (
	// picture is the block of README.md that shows what the demo prints, section
	// by section, with elision where sections are left out.
	picture = regexp.MustCompile("(?s)(```text\n)(.*?)(```)")
	// sectionStart is where a section of a report begins: a domain, a finding, the
	// last line.
	sectionStart = regexp.MustCompile(`(?m)^(── |[✗!?] [A-Z]|For more|\d+ [a-z]+, )`)
	// measured is what differs from run to run, or with every check that is added.
	measured = regexp.MustCompile(`\d+ (passed|skipped|checks? skipped|questions in [\d.]+ m?s)`)
	digits   = regexp.MustCompile(`\d+`)
)

const elision = "⋮\n"

// TestReadme holds the picture in README.md to be what `go run . demo` prints.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := picture.FindSubmatch(text)
	if block == nil {
		t.Fatal("README.md shows no output of the demo")
	}
	had := string(block[2])
	want := redrawn(t, had, demo(t))
	if measured.ReplaceAllString(had, "N") == measured.ReplaceAllString(want, "N") {
		return
	}
	if !*update {
		t.Fatalf("README.md shows what the demo no longer prints; run go test . -update\nthe demo prints\n%s", want)
	}
	text = bytes.Replace(text, block[0], append(append(block[1], want...), block[3]...), 1)
	if err := os.WriteFile("README.md", text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func demo(t *testing.T) string {
	t.Helper()
	t.Setenv("COLUMNS", "80")
	var out, errs bytes.Buffer
	if code := cmd.Main([]string{"demo"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("demo exits with %d: %s", code, errs.String())
	}
	return out.String()
}

// redrawn is the picture made of output: the section of output for each of its
// own, known by the first line without its numbers.
func redrawn(t *testing.T, picture, output string) string {
	t.Helper()
	now := make(map[string]string)
	for _, s := range sections(output) {
		now[title(s)] = s
	}
	var b strings.Builder
	for i, part := range strings.Split(picture, elision) {
		if i > 0 {
			b.WriteString(elision)
		}
		for _, s := range sections(part) {
			if now[title(s)] == "" {
				t.Fatalf("the demo prints no section %q, which README.md shows", title(s))
			}
			b.WriteString(now[title(s)])
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// sections cuts a report before every section start.
func sections(text string) []string {
	var list []string
	starts := sectionStart.FindAllStringIndex(text, -1)
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		list = append(list, text[start[0]:end])
	}
	return list
}

// title is the first line of a section; of the last line of a report, how it begins.
func title(section string) string {
	first, _, _ := strings.Cut(section, "\n")
	if first = digits.ReplaceAllString(first, "N"); strings.HasPrefix(first, "N ") {
		return "the last line"
	}
	return first
}
