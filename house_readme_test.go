package main_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/cmd"
)

var (
	// readmePicture is the block of README.md that shows what the demo prints.
	readmePicture = regexp.MustCompile("(?s)```text\n(.*?)```")
	// measured is what differs from run to run, or with every check that is added.
	measured = regexp.MustCompile(`\d+ (passed|questions in [\d.]+ m?s)`)
)

// elision is the line that stands in the picture for lines left out.
const elision = "⋮"

// TestReadme holds the picture in README.md to be what `go run . demo` prints.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := readmePicture.FindSubmatch(text)
	if block == nil {
		t.Fatal("README.md shows no output of the demo")
	}
	var out, errs bytes.Buffer
	t.Setenv("COLUMNS", "80")
	if code := cmd.Main([]string{"demo"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("demo exits with %d: %s", code, errs.String())
	}
	rest := unmeasured(out.String())
	for part := range strings.SplitSeq(unmeasured(string(block[1])), elision+"\n") {
		_, after, found := strings.Cut(rest, strings.Trim(part, "\n"))
		if !found {
			t.Fatalf("README.md shows, as output of the demo or in that order,\n%s\nbut the demo prints\n%s", part, out.String())
		}
		rest = after
	}
}

func unmeasured(s string) string { return measured.ReplaceAllString(s, "N") }
