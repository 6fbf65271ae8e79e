package markup_test

import (
	"html/template"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/markup"
)

type item struct {
	Name, URL, Anchor string
	N                 int
	Inner             []item
	Next              *item
	hidden            string
}

// Method is one that html/template would call.
func (item) Method() string { return "called" }

var sample = item{
	Name: `</script><b a="1">&'+` + "\x00", URL: "https://example.com/a?b=c", Anchor: "a-1", N: 2,
	Inner: []item{{Name: "one", Inner: []item{{Name: "deep"}}}, {Name: "two"}}, Next: &item{Name: "next"}, hidden: "hidden",
}

// TestSame: a page is what html/template makes of the same template.
func TestSame(t *testing.T) {
	for _, text := range []string{
		"plain", "{{.Name}}", `<a href="{{.URL}}" title="{{.Name}}">{{.N}}</a>`, `<a href="#{{.Anchor}}">x</a>`,
		"{{if .Name}}yes{{else}}no{{end}}{{if .Inner}}a{{end}}{{if and .N (eq .N 2)}}b{{end}}{{if gt (len .Inner) 1}}c{{end}}{{if or .Next .Name}}d{{end}}{{if not .N}}e{{end}}",
		"<ul>\n{{- range .Inner}}\n<li>{{.Name}}{{range .Inner}}, {{.Name}}{{else}} none{{end}}</li>\n{{- end}}\n</ul>",
		"{{range $i, $x := .Inner}}{{if $i}}, {{end}}{{$x.Name}} of {{$.Name}}{{end}}", "{{with .Next}}{{.Name}}{{end}}{{with .Next.Next}}no{{else}}none{{end}}",
		`{{define "tree"}}<i>{{.Name}}</i>{{range .Inner}}{{template "tree" .}}{{end}}{{end}}{{template "tree" .}}`,
		"{{$n := .Name}}{{range .Inner}}{{$n}}{{end}}{{$n = .URL}}{{$n}}", "{{/* a comment */}}x", `<details{{if .N}} open{{end}}>{{.Name}}</details>`, `<a{{if .N}} class="c"{{end}} href="{{.URL}}"{{with .Name}} title="{{.}}"{{end}}>x</a>`, `<p class="{{if .N}}a{{else}}b{{end}} c">{{len .Name}}</p>`,
		`<p{{range .Inner}} data-a="{{.Name}}"{{end}} class="{{range .Inner}}{{.Name}} {{end}}">x</p>`, "<!DOCTYPE html><p title=\"{{.Name}}\">{{.Next.Name}}</p>",
	} {
		var want, got strings.Builder
		oracle, err := template.New("page").Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := oracle.Execute(&want, sample); err != nil {
			t.Fatal(err)
		}
		m, err := markup.Parse("page", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := m.Execute(&got, sample); err != nil || got.String() != want.String() {
			t.Errorf("%s: %v\n%s\nhtml/template has\n%s", text, err, got.String(), want.String())
		}
	}
}

// TestOurs: style and script take texts of ours alone.
func TestOurs(t *testing.T) {
	const text = "<style>{{.CSS}}</style><script>{{.JS}}</script>{{.CSS}}"
	m, err := markup.Parse("page", text)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := m.Execute(&b, struct {
		CSS markup.CSS
		JS  markup.JS
	}{"a > b {}", "if (1 < 2 && 3) {}"}); err != nil || b.String() != "<style>a > b {}</style><script>if (1 < 2 && 3) {}</script>a &gt; b {}" {
		t.Errorf("%v: %s", err, b.String())
	}
	for _, data := range []any{
		struct{ CSS, JS string }{"x", "y"}, struct{ CSS, JS markup.CSS }{"x", "y"},
	} {
		if err := m.Execute(&b, data); err == nil {
			t.Errorf("%T stands in style and script", data)
		}
	}
}

// TestLinks: a link leads to https or within the page, whatever the data says.
func TestLinks(t *testing.T) {
	for url, want := range map[string]string{
		"https://example.com": "https://example.com", "#top": "#top", "javascript:alert(1)": "#", "JaVaScRiPt:alert(1)": "#", " javascript:x": "#",
		"data:text/html,x": "#", "http://example.com": "#", "//example.com": "#", "": "#", `https://a"onclick="x`: `https://a&#34;onclick=&#34;x`,
	} {
		for _, text := range []string{`<a href="{{.}}">x</a>`, `<a class="y" HREF="{{.}}">x</a>`, `<a href="{{if .}}{{end}}{{.}}">x</a>`} {
			m, err := markup.Parse("page", text)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := m.Execute(&b, url); err != nil || !strings.Contains(b.String(), `"`+want+`"`) && !(strings.Contains(text, "if") && strings.Contains(b.String(), `"#"`)) {
				t.Errorf("%s with %q: %v %s", text, url, err, b.String())
			}
		}
	}
	m, err := markup.Parse("page", `<a href="{{.}}{{.}}">x</a>`)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := m.Execute(&b, "javascript:"); err != nil || b.String() != `<a href="##">x</a>` {
		t.Errorf("%v: %s", err, b.String())
	}
}

// TestRefused: what could carry a value where it is more than text is no template, and
// what is not in the data shows.
func TestRefused(t *testing.T) {
	for _, text := range []string{
		`<a href={{.Name}}>`, `<a {{.Name}}>x</a>`, `<{{.Name}}>`, `<a title='{{.Name}}'>x</a>`, `<a href = "{{.Name}}">x</a>`, `<a onclick="{{.Name}}">x</a>`, `<p style="{{.Name}}">x</p>`,
		`<iframe srcdoc="{{.Name}}"></iframe>`, `<a title="{{if .N}}">{{end}}`, `<scr{{if .N}} {{end}}ipt>{{.Name}}</script>`, `<a hr{{if .N}} {{end}}ef="{{.Name}}">x</a>`, `<a {{range .Inner}}f="{{.Name}}" hre{{end}}>x</a>`, `<a {{if .N}}href{{else}}title{{end}}="{{.Name}}">x</a>`, `{{range .Inner}}<p{{end}}`, `<p `, `{{template "none" .}}`,
		`{{define "x"}}<p {{end}}{{template "x" .}}`, `<p {{template "y" .}}>{{define "y"}}a{{end}}`, `{{nothing .}}`, `{{.Name | len}}{{`,
	} {
		if _, err := markup.Parse("page", text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	for _, text := range []string{
		"{{.Nothing}}", "{{.hidden}}", "{{.Method}}", "{{.Name.X}}", "{{.Next.Next.Name}}", "{{range .Name}}x{{end}}", "{{len .N}}", "{{gt .Name 1}}", "{{.Name | len}}",
		"{{.Next.Next}}", `{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, "{{eq 1}}", "<script>{{.Name}}</script>", "<style>{{.Name}}</style>",
	} {
		m, err := markup.Parse("page", text)
		if err != nil {
			continue // so much the better
		}
		var b strings.Builder
		if err := m.Execute(&b, sample); err == nil {
			t.Errorf("%s makes %s", text, b.String())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"{{.Name}}", `<a href="{{.URL}}">{{range .Inner}}{{.N}}{{end}}</a>`, "<script>{{.Name}}</script>", `{{define "a"}}{{end}}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := markup.Parse("page", text)
		if err != nil {
			return
		}
		var b strings.Builder
		if err := m.Execute(&b, sample); err == nil && strings.Contains(b.String(), sample.Name) && !strings.Contains(text, sample.Name) {
			t.Errorf("%s: not escaped", text)
		}
	})
}
