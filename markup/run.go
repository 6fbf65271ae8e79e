package markup

import (
	"bufio"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"
)

// A run is one execution of a template.
type run struct {
	t     *Template
	out   *bufio.Writer
	dot   reflect.Value
	vars  []variable
	depth int
}

type variable struct {
	name  string
	value reflect.Value
}

// maxDepth bounds templates that call themselves.
const maxDepth = 200

func newRun(t *Template, out *bufio.Writer, data any) *run {
	dot := reflect.ValueOf(data)
	return &run{t: t, out: out, dot: dot, vars: []variable{{"$", dot}}}
}

func (r *run) list(list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, node := range list.Nodes {
		if err := r.node(node); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) node(node parse.Node) error {
	switch n := node.(type) {
	case *parse.TextNode:
		_, err := r.out.Write(n.Text)
		return err
	case *parse.ActionNode:
		v, err := r.pipe(n.Pipe)
		if err != nil || len(n.Pipe.Decl) > 0 {
			return err
		}
		return r.print(v, r.t.places[n])
	case *parse.IfNode:
		return r.branch(&n.BranchNode, r.dot)
	case *parse.WithNode:
		return r.branch(&n.BranchNode, reflect.Value{})
	case *parse.RangeNode:
		return r.each(n)
	case *parse.TemplateNode:
		return r.call(n)
	}
	return fmt.Errorf("%s is not known here", node)
}

// branch is if, whose dot stays, and with, whose dot is what it asks for.
func (r *run) branch(n *parse.BranchNode, dot reflect.Value) error {
	defer r.scope()()
	v, err := r.pipe(n.Pipe)
	if err != nil {
		return err
	}
	if !truth(v) {
		return r.list(n.ElseList)
	}
	if !dot.IsValid() {
		r.dot = v
	}
	return r.list(n.List)
}

// scope remembers the dot and the variables until what it returns is called.
func (r *run) scope() func() {
	dot, vars := r.dot, len(r.vars)
	return func() { r.dot, r.vars = dot, r.vars[:vars] }
}

func (r *run) each(n *parse.RangeNode) error {
	defer r.scope()()
	decl := n.Pipe.Decl
	v, err := r.value(n.Pipe)
	if err != nil {
		return err
	}
	if v = plain(v); v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return fmt.Errorf("range over %s: it is no list", n.Pipe)
	}
	if v.Len() == 0 {
		return r.list(n.ElseList)
	}
	vars := len(r.vars)
	for i := range v.Len() {
		r.dot, r.vars = v.Index(i), r.vars[:vars]
		switch len(decl) {
		case 1:
			r.vars = append(r.vars, variable{decl[0].Ident[0], r.dot})
		case 2:
			r.vars = append(r.vars, variable{decl[0].Ident[0], reflect.ValueOf(i)}, variable{decl[1].Ident[0], r.dot})
		}
		if err := r.list(n.List); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) call(n *parse.TemplateNode) error {
	if r.depth == maxDepth {
		return fmt.Errorf("template %s calls itself too often", n.Name)
	}
	var dot reflect.Value
	if n.Pipe != nil {
		var err error
		if dot, err = r.value(n.Pipe); err != nil {
			return err
		}
	}
	inner := &run{t: r.t, out: r.out, dot: dot, vars: []variable{{"$", dot}}, depth: r.depth + 1}
	return inner.list(r.t.trees[n.Name].Root)
}

// pipe is the value of a pipe; it sets the variable that it declares or assigns.
func (r *run) pipe(p *parse.PipeNode) (reflect.Value, error) {
	v, err := r.value(p)
	if err != nil || len(p.Decl) == 0 {
		return v, err
	}
	name := p.Decl[0].Ident[0]
	if !p.IsAssign {
		r.vars = append(r.vars, variable{name, v})
		return v, nil
	}
	i := r.find(name)
	if i < 0 {
		return v, fmt.Errorf("there is no variable %s", name)
	}
	r.vars[i].value = v
	return v, nil
}

func (r *run) find(name string) int {
	for i, v := range slices.Backward(r.vars) {
		if v.name == name {
			return i
		}
	}
	return -1
}

func (r *run) value(p *parse.PipeNode) (reflect.Value, error) {
	if len(p.Cmds) != 1 {
		return reflect.Value{}, fmt.Errorf("%s: one command, and no more, is known here", p)
	}
	args := p.Cmds[0].Args
	if name, ok := args[0].(*parse.IdentifierNode); ok {
		return r.function(name.Ident, args[1:])
	}
	if len(args) > 1 {
		return reflect.Value{}, fmt.Errorf("%s: methods are not called", p)
	}
	return r.argument(args[0])
}

func (r *run) argument(node parse.Node) (reflect.Value, error) {
	switch n := node.(type) {
	case *parse.DotNode:
		return r.dot, nil
	case *parse.FieldNode:
		return fields(r.dot, n.Ident)
	case *parse.VariableNode:
		i := r.find(n.Ident[0])
		if i < 0 {
			return reflect.Value{}, fmt.Errorf("there is no variable %s", n.Ident[0])
		}
		return fields(r.vars[i].value, n.Ident[1:])
	case *parse.PipeNode:
		return r.value(n)
	case *parse.NumberNode:
		return reflect.ValueOf(int(n.Int64)), nil
	case *parse.StringNode:
		return reflect.ValueOf(n.Text), nil
	case *parse.BoolNode:
		return reflect.ValueOf(n.True), nil
	}
	return reflect.Value{}, fmt.Errorf("%s is not known here", node)
}

func (r *run) function(name string, nodes []parse.Node) (reflect.Value, error) {
	var args []reflect.Value
	for _, node := range nodes {
		v, err := r.argument(node)
		if err != nil {
			return v, err
		}
		args = append(args, v)
		if name == "and" && !truth(v) || name == "or" && truth(v) {
			return v, nil // the rest is not looked at
		}
	}
	switch {
	case (name == "and" || name == "or") && len(args) > 0:
		return args[len(args)-1], nil
	case name == "not" && len(args) == 1:
		return reflect.ValueOf(!truth(args[0])), nil
	case name == "len" && len(args) == 1:
		switch v := plain(args[0]); v.Kind() {
		case reflect.Slice, reflect.Array, reflect.String, reflect.Map:
			return reflect.ValueOf(v.Len()), nil
		}
	case name == "eq" && len(args) == 2:
		a, b := plain(args[0]), plain(args[1])
		return reflect.ValueOf(a.Kind() == b.Kind() && a.Comparable() && fmt.Sprint(a) == fmt.Sprint(b)), nil
	case name == "gt" && len(args) == 2 && plain(args[0]).CanInt() && plain(args[1]).CanInt():
		return reflect.ValueOf(plain(args[0]).Int() > plain(args[1]).Int()), nil
	}
	return reflect.Value{}, fmt.Errorf("%s does not take that", name)
}

// fields is a field of a field of a value.
func fields(v reflect.Value, names []string) (reflect.Value, error) {
	for _, name := range names {
		if v = plain(v); v.Kind() != reflect.Struct {
			return v, fmt.Errorf("there is no .%s: it is no struct", name)
		}
		if v = v.FieldByName(name); !v.IsValid() || !v.CanInterface() {
			return v, fmt.Errorf("there is no field .%s", name)
		}
	}
	return v, nil
}

// plain is what stands behind pointers and interfaces.
func plain(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

// truth is whether there is something: not 0, not empty, not nil.
func truth(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Slice, reflect.Array, reflect.String, reflect.Map:
		return v.Len() > 0
	case reflect.Struct:
		return true
	}
	return !v.IsZero()
}

// escaper is that of html/template.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;", "\x00", "\uFFFD")

// print writes a value where it stands.
func (r *run) print(v reflect.Value, p place) error {
	if v = plain(v); !v.IsValid() {
		return errors.New("a value is missing")
	}
	switch text := v.Interface().(type) {
	case CSS:
		if p.in == inStyle {
			_, err := r.out.WriteString(string(text))
			return err
		}
	case JS:
		if p.in == inScript {
			_, err := r.out.WriteString(string(text))
			return err
		}
	}
	if p.in == inStyle || p.in == inScript {
		return fmt.Errorf("a value that is neither CSS nor JS stands in <%s>", p.tag)
	}
	text := fmt.Sprint(v.Interface())
	if p.in == inDouble && p.leads() {
		if whole := p.begun + text; !strings.HasPrefix(whole, "https://") && !strings.HasPrefix(whole, "#") {
			text = "#"
		}
	}
	_, err := escaper.WriteString(r.out, text)
	return err
}
