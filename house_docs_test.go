package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// dependencyRow is a row of the tables in docs/dependencies.md: the module, then
// what it is for.
var dependencyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$")

// TestDependencies holds docs/dependencies.md to name every module that go.mod
// requires for its own sake, and nothing else.
func TestDependencies(t *testing.T) {
	text, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := make(map[string]bool)
	for _, row := range dependencyRow.FindAllStringSubmatch(string(text), -1) {
		explained[row[1]] = true
	}
	required := requirements(t)
	for module, direct := range required {
		if direct && !explained[module] {
			t.Errorf("docs/dependencies.md does not say what %s is for", module)
		}
	}
	for module := range explained {
		if _, ok := required[module]; !ok {
			t.Errorf("docs/dependencies.md explains %s, which go.mod does not require", module)
		}
	}
}

// requirements is the modules that go.mod requires, and of each whether it is
// required for its own sake: imported by the house, tests included, or a tool.
func requirements(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	required := make(map[string]bool)
	for _, r := range mod.Require {
		required[r.Path] = !r.Indirect
	}
	if len(required) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	return required
}

// markdownLink is a link of a page of ours to a file, with an anchor or not.
var markdownLink = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks holds the links between our pages to lead somewhere.
func TestLinks(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 4 {
		t.Fatalf("pages: %v", pages)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range markdownLink.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, link[1], err)
			}
		}
	}
}
