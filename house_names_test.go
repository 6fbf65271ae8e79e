package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// neverFails are the checks that can only pass or not tell, and why. Their
// scenario is one in which they cannot tell.
var neverFails = map[string]string{
	"dkim.selector-found":       "a selector that was not found may have a name of its own",
	"dkim.successor-noticed":    "keys of DKIM2 are named and not judged",
	"dkim.tenant-selectors":     "another service may sign in place of Microsoft's",
	"dns.root-known":            "a resolver that does not speak for the internet says nothing of an address",
	"dnsbl.allow-listed":        "that an allow-list does not know an address is no fault",
	"dnsbl.dqs-key":             "a key that does not work is the examiner's matter, not the domain's",
	"dmarc.lookup-conclusive":   "an answer that did not come proves nothing",
	"dnssec.resolver-validates": "what the resolver passes on says nothing of the domain",
	"dnsbl.answer-in-range":     "an answer out of range is the resolver's doing, not the domain's",
	"dnsbl.listing-explained":   "a property of the report",
	"dnsbl.refusal-decoded":     "a list that refuses says nothing of the domain",
	"dnsbl.zone-alive":          "a list that is dead says nothing of the domain",
	"smtp.cert-dane-exempt":     "it says what is no fault",
	"smtp.temporary-answers":    "a temporary answer proves nothing",
}

// alwaysTells are the checks for which nothing can be unknown, and why.
var alwaysTells = map[string]string{
	"dns.idn": "the name itself tells",

	"message.active-content": "the message itself tells",
	"message.attachments":    "the message itself tells",
	"message.author":         "the message itself tells",
	"message.charset":        "the message itself tells",
	"message.date":           "the message itself tells",
	"message.dkim-signature": "the message itself tells",
	"message.forged-results": "the message itself tells",
	"message.headers":        "the message itself tells",
	"message.html-size":      "the message itself tells",
	"message.images":         "the message itself tells",
	"message.lines":          "the message itself tells",
	"message.links":          "the message itself tells",
	"message.message-id":     "the message itself tells",
	"message.mime":           "the message itself tells",
	"message.received-path":  "the message itself tells",
	"message.text-part":      "the message itself tells",
	"message.unsubscribe":    "the message itself tells",
}

const scenarios = "testdata/scenarios"

// A declaration is one `var Name = Checks.Add(...)` in the source.
type declaration struct {
	file, pkg, variable, id string
}

// TestNames holds a check's ID to be its package, its file, its variable and its
// scenarios all at once: whoever knows one finds the others.
func TestNames(t *testing.T) {
	checks := declarations(t)
	seen := make(map[string]string)
	for _, c := range checks {
		topic, name, ok := strings.Cut(c.id, ".")
		if !ok || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.Contains(name, "--") {
			t.Errorf("%s: the ID %q is not topic.kebab-name", c.file, c.id)
		}
		if other, twice := seen[c.id]; twice {
			t.Errorf("%s: %s is declared in %s already", c.file, c.id, other)
		}
		seen[c.id] = c.file
		if want := "checks/" + topic + "/" + strings.ReplaceAll(name, "-", "_") + ".go"; filepath.ToSlash(c.file) != want {
			t.Errorf("%s: %s belongs in %s", c.file, c.id, want)
		}
		if c.pkg != topic {
			t.Errorf("%s: %s is in package %s", c.file, c.id, c.pkg)
		}
		if !isCamelOf(c.variable, name) {
			t.Errorf("%s: the variable of %s is called %s", c.file, c.id, c.variable)
		}
		checkScenarios(t, c.id)
	}
	for id := range neverFails {
		topic, _, _ := strings.Cut(id, ".")
		if _, err := os.Stat(filepath.Join("checks", topic)); err == nil && seen[id] == "" {
			t.Errorf("the list neverFails names %s, which does not exist", id)
		}
	}
	for id := range alwaysTells {
		if seen[id] == "" {
			t.Errorf("the list alwaysTells names %s, which does not exist", id)
		}
	}
	checkStrayScenarios(t, seen)
}

// checkScenarios wants a world in which the check fails, and one in which it
// cannot tell.
func checkScenarios(t *testing.T, id string) {
	if _, never := neverFails[id]; !never {
		checkWant(t, id+".txtar", "fail "+id+": ")
	} else if _, err := os.Stat(filepath.Join(scenarios, id+".txtar")); err == nil {
		checkWant(t, id+".txtar", "unknown "+id+": ")
		return
	}
	if _, always := alwaysTells[id]; !always {
		checkWant(t, id+".unknown.txtar", "unknown "+id+": ")
	}
}

