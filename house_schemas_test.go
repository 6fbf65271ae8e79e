package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// schemaName is how a document says what it is.
var schemaName = regexp.MustCompile("[\"`](maildoctor\\.[a-z-]+/v\\d+)[\"`]")

// TestSchemas: docs/json.md names every kind of document that the program writes, and no
// other.
func TestSchemas(t *testing.T) {
	text, err := os.ReadFile("docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, name := range schemaName.FindAllStringSubmatch(string(text), -1) {
		explained[name[1]] = true
	}
	written := map[string]string{}
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, name := range schemaName.FindAllStringSubmatch(string(source), -1) {
			written[name[1]] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(written) < 20 {
		t.Errorf("only %d were found", len(written))
	}
	for name, path := range written {
		if !explained[name] {
			t.Errorf("%s writes %s: say in docs/json.md which command prints it, or where it is kept", path, name)
		}
	}
	for name := range explained {
		if _, ok := written[name]; !ok {
			t.Errorf("docs/json.md explains %s, which nothing writes", name)
		}
	}
}

// TestReadmeLinksPages: README.md leads to every page of docs.
func TestReadmeLinksPages(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	ours := []string{"docs/dependencies.md"} // is for those who work on the program
	for _, page := range pages {
		page = filepath.ToSlash(page)
		if !slices.Contains(ours, page) && !strings.Contains(string(text), "]("+page+")") {
			t.Errorf("README.md does not lead to %s", page)
		}
	}
}
