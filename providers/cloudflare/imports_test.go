package cloudflare_test

import (
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds that of Cloudflare's library only the packages are built that
// are needed: its root package takes five times the time and memory to build, and
// ten megabytes of the program.
func TestImports(t *testing.T) {
	const library = "github.com/cloudflare/cloudflare-go"
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			part, ok := strings.CutPrefix(path, library+"/v7")
			if strings.HasPrefix(path, library) && (!ok || !slices.Contains([]string{"/dns", "/zones", "/option"}, part)) {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
	list, err := exec.Command("go", "list", "-deps", "-test", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for path := range strings.Lines(string(list)) {
		path = strings.TrimSpace(path)
		if path == library+"/v7" {
			t.Errorf("%s is built in", path)
		}
		if strings.HasPrefix(path, library) {
			n++
		}
	}
	if n == 0 || n > 20 {
		t.Errorf("%d packages of the library are built in", n)
	}
}
