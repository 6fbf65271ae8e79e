// Package markup makes pages of HTML of templates that are written as for html/template,
// and of plain data: it reads fields, and calls no methods.
//
// That is what it is for. html/template may call any method by its name, for which the
// linker keeps every exported method of every type in the program; without it the binary
// is a tenth smaller.
//
// It knows fields and variables; if, else, with, range, define and template; and, or, not,
// len, eq and gt. A value may stand in text, in an attribute between double quotes, and,
// as CSS or JS, in style and script; a template that puts one elsewhere is refused.
// Everything but CSS and JS is escaped for where it stands, and an address in href leads
// nowhere unless it begins with https:// or is an anchor of the page.
package markup

import (
	"bufio"
	"io"
	"text/template/parse"
)

// CSS is a style sheet of ours, and JS a script: they are written as they are.
type (
	CSS string
	JS  string
)

// A Template makes pages. It is safe for concurrent use.
type Template struct {
	main   *parse.Tree
	trees  map[string]*parse.Tree
	places map[*parse.ActionNode]place
}

// functions are those that templates may call; what they are bound to is of no matter.
var functions = map[string]any{"and": true, "or": true, "not": true, "len": true, "eq": true, "gt": true}

// Parse reads a template, which may define others.
func Parse(name, text string) (*Template, error) {
	trees, err := parse.Parse(name, text, "", "", functions)
	if err != nil {
		return nil, err
	}
	t := &Template{main: trees[name], trees: trees, places: make(map[*parse.ActionNode]place)}
	for _, tree := range trees {
		if err := t.locate(tree); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Execute writes the page of data. What is wrong with a template, such as a field that
// data does not have, shows here, too, in the middle of the page.
func (t *Template) Execute(w io.Writer, data any) error {
	out := bufio.NewWriter(w)
	if err := newRun(t, out, data).list(t.main.Root); err != nil {
		return err
	}
	return out.Flush()
}
