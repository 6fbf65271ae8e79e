package report_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// TestSARIFSchema holds the logs to the schema of OASIS, and has a library of
// somebody else read them.
func TestSARIFSchema(t *testing.T) {
	s := oasis(t)
	for name, reports := range map[string][]diagnosis.Report{
		"none": nil, "golden": {healthy(), placed(), interrupted()}, "hostile": {hostile()},
	} {
		doc := written(t, format(t, "sarif"), reports...)
		if err := validate(t, s, []byte(doc)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		log, err := sarif.FromString(doc, sarif.WithStrictValidation())
		if err != nil || len(log.Runs) != 1 || len(log.Runs[0].Results) != strings.Count(doc, `"ruleIndex"`) {
			t.Errorf("%s: it is read as %+v, %v", name, log, err)
		}
	}
	// The schema tells right from wrong.
	doc := written(t, format(t, "sarif"), placed())
	for _, c := range []struct{ old, new string }{
		{`"level": "error"`, `"level": "fatal"`}, {`"version": "2.1.0"`, `"version": "2.2"`}, {`"startLine": 12`, `"startLine": 0`}, {`"ruleId"`, `"rule"`},
	} {
		bad := strings.Replace(doc, c.old, c.new, 1)
		if bad == doc {
			t.Errorf("%s is not in the log", c.old)
		} else if validate(t, s, []byte(bad)) == nil {
			t.Errorf("the schema takes %s", c.new)
		}
	}
}

// oasis is the schema of SARIF 2.1.0 with Errata 01, as the library carries it.
func oasis(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "pkg/report/v210/sarif/schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err = strconv.Unquote(lit.Value)
		}
		return true
	})
	if err != nil || !strings.Contains(text, "docs.oasis-open.org") {
		t.Fatalf("the library carries no schema: %v", err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
