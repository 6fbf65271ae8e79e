package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/metrics"
	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/report"
)

// TestFrozen holds the names that others have written down (in files, waivers,
// scripts, dashboards) to those that were ever published: a name may come, and none
// may go or mean something else. -update adds what is new, and takes nothing away.
func TestFrozen(t *testing.T) {
	path := filepath.Join("..", "testdata", "frozen.txt")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	frozen, now := slices.Collect(strings.Lines(string(text))), namesForGood(t)
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(grown(frozen, now), "")), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, name := range vanished(frozen, now, report.SchemaName) {
		t.Errorf("%s is gone; it was published, and somebody uses it: keep it, or say in the changes what takes its place and never use the name again", name)
	}
	if !slices.Equal(frozen, grown(frozen, now)) {
		t.Errorf("%s lacks names, or is not in order; run go test ./cmd -run TestFrozen -update, and mind that they are for good:\n%s", path, strings.Join(slices.DeleteFunc(now, func(s string) bool { return slices.Contains(frozen, s) }), ""))
	}
}

// namesForGood is every name that is for good, a line each: its kind and itself.
func namesForGood(t *testing.T) []string {
	a := &app{all: suite.All, env: os.Getenv}
	var names []string
	add := func(kind, name string) { names = append(names, kind+" "+name+"\n") }
	for _, c := range a.explained() {
		add("check", c.ID)
	}
	for _, p := range policy.Known() {
		add("policy", p.Name)
	}
	for _, m := range replies.All() {
		add("reply", m.ID)
	}
	for _, name := range desired.ProfileNames() {
		add("profile", name)
	}
	for _, name := range desired.ServiceNames() {
		add("service", name)
	}
	for _, name := range formatNames() {
		add("format", name)
	}
	for _, d := range metrics.Docs() {
		add("metric", d.Name+" "+d.Kind)
	}
	var b bytes.Buffer
	if err := report.Prometheus(&b, nil, report.Options{}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			add("metric", strings.TrimSpace(name))
		}
	}
	for _, line := range shape(t, desired.Schema()) {
		add("key", strings.SplitN(line, ":", 2)[0]) // what it may hold may widen
	}
	for _, line := range shape(t, report.Schema()) {
		add(report.SchemaName, line)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// grown is frozen with what is new in now, in order.
func grown(frozen, now []string) []string {
	all := slices.Concat(frozen, now)
	slices.Sort(all)
	return slices.Compact(all)
}

// vanished is what was frozen and is not there now. A new version of the schema of
// reports may have another shape: that is what it is for.
func vanished(frozen, now []string, schema string) []string {
	var gone []string
	for _, name := range frozen {
		kind, _, _ := strings.Cut(name, " ")
		if !slices.Contains(now, name) && (!strings.HasPrefix(kind, "maildoctor.report/") || kind == schema) {
			gone = append(gone, strings.TrimSpace(name))
		}
	}
	return gone
}

// shape is the properties that a JSON Schema tells of, a line each: where it stands,
// its type, and whether it is always there; and the words that it may have.
func shape(t *testing.T, schema []byte) []string {
	var doc map[string]any
	if err := json.Unmarshal(schema, &doc); err != nil {
		t.Fatal(err)
	}
	lines := shapeOf("", doc)
	defs, _ := doc["$defs"].(map[string]any)
	for name, is := range defs {
		lines = append(lines, shapeOf(name, is)...)
	}
	return lines
}

// shapeOf is the same of one form, whose name is the path to it.
func shapeOf(name string, is any) []string {
	form, _ := is.(map[string]any)
	var lines []string
	words, _ := form["enum"].([]any)
	for _, word := range words {
		lines = append(lines, fmt.Sprintf("%s: may be %v", name, word))
	}
	required, _ := form["required"].([]any)
	properties, _ := form["properties"].(map[string]any)
	for property, is := range properties {
		form, _ := is.(map[string]any)
		path := strings.TrimPrefix(name+"."+property, ".")
		line := path + ": " + typeOf(form)
		if slices.Contains(required, any(property)) {
			line += ", always"
		}
		lines = append(append(lines, line), shapeOf(path, form)...)
	}
	for _, among := range []string{"anyOf", "oneOf"} {
		forms, _ := form[among].([]any)
		for _, one := range forms {
			lines = append(lines, shapeOf(name, one)...)
		}
	}
	if items, ok := form["items"]; ok {
		lines = append(lines, shapeOf(name, items)...)
	}
	return lines
}

// typeOf is what a value is, in a word or two.
func typeOf(form map[string]any) string {
	if to, ok := form["$ref"].(string); ok {
		return strings.TrimPrefix(to, "#/$defs/")
	}
	if items, ok := form["items"].(map[string]any); ok {
		return "list of " + typeOf(items)
	}
	if is, ok := form["type"].(string); ok {
		return is
	}
	if is, ok := form["const"]; ok {
		return fmt.Sprint(is)
	}
	return "any"
}

// The list only grows, whatever is there now.
func TestFrozenOnlyGrows(t *testing.T) {
	frozen := []string{"check a.one\n", "check a.two\n", "maildoctor.report/v1 x: string\n"}
	now := []string{"check a.three\n", "check a.two\n"}
	if got := strings.Join(grown(frozen, now), ""); got != "check a.one\ncheck a.three\ncheck a.two\nmaildoctor.report/v1 x: string\n" {
		t.Errorf("-update makes of it\n%s", got)
	}
	if got := vanished(frozen, now, "maildoctor.report/v1"); len(got) != 2 {
		t.Errorf("gone in version 1: %q", got)
	}
	if got := vanished(frozen, now, "maildoctor.report/v2"); len(got) != 1 || got[0] != "check a.one" {
		t.Errorf("gone in version 2: %q", got)
	}
}