func checkWant(t *testing.T, name, prefix string) {
	archive, err := txtar.ParseFile(filepath.Join(scenarios, name))
	if err != nil {
		t.Errorf("%s is missing: a scenario whose want has a line %q", filepath.Join(scenarios, name), prefix)
		return
	}
	for _, file := range archive.Files {
		for line := range strings.Lines(string(file.Data)) {
			if file.Name == "want" && strings.HasPrefix(line, prefix) {
				return
			}
		}
	}
	t.Errorf("%s: no line of want begins with %q", filepath.Join(scenarios, name), prefix)
}

// checkStrayScenarios wants every scenario that is called after a topic to be
// called after one of its checks, or to be one in which the topic finds nothing:
// TOPIC.healthy.
func checkStrayScenarios(t *testing.T, ids map[string]string) {
	names, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	topics := make(map[string]bool)
	for id := range ids {
		topic, _, _ := strings.Cut(id, ".")
		topics[topic] = true
	}
	for _, name := range names {
		parts := strings.Split(filepath.Base(name), ".")
		if topics[parts[0]] && ids[parts[0]+"."+parts[1]] == "" && !strings.HasPrefix(parts[1], "healthy") {
			t.Errorf("%s: there is no check %s.%s", name, parts[0], parts[1])
		}
	}
}

// isCamelOf reports whether variable is the words of kebab, each with a capital
// first (LookupLimit, CNAMETarget, ObsoleteRRType).
func isCamelOf(variable, kebab string) bool {
	for word := range strings.SplitSeq(kebab, "-") {
		if len(variable) < len(word) || !strings.EqualFold(variable[:len(word)], word) || variable[:1] != strings.ToUpper(variable[:1]) {
			return false
		}
		variable = variable[len(word):]
	}
	return variable == ""
}

func TestIsCamelOf(t *testing.T) {
	for _, c := range []struct {
		variable, kebab string
		want            bool
	}{
		{"LookupLimit", "lookup-limit", true},
		{"CNAMETarget", "cname-target", true},
		{"IPv6Listed", "ipv6-listed", true},
		{"MatchesHELO", "matches-helo", true},
		{"ObsoleteRRType", "obsolete-rrtype", true},
		{"Lookuplimit", "lookup-limit", false},
		{"LookupLimits", "lookup-limit", false},
		{"Lookup", "lookup-limit", false},
		{"lookupLimit", "lookup-limit", false},
	} {
		if got := isCamelOf(c.variable, c.kebab); got != c.want {
			t.Errorf("isCamelOf(%q, %q) = %t", c.variable, c.kebab, got)
		}
	}
}

// declarations is every check that the source of the topics declares. A file
// declares one at most.
func declarations(t *testing.T) []declaration {
	t.Helper()
	names, err := filepath.Glob("checks/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var list []declaration
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		own := declaredIn(t, name, file)
		if len(own) > 1 {
			t.Errorf("%s declares %d checks; one file, one check", name, len(own))
		}
		list = append(list, own...)
	}
	if len(list) == 0 {
		t.Fatal("no check found in checks/*/*.go")
	}
	return list
}

func declaredIn(t *testing.T, name string, file *ast.File) []declaration {
	var list []declaration
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			v := spec.(*ast.ValueSpec)
			if slices.ContainsFunc(v.Values, isAdd) {
				list = append(list, declaration{file: name, pkg: file.Name.Name, variable: v.Names[0].Name, id: idIn(t, name, v)})
			}
		}
	}
	return list
}

// isAdd reports whether e is a call Checks.Add(...).
func isAdd(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Add" {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == "Checks"
}

// idIn is the literal of the field ID in spec.
func idIn(t *testing.T, name string, spec *ast.ValueSpec) string {
	var id string
	ast.Inspect(spec, func(n ast.Node) bool {
		field, ok := n.(*ast.KeyValueExpr)
		if !ok || id != "" {
			return id == ""
		}
		key, isIdent := field.Key.(*ast.Ident)
		if literal, ok := field.Value.(*ast.BasicLit); ok && isIdent && key.Name == "ID" {
			id, _ = strconv.Unquote(literal.Value)
		}
		return true
	})
	if id == "" {
		t.Errorf("%s: the ID of %s is not written as a literal", name, spec.Names[0].Name)
	}
	return id
}
